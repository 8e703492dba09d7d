"""Two gateways, one of which merges patients while the other tells of a visit of theirs."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from marsad_center.facts.events import Fact, Merge, Movement
from marsad_center.facts.registry_sync import sync
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


async def test_a_chain_that_is_merged_while_a_visit_of_it_is_told_ends_at_the_same_patient(
    database: Database, eventually: Callable[..., Awaitable[Any]]
) -> None:
    message = await a_message(database)

    def stated(fact: Fact) -> list[Stated]:
        return [Stated("KAMC", message, fact)]

    async with database.connect("gateway") as one, database.connect("gateway") as two:
        async with one.transaction():
            await write_facts(one, stated(Merge("A", "B", NOON)))
        async with database.connect("postgres") as looking:
            visit = one.transaction()
            await visit.start()
            await write_facts(one, stated(Movement("V", "A", "A04", NOON, NOON, patient_class="E")))

            async def merged() -> None:
                async with two.transaction():
                    await write_facts(two, stated(Merge("B", "C", NOON)))

            async def waits() -> bool:
                return bool(await looking.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

            task = asyncio.create_task(merged())
            await eventually(waits)  # until it sees the visit, of which the first transaction has not said yet
            await visit.commit()
            await task
            assert await looking.fetchval("SELECT patient_key FROM encounter") == "C"
