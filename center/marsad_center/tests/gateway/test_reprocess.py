"""Reading stored messages again gives the same facts, and the right ones once a mapping is put right."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from marsad_center.facts.events import Fact, Movement, OrderEvent
from marsad_center.gateway import inbound, readers, reprocess
from marsad_center.gateway.reprocess import Progress, Range
from marsad_center.keys import load
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import send, with_fhir
from marsad_center.tests.gateway.fhir.test_synthea import bundles
from marsad_center.tests.gateway.playing import adt, gateway, message, sending

LOGS = ("movement", "statement", "patient_merge_log", "person_link")
DERIVED = (
    "encounter", "clinical_order", "patient_merge", "appointment", "referral", "prescription", "vaccination",
    "document", "bed", "diagnosis", "contact", "guidance",
)  # fmt: skip
OWN = {"id", "updated_at", "cancelled_by", "message_ids"}  # says which row, not what is known


async def facts(database: Database, *, without: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """All that the tables of facts say, each row as text."""
    async with database.connect("postgres") as connection:
        return {
            table: sorted(
                repr({name: value for name, value in row.items() if name not in OWN | without})
                for row in await connection.fetch(f"SELECT * FROM {table}")
            )
            for table in (*LOGS, *DERIVED)
        }


async def empty(database: Database, *tables: str) -> None:
    async with database.connect("postgres") as connection:
        await connection.execute(f"TRUNCATE {', '.join(tables)}")


async def again(database: Database, chosen: Range | None = None, batch: int = 50) -> Progress:
    """A whole run; what it came to."""
    settings = database.settings("gateway")
    last = Progress()
    async for progress in reprocess.reprocess(settings, load(settings.keys), chosen or Range(), batch=batch):
        last = progress
    assert last.finished
    return last


async def play(database: Database, messages: list[Any]) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        for text in messages:
            assert await sender.code(text) in {"AA", "CA"}


def day(seed: int) -> list[str]:
    """Visits, reversals, merges and orders of a day, in an order of their own; orders under either or both numbers."""
    chance = random.Random(seed)
    texts: list[str] = []

    def at() -> str:
        return f"202611231{chance.randrange(10)}{chance.randrange(6)}{chance.randrange(10)}00+0300"

    for visit in range(12):
        for event in chance.choices(("A04", "A01", "A02", "A03", "A08", "A11", "A12", "A13"), k=chance.randint(1, 5)):
            group = chance.choice("EIO")
            text = adt(event, "", f"V{visit}", at=at(), patient_class=group, place=f"W{chance.randrange(3)}^1^2")
            texts.append(text.replace("^^^MRN|", f"^^^MRN^MR~{visit}^^^MOI^NI|"))
    for _ in range(8):
        merged, survivor = chance.sample(range(12), 2)
        texts.append(message("ADT^A40", "", f"EVN|A40|{at()}", f"PID|1||P-V{survivor}", f"MRG|P-V{merged}", at=at()))
    for order in range(12):
        for _ in range(chance.randint(1, 4)):
            placer, filler = chance.choice(((f"O{order}", ""), ("", f"F{order}"), (f"O{order}", f"F{order}")))
            trigger, control = chance.choice((("ORM^O01", "NW"), ("ORM^O01", "CA"), ("ORU^R01", "RE")))
            lines = (f"ORC|{control}|{placer}|{filler}||||||{at()}", f"OBR|1|{placer}|{filler}|718-7^Hb^LN|||||||")
            service = f"PV1|1|I||||||||{chance.choice(('', 'CARD', 'ENT'))}|||||||||V{order}"
            texts.append(message(trigger, "", "PID|1||P", service, *lines, at=at()))
    chance.shuffle(texts)
    numbered = (text.split("|") for text in texts)
    return ["|".join([*parts[:9], f"m{number}", *parts[10:]]) for number, parts in enumerate(numbered)]


async def test_the_shared_file_read_again_gives_the_same_facts(
    sealed_database: Database, simhospital: list[bytes]
) -> None:
    await play(sealed_database, simhospital)
    before = await facts(sealed_database)
    done = await again(sealed_database)
    assert (done.messages, done.changed, done.unread) == (600, 0, 0)
    assert await facts(sealed_database) == before


@pytest.mark.parametrize("seed", range(4))
async def test_any_day_read_again_gives_the_same_facts_even_where_all_of_them_were_lost(
    sealed_database: Database, seed: int
) -> None:
    await play(sealed_database, day(seed))
    before = await facts(sealed_database)
    assert before["encounter"]
    assert before["patient_merge"]
    assert before["clinical_order"]
    assert before["person_link"]
    assert (await again(sealed_database, batch=7)).changed == 0
    assert await facts(sealed_database) == before
    await empty(sealed_database, *LOGS, *DERIVED)
    await again(sealed_database, batch=7)
    assert await facts(sealed_database) == before


async def test_a_range_is_read_again_and_nothing_else(sealed_database: Database) -> None:
    await play(sealed_database, day(5)[:20])
    async with sealed_database.connect("postgres") as connection:
        middle = await connection.fetchval("SELECT received_at FROM message ORDER BY id OFFSET 10 LIMIT 1")
    before = await facts(sealed_database)
    assert (await again(sealed_database, Range(until=middle))).messages == 10
    assert (await again(sealed_database, Range(since=middle), batch=3)).messages == 10
    assert (await again(sealed_database, Range(facility="ALNOOR"))).messages == 0
    assert (await again(sealed_database, Range(since=datetime(2999, 1, 1, tzinfo=UTC)))).messages == 0
    assert await facts(sealed_database) == before


@contextlib.contextmanager
def misread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A release that takes the patient for the visit, calls orders by other numbers, and forgets merges."""

    def wrong(reader: readers.Reader) -> readers.Reader:
        return lambda *arguments: [fact for right in reader(*arguments) for fact in mistaken(right)]

    def mistaken(fact: Fact) -> list[Fact]:
        match fact:
            case Movement():
                return [replace(fact, visit_key=fact.patient_key, patient_class="O")]
            case OrderEvent():
                return [replace(fact, placer=f"{fact.filler}-{fact.code}", filler="")]
        return []

    with monkeypatch.context() as patched:
        patched.setattr(inbound, "READERS", {kind: wrong(reader) for kind, reader in readers.READERS.items()})
        yield


