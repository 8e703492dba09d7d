"""The network between gateway and database is slow, refuses, breaks, stalls, and goes half dead."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.faults.conftest import promising, settings_of
from e2e.faults.processes import Center, Part
from e2e.faults.traffic import Engine, day
from e2e.faults.truth import holds, shown_as, until
from e2e.faults.wire import Wire
from marsad_center.tests.conftest import Database

pytestmark = pytest.mark.postgres


async def test_a_wire_that_is_slow_refuses_stalls_and_is_half_dead_in_the_middle_of_batches_loses_nothing(
    database: Database, tmp_path: Path
) -> None:
    texts = day(7, 60, datetime.now(UTC))
    promising(database, 1)
    settings = settings_of(database)
    async with Wire(database.server.port, delay=0.002) as wire:
        gateway = Part.of(settings["gateway"], tmp_path / "gateway.log")
        over = replace(gateway.settings.database, port=wire.port)
        gateway.settings = replace(gateway.settings, database=over)
        center = Center.of(settings, tmp_path)
        center.gateways = [gateway]
        async with center:
            engine = Engine([gateway.settings.mllp_port], texts, patience=60)
            playing = asyncio.create_task(engine.run())
            for share in range(1, 5):
                await engine.reached(share * len(texts) // 8)
                await _refusing(wire)
            await engine.reached(5 * len(texts) // 8)
            await _half_dead(wire, center, engine, database)
            await engine.reached(7 * len(texts) // 8)
            wire.open.clear()
            await until(lambda: _lost(gateway), "a gateway notices a wire on which nothing passes")
            wire.open.set()  # what it had written before arrives now, after it has begun anew
            await playing
            assert not engine.refused
            await holds(database, center, texts, tmp_path)


async def _refusing(wire: Wire) -> None:
    """Every connection ends, and no new one is let through until the gateway has asked for one."""
    before, wire.broken = wire.refused, True

    async def refused() -> bool:
        return wire.refused > before

    wire.cut()
    await until(refused, "the gateway asks for another connection")
    wire.broken = False


async def _half_dead(wire: Wire, center: Center, engine: Engine, database: Database) -> None:
    """What the gateway writes arrives, what is answered does not, for longer than it may hold a message; what is shown
    is that nothing comes."""
    (gateway,) = center.gateways
    before = await gateway.metric("marsad_gateway_not_stored_total")
    wire.answers.clear()
    acknowledged = -1
    while acknowledged != engine.acknowledged:  # until the answers that were under way are there
        acknowledged = engine.acknowledged
        await asyncio.sleep(1)

    async def let_go() -> bool:
        return await gateway.metric("marsad_gateway_not_stored_total") > before

    await until(let_go, "what is held too long is let go, unanswered")
    async with database.connect("postgres") as connection:
        stored = await connection.fetchval("SELECT count(*) FROM message")
    assert engine.acknowledged == acknowledged, "nothing is acknowledged of which the gateway does not know the commit"
    assert stored >= acknowledged
    assert (await shown_as(center, engine, "silent"))["databaseConnected"] is True
    wire.answers.set()


async def _lost(gateway: Part) -> bool:
    return not await gateway.ready()
