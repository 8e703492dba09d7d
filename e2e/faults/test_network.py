"""The network between gateway and database is slow, refuses, breaks, stalls, and goes half dead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.faults.conftest import settings_of
from e2e.faults.processes import Center, Part
from e2e.faults.traffic import Engine, day
from e2e.faults.truth import holds
from e2e.faults.wire import Wire
from marsad_center.tests.conftest import Database

pytestmark = pytest.mark.postgres


async def until(is_so: Callable[[], Awaitable[bool]], what: str, seconds: float = 90) -> None:
    """Wait for what a fault must bring about."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await is_so():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.1)


async def test_a_wire_that_is_slow_refuses_stalls_and_is_half_dead_in_the_middle_of_batches_loses_nothing(
    database: Database, tmp_path: Path
) -> None:
    texts = day(7, 60, datetime.now(UTC))
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
            await _half_dead(wire, gateway, engine, database)
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


async def _half_dead(wire: Wire, gateway: Part, engine: Engine, database: Database) -> None:
    """What the gateway writes arrives, what is answered does not, for longer than it may hold a message."""
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
    wire.answers.set()


async def _lost(gateway: Part) -> bool:
    return not await gateway.ready()
