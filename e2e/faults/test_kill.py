"""kill -9 of gateways, analytics, dashboard and PostgreSQL at random moments under load."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.faults.conftest import settings_of
from e2e.faults.processes import Center
from e2e.faults.traffic import Engine, day
from e2e.faults.truth import feed, holds
from marsad_center.tests.conftest import Database

pytestmark = pytest.mark.postgres
AWAY = 3  # seconds for which nothing brings the database back


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_is_killed_nothing_acknowledged_is_lost_and_every_figure_is_right(
    durable_database: Database, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    texts = day(seed, 150, datetime.now(UTC))
    async with Center.of(settings_of(durable_database), tmp_path, gateways=2) as center:
        engine = Engine([part.settings.mllp_port for part in center.gateways], texts)
        playing = asyncio.create_task(engine.run())
        victims = [*center.parts, None, None]
        chance.shuffle(victims)
        for number, victim in enumerate(victims, start=1):
            await engine.reached(number * len(texts) // (len(victims) + 1) + chance.randrange(5))
            if victim is not None:
                victim.kill()
                victim.start()
            else:
                durable_database.server.kill()
                durable_database.server.start()
        await playing
        assert not engine.refused
        await holds(durable_database, center, texts, tmp_path)


async def test_while_the_database_is_away_freshness_grows_and_afterwards_tells_of_it(
    durable_database: Database, tmp_path: Path
) -> None:
    texts = day(3, 60, datetime.now(UTC))
    async with Center.of(settings_of(durable_database), tmp_path) as center:
        engine = Engine([part.settings.mllp_port for part in center.gateways], texts)
        playing = asyncio.create_task(engine.run())
        await engine.reached(len(texts) // 3)
        durable_database.server.kill()
        try:
            await asyncio.sleep(AWAY)  # the fault itself, not a wait for something
            before = engine.acknowledged
            async with asyncio.timeout(120):  # the page says so instead of showing old figures as new
                while (await center.dashboard.json("/api/v1/center"))["databaseConnected"]:  # noqa: ASYNC110 - its own
                    await asyncio.sleep(0.1)
            assert engine.acknowledged == before, "and nothing is acknowledged"
        finally:
            durable_database.server.start()
        await playing
        await holds(durable_database, center, texts, tmp_path)
        # The wait shows in the freshness of the feed that had to wait.
        await feed(center, lambda row: (row["freshnessSeconds"]["max"] or 0) >= AWAY)
