"""Two gateways, one of which merges patients while the other tells of a visit of theirs, or merges them, too."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from marsad_center.facts.events import Fact, Merge, Movement
from marsad_center.facts.registry_sync import sync
from marsad_center.facts.schema import migrations
from marsad_center.facts.writing import Stated, write_facts
from marsad_center.registry import Center
from marsad_center.tests.conftest import CENTER, Database

NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)


async def a_message(database: Database) -> int:
    """The number of a message, for facts to come from."""
    async with database.connect("gateway") as connection:
        (feed, *_rest) = await sync(connection, Center.model_validate(CENTER))
        number = await connection.fetchval(
            "INSERT INTO message (feed_id, facility, sending_application, sending_facility, control_id, sha256, raw,"
            " charset, message_type, trigger, received_at, ack_code)"
            " VALUES ($1, $2, 'HIS', 'KAMC', '1', $3, 'MSH', 'utf-8', 'ADT', 'A04', $4, 'AA') RETURNING id",
            feed.id,
            feed.facility,
            hashlib.sha256(b"MSH").digest(),
            NOON,
        )
        return int(number)


async def stated(database: Database) -> Callable[[Fact], list[Stated]]:
    """Makes facts of one message."""
    message = await a_message(database)
    return lambda fact: [Stated("KAMC", message, fact)]


async def test_whom_a_visit_belongs_to_is_right_whether_or_not_a_merge_saw_it(database: Database) -> None:
    """Neither waits for the other: a facility's visits must not stand still at each of its merges."""
    of = await stated(database)
    async with database.connect("gateway") as one, database.connect("gateway") as two:
        async with one.transaction():
            await write_facts(one, of(Merge("A", "B", NOON)))
        async with one.transaction():
            await write_facts(one, of(Movement("V", "A", "A04", NOON, NOON, patient_class="E")))
            async with asyncio.timeout(20), two.transaction():  # the visit is not committed yet
                await write_facts(two, of(Merge("B", "C", NOON)))
        assert await one.fetchval("SELECT patient_key FROM encounter_patient") == "C"
        assert await one.fetchval("SELECT patient_key FROM encounter") == "A", "what its own messages say"


async def test_two_merges_of_one_chain_at_once_end_at_one_patient(
    database: Database, eventually: Callable[..., Awaitable[Any]]
) -> None:
    of = await stated(database)
    connect = database.connect
    async with connect("gateway") as one, connect("gateway") as two, connect("postgres") as looking:
        first = one.transaction()
        await first.start()
        await write_facts(one, of(Merge("A", "B", NOON)))

        async def second() -> None:
            async with two.transaction():
                await write_facts(two, of(Merge("B", "C", NOON)))

        async def waits() -> bool:
            return bool(await looking.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        task = asyncio.create_task(second())
        await eventually(waits)  # until it sees the first, which has not been committed yet
        await first.commit()
        await task
        found = await looking.fetch("SELECT merged, stays FROM patient_merge ORDER BY merged")
    assert [tuple(row) for row in found] == [("A", "C"), ("B", "C")]


async def test_the_migration_gives_visits_their_own_numbers_back(database: Database) -> None:
    of = await stated(database)
    async with database.connect("gateway") as connection, connection.transaction():
        await write_facts(connection, of(Merge("A", "B", NOON)))
        for visit, patient in (("V", "A"), ("W", "B"), ("X", "D")):
            await write_facts(connection, of(Movement(visit, patient, "A04", NOON, NOON, patient_class="E")))
    (step,) = (each for each in migrations() if each.name == "whose_visit")
    async with database.connect("owner") as owner, owner.transaction():
        await owner.execute("UPDATE center.encounter SET patient_key = 'B' WHERE visit_key = 'V'")  # as it was written
        await owner.execute("DROP VIEW center.encounter_patient")
        await owner.execute("CREATE INDEX encounter_patient ON center.encounter (patient_key)")
        await owner.execute(step.sql)
        for table, expected in (("encounter", "ABD"), ("encounter_patient", "BBD")):
            rows = await owner.fetch(f"SELECT patient_key FROM center.{table} ORDER BY visit_key")
            assert "".join(row[0] for row in rows) == expected
