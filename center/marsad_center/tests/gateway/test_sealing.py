"""No table holds a patient's number or a message in clear, and everything works as it does without keys."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from marsad_center.gateway.sealed import open_message, open_refused
from marsad_center.gateway.service import Ports
from marsad_center.keys import load
from marsad_center.tests.conftest import Database, make_keys
from marsad_center.tests.gateway.fhir.resources import (
    Document,
    bundle,
    concept,
    encounter,
    put,
    resource,
    send,
    with_fhir,
)
from marsad_center.tests.gateway.playing import adt, gateway, message, sending

ORDER = ("PID|1||SECRET-P^^^MRN", "PV1|1|E|ED|" + "|" * 14 + "SECRET-V", "ORC|NW|SECRET-O|SECRET-F", "OBR|1|||718-7")
REFUSED = ("RF1|R|||||SECRET-R", "PID|1||SECRET-P", "NTE|1||Mrs SECRET-NAME has moved")


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
        assert await sender.code(message("REF^I13", "6", *REFUSED)) == "AA"
    text = await everything(sealed_database)
    assert "KAMC" in text
    assert "SECRET" not in text
    assert "Test^Patient" not in text


def free() -> Document:
    """A concept that is words only, which name the patient."""
    return {"text": "Mrs SECRET-NAME"}


async def say_everything(ports: Ports) -> None:
    """Each road of FHIR, with identifiers and names in all that is free text."""
    who = {"reference": "Patient/SECRET-P"}
    visit = encounter("SECRET-V", "1", subject=who, reasonCode=[free()], text={"div": "SECRET"})
    patient = resource("Patient", "SECRET-P", updated=None, name=[{"text": "SECRET-NAME"}])
    about: Document = {"encounter": {"reference": "Encounter/SECRET-V"}, "subject": who}
    note = resource("Communication", "SECRET-C", status="completed", topic=free(), **about)
    both = bundle(
        "transaction",
        ("PUT Patient/SECRET-P", patient),
        ("PUT Encounter/SECRET-V", visit),
        ("PUT Communication/SECRET-C", note),
    )
    request = resource(
        "ServiceRequest", "SECRET-R", status="active", intent="order", category=[concept("REF")], subject=who
    )
    task: Document = {
        "focus": {"reference": "ServiceRequest/SECRET-R"},
        "intent": "order",
        "statusReason": free(),
        "for": who,
    }
    refused = resource("Task", "SECRET-T", updated=None, status="rejected", note=[{"text": "SECRET"}], **task)
    for content in (both, both, both | {"identifier": {"value": "SECRET-B"}}):
        answer = await send(ports, "POST", "/fhir", content)
        assert (answer.status, answer.raw.count(b"/SECRET-")) == (200, 3)
    advice: Document = {"reasonCode": [free()], "moduleCodeableConcept": free()}
    for each in (
        request,
        refused,
        refused | {"status": "accepted"},
        resource("Condition", "SECRET-D", code=free(), **about),
        resource("GuidanceResponse", "SECRET-G", status="success", **advice, **about),
        encounter("SECRET-W", status="finished", subject=who, hospitalization={"dischargeDisposition": free()}),
    ):
        answer = await send(ports, "PUT", f"/fhir/{each['resourceType']}/{each['id']}", each)
        assert answer.status == 200, answer.raw
    changed = visit | {"status": "finished"}
    assert (await send(ports, "PUT", "/fhir/Encounter/SECRET-V", visit)).status == 200
    assert (await send(ports, "PUT", "/fhir/Encounter/SECRET-V", changed)).status == 409
    entries = bundle("batch", ("POST Patient", patient), ("PUT Encounter/SECRET-V", visit | {"status": "SECRET"}))
    assert (await send(ports, "POST", "/fhir", entries)).status == 200
    assert (await send(ports, "POST", "/fhir", both, feed="EMR|NOBODY")).status == 403


async def test_neither_does_one_of_what_comes_over_fhir(sealed_database: Database) -> None:
    async with gateway(with_fhir(sealed_database)) as ports:
        await say_everything(ports)
    text = await everything(sealed_database)
    assert "KAMC" in text
    assert "SECRET" not in text
    found = await rows(sealed_database, "message")
    assert {row["ack"] for row in found} == {None}
    assert {row["state"] for row in await rows(sealed_database, "encounter")} == {"present", "departed"}


async def test_from_the_number_of_a_fhir_message_nobody_can_try_what_it_was_made_of(sealed_database: Database) -> None:
    """Who has the tables and not the keys must not find out a record number by making the hash of each there can be."""
    versioned, loose = encounter("SECRET-V", "1", updated=None), encounter("SECRET-W", updated=None)
    async with gateway(with_fhir(sealed_database)) as ports:
        for each in (versioned, loose):
            assert (await put(ports, each)).status == 200
    told = [row["control_id"].partition("/") for row in await rows(sealed_database, "message")]
    assert {kind for kind, _slash, _token in told} == {"Encounter"}
    keys = load(sealed_database.keys)
    one = hashlib.sha256(b"Encounter\nSECRET-V\n1\n").hexdigest()
    assert told[0][2] == keys.token(("message", "KAMC"), one)
    text = await everything(sealed_database)
    for known in ("Encounter\nSECRET-V\n1\n", "SECRET-V", "Encounter/SECRET-V", "Encounter/SECRET-W"):
        digest = hashlib.sha256(known.encode())
        assert digest.hexdigest()[:12] not in text
        assert repr(digest.digest())[2:-1] not in text


async def test_answers_over_fhir_stay_the_same_through_a_rotation(sealed_database: Database) -> None:
    database = with_fhir(sealed_database)
    numbered = bundle("transaction", ("PUT Encounter/V1", encounter("V1", "1")), identifier={"value": "B"})
    loose = bundle("transaction", ("PUT Encounter/V2", encounter("V2", updated=None)))
    async with gateway(database) as ports:
        first = [await send(ports, "POST", "/fhir", each) for each in (numbered, loose)]
    assert database.keys is not None
    make_keys(database.keys, 2)
    async with gateway(database) as ports:
        again = [await send(ports, "POST", "/fhir", each) for each in (numbered, loose)]
    assert [each.raw for each in again] == [each.raw for each in first]
    assert b"Encounter/V1/_history/1" in first[0].raw
    assert [row["sealed_with"] for row in await rows(database, "message")] == [1, 1], "one record each"


async def test_facts_of_one_visit_find_each_other_by_their_tokens(sealed_database: Database) -> None:
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        await sender.code(adt("A04", "1", "V1"))
        await sender.code(adt("A03", "2", "V1", at="20261123110000+0300"))
        await sender.code(message("ADT^A40", "3", "PID|1||P-new", "MRG|P-V1"))
    (found,) = await rows(sealed_database, "encounter")
    (whose,) = await rows(sealed_database, "encounter_patient")
    keys = load(sealed_database.keys)
    assert found["state"] == "departed"
    assert found["visit_key"] == keys.token(("visit", "KAMC"), "V1")
    assert whose["patient_key"] == keys.token(("patient", "KAMC"), "P-new")


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
