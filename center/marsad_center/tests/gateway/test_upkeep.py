"""The commands with which people look after what was received, run as in a gateway's pod: a program of its own, the
gateway's role, a real database."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marsad_center.facts.kinds import bits
from marsad_center.gateway import mllp
from marsad_center.gateway.sealed import open_message, open_refused
from marsad_center.indicators import store as indicators
from marsad_center.indicators.engine import Engine
from marsad_center.keys import Keys, load
from marsad_center.tests.conftest import Database, make_keys
from marsad_center.tests.environment import environment
from marsad_center.tests.gateway.fhir.resources import bundle, resource, send, with_fhir
from marsad_center.tests.gateway.playing import adt, gateway, message, sending

SIU = message("ADT^Z99", "siu", "PID|1||SECRET-P")


class Ran:
    """What a command said."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code, self.out, self.err = code, out.decode(), err.decode()

    @property
    def json(self) -> Any:
        """Its last line."""
        return json.loads(self.out.splitlines()[-1])


async def run(database: Database, *arguments: str) -> Ran:
    told = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment(database.settings("gateway"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "marsad_center", *arguments, env=told,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return Ran(process.returncode, out, err)


async def value(database: Database, sql: str) -> Any:
    async with database.connect("postgres") as connection:
        return await connection.fetchval(sql)


async def play(database: Database, *texts: str | bytes) -> None:
    async with gateway(database) as ports:
        for text in texts:
            async with sending(ports) as sender:
                await sender.ask(text)


def declare(database: Database, application: str, facility: str) -> None:
    """Add a feed of KAMC to the registry."""
    path = database.folder / "center.json"
    center = json.loads(path.read_text())
    feed = {"name": "new", "sendingApplication": application, "sendingFacility": facility, "transport": "MLLP"}
    center["facilities"][0]["feeds"].append(feed)
    path.write_text(json.dumps(center))


async def test_the_quarantine_is_listed_with_the_reason_in_words_and_nothing_of_the_content(
    sealed_database: Database,
) -> None:
    await play(sealed_database, adt("A04", "1", "SECRET-V", sender="LIS|NEWLAB"), SIU, b"SECRET is no header")
    ran = await run(sealed_database, "quarantine", "list")
    assert ran.code == 0
    words = {
        "unknown-sender": "no feed is declared for MSH-3 and MSH-4",
        "unknown-trigger": "this trigger is not supported",
        "no-header": "the frame does not begin with MSH",
    }
    for reason, detail in words.items():
        assert re.search(rf" {reason} +{detail}\n", ran.out), ran.out
    assert "KAMC/his HIS|KAMC" in ran.out
    assert ran.out.endswith("3 in quarantine: 1 no-header, 1 unknown-sender, 1 unknown-trigger\n")
    assert "SECRET" not in ran.out
    listed = await run(sealed_database, "quarantine", "list", "--json", "--feed", "KAMC/his")
    assert [(row["reason"], row["controlId"]) for row in listed.json["rows"]] == [("unknown-trigger", "siu")]
    assert (await run(sealed_database, "quarantine", "list", "--json", "--since", "2999-01-01")).json["rows"] == []
    rows = (await run(sealed_database, "quarantine", "list", "--json")).json["rows"]
    advice = {row["reason"]: row["whatToDo"] for row in rows}
    assert "replay it two minutes later: until then the gateway may not know of it" in advice["unknown-sender"]
    assert "the profile or time zone of its feed in the Facility" in advice["no-header"], "as of all that is not listed"


async def test_an_empty_quarantine_says_so(sealed_database: Database) -> None:
    assert (await run(sealed_database, "quarantine", "list")).out == "Nothing is in quarantine.\n"
    assert (await run(sealed_database, "quarantine", "senders")).out == "Every sender is declared.\n"
    assert (await run(sealed_database, "quarantine", "replay", "--all")).out == "Nothing is there to replay.\n"


async def test_content_is_shown_only_when_asked_for_with_a_warning_and_on_record(sealed_database: Database) -> None:
    await play(sealed_database, SIU, b"\x1b[2J\xff SECRET")
    first, second = (
        row["id"] for row in reversed((await run(sealed_database, "quarantine", "list", "--json")).json["rows"])
    )
    shown = await run(sealed_database, "quarantine", "show", str(first))
    assert re.search(r"reason: +unknown-trigger\n", shown.out)
    assert re.search(
        r"whatToDo: +This release does not read this trigger\. Replay it after an upgrade that does\.\n", shown.out
    )
    assert "SECRET" not in shown.out
    assert await value(sealed_database, "SELECT count(*) FROM content_access") == 0
    shown = await run(sealed_database, "quarantine", "show", str(first), str(second), "--content")
    assert "What follows was received as it is and identifies patients. That it was shown is on record." in shown.out
    assert "PID|1||SECRET-P\n" in shown.out
    assert "\\x1b[2J\\xff SECRET" in shown.out, "nothing in it steers the terminal"
    assert await value(sealed_database, "SELECT array_agg(quarantine_id ORDER BY id) FROM content_access") == [
        first,
        second,
    ]
    as_json = (await run(sealed_database, "quarantine", "show", str(first), "--content", "--json")).json
    assert base64.b64decode(as_json["rows"][0]["content"]) == SIU.encode()
    missing = await run(sealed_database, "quarantine", "show", "999")
    assert (missing.code, missing.err) == (1, "999 is not in the quarantine\n")


async def test_unknown_senders_are_listed_for_onboarding(sealed_database: Database) -> None:
    for control in ("1", "2", "2"):
        await play(sealed_database, adt("A04", control, sender="LIS|NEWLAB"))
    found = (await run(sealed_database, "quarantine", "senders", "--json")).json["senders"]
    assert [
        (each["sendingApplication"], each["sendingFacility"], each["messages"], each["declared"]) for each in found
    ] == [("LIS", "NEWLAB", 3, False)]
    assert found[0]["firstAt"] < found[0]["lastAt"]
    assert re.search(r"LIS +NEWLAB +3 .* not declared\n", (await run(sealed_database, "quarantine", "senders")).out)
    declare(sealed_database, "LIS", "NEWLAB")
    await play(sealed_database)  # the gateway takes the registry over
    assert "declared since: replay" in (await run(sealed_database, "quarantine", "senders")).out


async def test_what_an_unknown_sender_sent_is_taken_once_it_is_declared(sealed_database: Database) -> None:
    await play(sealed_database, adt("A04", "1", "V1", sender="LIS|NEWLAB"))
    refused = await run(sealed_database, "quarantine", "replay", "--reason", "unknown-sender")
    assert (refused.code, await value(sealed_database, "SELECT count(*) FROM message")) == (1, 0)
    assert "refused (unknown-sender): no feed is declared for MSH-3 and MSH-4\n1 refused\n" in refused.out
    declare(sealed_database, "LIS", "NEWLAB")
    await play(sealed_database)
    taken = await run(sealed_database, "quarantine", "replay", "--reason", "unknown-sender")
    assert (taken.code, taken.out.splitlines()[-1]) == (0, "1 stored")
    assert await value(sealed_database, "SELECT state FROM encounter WHERE facility = 'KAMC'") == "present"
    assert (await run(sealed_database, "quarantine", "list")).out == "Nothing is in quarantine.\n"
    listed = (await run(sealed_database, "quarantine", "list", "--replayed", "--json")).json["rows"]
    assert [row["outcome"] for row in listed] == ["stored"]
    row = listed[0]["id"]
    again = await run(sealed_database, "quarantine", "replay", str(row))
    assert (again.code, again.err) == (1, f"{row} is not in the quarantine, or was replayed\n")
    async with gateway(sealed_database) as ports, sending(ports) as sender:  # its sender tries on
        assert await sender.code(adt("A04", "1", "V1", sender="LIS|NEWLAB")) == "AA"
    assert await value(sealed_database, "SELECT count(*) FROM message") == 1
    assert await value(sealed_database, "SELECT count(*) FROM movement") == 1


async def test_a_feed_that_is_known_by_replayed_messages_alone_has_figures_up_to_the_newest(
    sealed_database: Database,
) -> None:
    """What it never sent itself since it was declared is counted and measured for nobody."""
    await play(sealed_database, adt("A04", "1", "V1", sender="LIS|NEWLAB"))
    declare(sealed_database, "LIS", "NEWLAB")
    await play(sealed_database)
    assert (await run(sealed_database, "quarantine", "replay", "--all")).code == 0
    async with sealed_database.connect("analytics") as analytics:
        await Engine().full(analytics, datetime.now(UTC))
        census = (await indicators.written(analytics))["ed.census", "KAMC"]
    sent_at = await value(sealed_database, "SELECT sent_at FROM message")
    assert (census.value, census.source_at, census.status) == (1, sent_at, "info")
    counter = "FROM feed_counter JOIN feed ON id = feed_id WHERE name = 'new'"
    assert await value(sealed_database, f"SELECT accepted + received {counter}") == 0
    assert await value(sealed_database, f"SELECT tells {counter}") == bits(["visits"])


async def test_what_is_read_again_moves_on_up_to_when_a_feed_is_known_and_never_back(sealed_database: Database) -> None:
    await play(sealed_database, adt("A04", "1"), adt("A03", "2", at="20261123110000+0300"))
    known = "SELECT last_sent_at FROM feed_counter WHERE accepted > 0"
    newest = await value(sealed_database, known)
    for before in ("NULL", f"'{newest + timedelta(days=1)}'"):
        async with sealed_database.connect("postgres") as connection:
            await connection.execute(f"UPDATE feed_counter SET last_sent_at = {before} WHERE accepted > 0")
        assert (await run(sealed_database, "reprocess")).code == 0
        later = newest if before == "NULL" else newest + timedelta(days=1)
        assert await value(sealed_database, known) == later


async def test_a_trigger_that_a_later_release_reads_gets_its_facts(
    sealed_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from marsad_center.gateway import inbound, readers

    with monkeypatch.context() as older:
        left = {kind: reader for kind, reader in readers.READERS.items() if kind != ("ADT", "A04")}
        older.setattr(inbound, "READERS", left)
        await play(sealed_database, adt("A04", "1"))
    assert await value(sealed_database, "SELECT count(*) FROM encounter") == 0
    taken = await run(sealed_database, "quarantine", "replay", "--all")
    assert (taken.code, taken.out.splitlines()[-1]) == (0, "1 present")
    assert await value(sealed_database, "SELECT state FROM encounter") == "present"
    assert await value(sealed_database, "SELECT count(*) FROM message") == 1


async def test_what_cannot_be_replayed_says_why(sealed_database: Database) -> None:
    long = message("ADT^A04", "long", "NTE|" + "x" * 70_000, sender="LIS|NEWLAB")
    await play(sealed_database, adt("A04", "1"), adt("A04", "1", "V2"), b"junk", long)
    declare(sealed_database, "LIS", "NEWLAB")
    await play(sealed_database)
    ran = await run(sealed_database, "quarantine", "replay", "--all")
    assert ran.code == 1
    for sentence in (
        "refused (conflict): MSH-10 was used before by this sender for other content: the first message counts",
        "refused (no-header): the frame does not begin with MSH",
        "refused (unknown-sender): only its beginning was kept: have its sender send it again",
    ):
        assert sentence in ran.out, ran.out
    assert ran.out.endswith("3 refused\n")


async def test_a_part_of_a_message_never_becomes_one(sealed_database: Database) -> None:
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        sender.writer.write(b"\x0b" + adt("A04", "1").encode())
        sender.writer.write_eof()
        assert await sender.receive() == ""
    ran = await run(sealed_database, "quarantine", "replay", "--all")
    assert "refused (truncated): it never came as a whole message: have its sender send it again" in ran.out
    assert await value(sealed_database, "SELECT count(*) FROM message") == 0


async def test_a_range_is_read_again_and_progress_told(sealed_database: Database) -> None:
    await play(sealed_database, adt("A04", "1"), adt("A03", "2", at="20261123110000+0300"))
    ran = await run(sealed_database, "reprocess", "--batch", "1", "--from", "2020-01-01")
    assert ran.code == 0
    first, second, last = ran.out.splitlines()
    assert re.fullmatch(
        r"1 messages read again, 0 say something else now; received until .* UTC\. To go on .* --after \d+", first
    )
    assert second.startswith("2 messages")
    assert last == "2 messages read again, 0 say something else now. Done."
    assert (await run(sealed_database, "reprocess", "--to", "yesterday")).code == 2


async def test_replay_needs_to_be_told_which_rows(sealed_database: Database) -> None:
    ran = await run(sealed_database, "quarantine", "replay")
    assert (ran.code, ran.err) == (2, "say which rows: by number, --reason, --feed or --all\n")


async def test_what_an_earlier_release_left_in_clear_is_sealed_and_its_identifiers_go(
    sealed_database: Database,
) -> None:
    in_clear = replace(sealed_database, keys=None)
    await play(in_clear, adt("A04", "1", "SECRET-V"), SIU, b"SECRET is no header")
    await play(sealed_database, adt("A03", "2", "SECRET-V", at="20261123110000+0300"))
    async with sealed_database.connect("gateway") as connection:
        row = await connection.fetchrow("SELECT * FROM message WHERE control_id = '1'")
    assert open_message(row, Keys())[:3] == b"MSH", "it is read as it is until then"
    ran = await run(sealed_database, "reseal")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "4 rows sealed with the newest key")
    assert (await run(sealed_database, "reprocess")).code == 0
    async with sealed_database.connect("postgres") as connection:
        tables = [
            await connection.fetch(f"SELECT * FROM {name}")
            for name in ("message", "quarantine", "movement", "encounter")
        ]
    assert "SECRET" not in repr([dict(row) for table in tables for row in table])
    assert [(row["state"], row["point_of_care"]) for row in tables[3]] == [("departed", "ED")], "one visit again"
    keys = load(sealed_database.keys)
    assert [open_message(row, keys)[:3] for row in tables[0]] == [b"MSH"] * 3
    assert b"SECRET is no header" in [open_refused(row, keys) for row in tables[1]]


async def test_answers_over_fhir_that_an_earlier_release_kept_are_forgotten(sealed_database: Database) -> None:
    database = with_fhir(sealed_database)
    content = bundle("transaction", ("PUT Patient/SECRET-P", resource("Patient", "SECRET-P", updated=None)))
    async with gateway(database) as ports, sending(ports) as sender:
        first = await send(ports, "POST", "/fhir", content)
        acknowledged = await sender.ask(adt("A04", "1"))
        async with database.connect("postgres") as connection:
            await connection.execute("UPDATE message SET ack = $1 WHERE ack_code = '200'", first.raw)
        ran = await run(database, "reseal", "--json")
        assert (ran.code, ran.json) == (0, {"rows": 1, "unread": []})
        assert await value(database, "SELECT array_agg(ack ORDER BY id) FROM message") == [
            None,
            mllp.wrap(acknowledged.encode()),
        ]
        assert (await send(ports, "POST", "/fhir", content)).raw == first.raw
    assert (await run(database, "reseal", "--json")).json == {"rows": 0, "unread": []}


async def test_a_rotation_is_finished_by_sealing_anew(sealed_database: Database) -> None:
    await play(sealed_database, adt("A04", "1"), b"no header")
    assert sealed_database.keys is not None
    make_keys(sealed_database.keys, 2)
    assert (await run(sealed_database, "reseal", "--json")).json == {"rows": 2, "unread": []}
    assert (await run(sealed_database, "reseal", "--json")).json == {"rows": 0, "unread": []}
    (sealed_database.keys / "1").unlink()
    assert (await run(sealed_database, "reprocess", "--json")).json["unread"] == 0
    assert await value(sealed_database, "SELECT min(sealed_with) FROM quarantine") == 2


async def test_other_keys_than_those_of_the_database_are_refused(sealed_database: Database) -> None:
    await play(sealed_database, adt("A04", "1"))
    assert sealed_database.keys is not None
    (sealed_database.keys / "tokens").write_text("another-one-that-the-operator-made-anew")
    ran = await run(sealed_database, "quarantine", "list")
    assert ran.code == 2
    assert ran.err == (
        "entry `tokens` of the Secret center-key is not the key that this database was written with: apply your copy of"
        " the Secret and restart the gateway (docs/how-to/keys.md)\n"
    )
    with pytest.raises(ValueError, match="entry `tokens` of the Secret center-key is not the key"):
        await play(sealed_database, adt("A04", "2"))
