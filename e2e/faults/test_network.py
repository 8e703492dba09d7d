"""The network between gateway and database is slow, stalls, and breaks."""

from __future__ import annotations

import asyncio
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
STALL = 2  # seconds for which nothing passes and nobody is told


async def test_a_wire_that_is_slow_stalls_and_breaks_in_the_middle_of_batches_loses_nothing(
    database: Database, tmp_path: Path
) -> None:
    texts = day(7, 150, datetime.now(UTC))
    settings = settings_of(database)
    async with Wire(database.server.port, delay=0.002) as wire:
        over = replace(settings["gateway"].database, port=wire.port)
        center = Center.of(settings, tmp_path)
        center.gateways = [Part.of(settings["gateway"], tmp_path / "gateway.log", over)]
        async with center:
            engine = Engine([part.settings.mllp_port for part in center.gateways], texts, patience=20)
            playing = asyncio.create_task(engine.run())
            for share in range(1, 6):
                await engine.reached(share * len(texts) // 8)
                wire.cut()
            await engine.reached(6 * len(texts) // 8)
            wire.open.clear()
            await asyncio.sleep(STALL)  # the fault itself, not a wait for something
            wire.broken = True
            wire.cut()
            wire.open.set()
            wire.broken = False
            await playing
            assert not engine.refused
            await holds(database, center, texts, tmp_path)