@pytest.mark.parametrize("seed", [10, 11])
async def test_after_a_mapping_is_put_right_the_facts_are_as_if_it_had_always_been_right(
    sealed_database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    texts = day(seed)
    with misread(monkeypatch):
        await play(sealed_database, texts)
    receipt = frozenset({"received_at", "message_id"})
    wrong = await facts(sealed_database, without=receipt)
    assert (await again(sealed_database, batch=7)).changed > 0
    corrected = await facts(sealed_database, without=receipt)
    await empty(sealed_database, *LOGS, *DERIVED, "message", "unmeasured")
    await play(sealed_database, texts)
    right = await facts(sealed_database, without=receipt)
    assert corrected == right != wrong


async def test_times_are_read_anew_when_a_feeds_zone_was_corrected(sealed_database: Database) -> None:
    await play(sealed_database, [adt("A04", "1", at="20261123100000")])
    path = sealed_database.folder / "center.json"
    path.write_text(path.read_text().replace('"code": "MKH"', '"code": "MKH", "timeZone": "Asia/Riyadh"'))
    assert (await again(sealed_database)).changed == 1
    async with sealed_database.connect("gateway") as connection:
        assert await connection.fetchval("SELECT arrived_at FROM encounter") == datetime(2026, 11, 23, 7, tzinfo=UTC)


async def test_an_interrupted_run_loses_and_doubles_nothing_while_the_gateway_goes_on(
    sealed_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = day(20)
    settings = sealed_database.settings("gateway")
    keys = load(settings.keys)
    with misread(monkeypatch):
        await play(sealed_database, texts[: len(texts) // 2])
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        sent = asyncio.create_task(_send(sender, texts[len(texts) // 2 :]))
        run = reprocess.reprocess(settings, keys, Range(), batch=5)
        stopped = [await anext(run), await anext(run)][-1]
        await run.aclose()
        async for _progress in reprocess.reprocess(settings, keys, Range(after=stopped.at), batch=5):
            pass
        await sent
    await again(sealed_database)  # orders that are called something else now are found at the end of a whole run
    receipt = frozenset({"received_at", "message_id"})
    found = await facts(sealed_database, without=receipt)
    await empty(sealed_database, *LOGS, *DERIVED, "message", "unmeasured")
    await play(sealed_database, texts)
    assert found == await facts(sealed_database, without=receipt)


async def _send(sender: Any, texts: list[str]) -> None:
    for text in texts:
        assert await sender.code(text) == "AA"


async def test_a_message_that_does_not_open_keeps_the_facts_it_had(sealed_database: Database) -> None:
    await play(sealed_database, [adt("A04", "1", "V1"), adt("A04", "2", "V2")])
    before = await facts(sealed_database)
    async with sealed_database.connect("postgres") as connection:
        await connection.execute("UPDATE message SET raw = 'x' || raw WHERE control_id = '1'")
    done = await again(sealed_database)
    assert (done.messages, done.changed, done.unread) == (2, 0, 1)
    assert await facts(sealed_database) == before


async def test_what_is_of_no_format_that_is_read_keeps_the_facts_it_had(sealed_database: Database) -> None:
    await play(sealed_database, [adt("A04", "1", "V1")])
    before = await facts(sealed_database)
    async with sealed_database.connect("postgres") as connection:
        await connection.execute(
            "UPDATE message SET raw = $1, sha256 = sha256($1), sealed_with = NULL", b"<Encounter/>"
        )
    done = await again(sealed_database)
    assert (done.changed, done.unread) == (0, 1)
    assert await facts(sealed_database) == before


async def test_the_gateway_may_replace_facts_and_never_what_it_received(sealed_database: Database) -> None:
    import asyncpg

    async with sealed_database.connect("gateway") as connection:
        for sql in ("DELETE FROM message", "UPDATE message SET raw = ''", "UPDATE message SET sha256 = ''"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)


async def test_fhir_is_read_again_as_what_it_is(sealed_database: Database) -> None:
    async with gateway(with_fhir(sealed_database)) as ports:
        for person in bundles()[:2]:
            assert (await send(ports, "POST", "/fhir", person)).status == 200
    before = await facts(sealed_database)
    assert before["encounter"]
    done = await again(sealed_database)
    assert (done.messages, done.changed, done.unread) == (2, 0, 0)
    assert await facts(sealed_database) == before
    await empty(sealed_database, *LOGS, *DERIVED)
    await again(sealed_database)
    assert await facts(sealed_database) == before
