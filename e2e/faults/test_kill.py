"""kill -9 of gateways, analytics, dashboard and PostgreSQL at random moments under load."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.faults.conftest import SILENT_AFTER, promising, settings_of
from e2e.faults.processes import Center
from e2e.faults.traffic import Engine, day
from e2e.faults.truth import FACILITY, feed, holds, honest, settled, shown_as
from marsad_center.indicators.freshness import STOPPED_SECONDS
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
            await honest(center, engine)
        finally:
            durable_database.server.start()
        await playing
        await holds(durable_database, center, texts, tmp_path)
        # The wait shows in the freshness of the feed that had to wait.
        await feed(center, lambda row: (row["freshnessSeconds"]["max"] or 0) >= AWAY)


async def test_while_no_gateway_is_there_the_feed_falls_silent_and_no_figure_claims_to_be_newer(
    database: Database, tmp_path: Path
) -> None:
    texts = day(4, 30, datetime.now(UTC))
    promising(database, 1)
    async with Center.of(settings_of(database), tmp_path) as center:
        engine = Engine([part.settings.mllp_port for part in center.gateways], texts)
        playing = asyncio.create_task(engine.run())
        await engine.reached(len(texts) // 3)
        center.gateways[0].kill()
        await settled(database)
        path = f"/api/v1/indicators?facility={FACILITY}&id="
        (before,) = await center.dashboard.json(f"{path}ed.census")
        told = await shown_as(center, engine, "silent")
        assert told["databaseConnected"] is True, "nothing but the gateway is away"
        (after,) = await center.dashboard.json(f"{path}ed.census")
        assert after["sourceAt"] == before["sourceAt"], "it is computed, and of what came before"
        center.gateways[0].start()
        await playing
        await holds(database, center, texts, tmp_path)
        # What waited tells of it.
        await feed(center, lambda row: (row["freshnessSeconds"]["max"] or 0) >= SILENT_AFTER)


async def test_while_nothing_is_computed_no_feed_is_live_however_much_of_it_is_stored(
    database: Database, tmp_path: Path
) -> None:
    texts = day(5, 30, datetime.now(UTC))
    promising(database, 40)  # late after 200 s without a message, but after 45 s without figures
    async with Center.of(settings_of(database), tmp_path) as center:
        engine = Engine([part.settings.mllp_port for part in center.gateways], texts)
        playing = asyncio.create_task(engine.run())
        await engine.reached(len(texts) // 3)
        await shown_as(center, engine, "live")
        center.analytics.kill()
        await playing
        told = await shown_as(center, engine, "stale")
        assert told["feed"]["accepted"] == len(texts), "all came, and is stored"
        assert told["computedAt"] < told["feed"]["lastReceivedAt"], "and the page says from when its figures are"
        for figure in await center.dashboard.json(f"/api/v1/indicators?facility={FACILITY}"):
            assert datetime.fromisoformat(figure["computedAt"]) <= datetime.fromisoformat(told["readAt"])
        center.analytics.start()
        await center.analytics.serves()
        await holds(database, center, texts, tmp_path)
        # What waited for its figures tells of it.
        await feed(center, lambda row: (row["freshnessSeconds"]["max"] or 0) >= STOPPED_SECONDS)
