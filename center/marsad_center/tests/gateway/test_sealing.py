"""No table holds a patient's number or a message in clear, and everything works as it does without keys."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from marsad_center.gateway.sealed import open_message, open_refused
from marsad_center.keys import load
from marsad_center.tests.conftest import Database, make_keys
from marsad_center.tests.gateway.playing import adt, gateway, message, sending

ORDER = ("PID|1||SECRET-P^^^MRN", "PV1|1|E|ED|" + "|" * 14 + "SECRET-V", "ORC|NW|SECRET-O|SECRET-F", "OBR|1|||718-7")


async def rows(database: Database, table: str) -> list[Any]:
    async with database.connect("gateway") as connection:
        return list(await connection.fetch(f"SELECT * FROM {table} ORDER BY 1"))


async def everything(database: Database) -> str:
    """Every row of every table, as text and with the bytes of bytea as characters."""
    async with database.connect("postgres") as connection:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'center'")
        tables = [await connection.fetch(f"SELECT * FROM {name[0]}") for name in names]
    return "\n".join(repr(dict(row)) for table in tables for row in table)


async def test_no_table_holds_an_identifier_or_a_message_in_clear(sealed_database: Database) -> None:
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        assert await sender.code(adt("A04", "1", "SECRET-V")) == "AA"
        assert await sender.code(message("ORM^O01", "2", *ORDER)) == "AA"
        assert await sender.code(message("ADT^A40", "3", "PID|1||SECRET-N", "MRG|SECRET-P")) == "AA"
        assert await sender.code(message("ADT^A04", "4", "PID|1||SECRET-P", sender="HIS|NOBODY")) == "AR"
        assert await sender.code(message("ADT^Z99", "5", "PID|1||SECRET-P")) == "AR"
    text = await everything(sealed_database)
    assert "KAMC" in text
    assert "SECRET" not in text
    assert "Test^Patient" not in text


async def test_facts_of_one_visit_find_each_other_by_their_tokens(sealed_database: Database) -> None:
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        await sender.code(adt("A04", "1", "V1"))
        await sender.code(adt("A03", "2", "V1", at="20261123110000+0300"))
        await sender.code(message("ADT^A40", "3", "PID|1||P-new", "MRG|P-V1"))
    (found,) = await rows(sealed_database, "encounter")
    keys = load(sealed_database.keys)
    assert found["state"] == "departed"
    assert found["visit_key"] == keys.token(("visit", "KAMC"), "V1")
    assert found["patient_key"] == keys.token(("patient", "KAMC"), "P-new")


async def test_whoever_has_the_keys_reads_what_came_byte_for_byte(sealed_database: Database) -> None:
    stored, refused = adt("A04", "1").encode(), b"PID|1||no header"
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        await sender.ask(stored)
        await sender.ask(refused)
    keys = load(sealed_database.keys)
    (row,) = await rows(sealed_database, "message")
    assert (row["sealed_with"], open_message(row, keys)) == (1, stored)
    (row,) = await rows(sealed_database, "quarantine")
    assert (row["sealed_with"], open_refused(row, keys)) == (1, refused)


async def test_the_same_bytes_again_are_one_record_before_and_after_a_rotation(sealed_database: Database) -> None:
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        first = await sender.ask(adt("A04", "1"))
    assert sealed_database.keys is not None
    make_keys(sealed_database.keys, 2)
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        assert await sender.ask(adt("A04", "1")) == first
        assert await sender.code(adt("A08", "2", at="20261123110000+0300")) == "AA"
    keys = load(sealed_database.keys)
    found = await rows(sealed_database, "message")
    assert [row["sealed_with"] for row in found] == [1, 2]
    assert [open_message(row, keys)[:3] for row in found] == [b"MSH", b"MSH"]
    assert len(await rows(sealed_database, "encounter")) == 1


async def test_a_gateway_without_keys_says_what_to_do_and_takes_nothing(database: Database, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "MARSAD_KEYS": str(tmp_path / "nowhere")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "marsad_center", "gateway", env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    last = json.loads(output.splitlines()[-1])
    assert process.returncode == 2
    assert last["message"] == "the component cannot start"
    assert "mount the Secret center-key" in last["reason"]
