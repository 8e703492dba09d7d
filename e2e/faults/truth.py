"""What must be true after every fault: messages stored once, facts a second reader's, figures recomputed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from e2e import facts, oracle
from e2e.faults.processes import Center
from e2e.faults.traffic import Engine as Engines
from e2e.faults.traffic import write
from marsad_center import registry
from marsad_center.indicators import store
from marsad_center.indicators.engine import Engine
from marsad_center.indicators.figures import Figure
from marsad_center.indicators.freshness import STOPPED_SECONDS
from marsad_center.tests.conftest import Database

FACILITY = "KAMC"


async def holds(database: Database, center: Center, texts: Sequence[str], folder: Path) -> None:
    """Raises AssertionError unless all of it is so; ends analytics to look at what it wrote."""
    async with database.connect("postgres") as connection:
        controls = [row[0] for row in await connection.fetch("SELECT control_id FROM message")]
        assert sorted(map(int, controls)) == list(range(len(texts))), "acknowledged is stored, exactly once"
        counted = json.loads(await connection.fetchval(facts.query(FACILITY)))
    assert counted == facts.told(oracle.count(write(folder / "sent.hl7", texts)))
    await settled(database)
    center.analytics.kill()
    shown = await figures(database)
    again = await recomputed(database)
    different = {key: (shown.get(key), again[key]) for key in again if not again[key].same(shown.get(key))}
    assert not different
    assert shown.keys() == again.keys()
    assert shown["ed.census", FACILITY].value == counted["ed_census"]


async def settled(database: Database, seconds: float = 180) -> None:
    """Wait until analytics has measured every event and computed what rolls with the clock after that."""
    deadline = asyncio.get_running_loop().time() + seconds
    async with database.connect("postgres") as connection:
        while await connection.fetchval("SELECT count(*) FROM unmeasured"):
            assert asyncio.get_running_loop().time() < deadline, "events wait for their figures"
            await asyncio.sleep(0.1)
        before = await store.pulsed(connection)
        while (pulse := await store.pulsed(connection)) == before or pulse is None:
            assert asyncio.get_running_loop().time() < deadline, "analytics does not compute"
            await asyncio.sleep(0.1)


async def figures(database: Database) -> Mapping[tuple[str, str], Figure]:
    """The figures as they are stored."""
    async with database.connect("analytics") as connection:
        return await store.written(connection)


async def recomputed(database: Database) -> Mapping[tuple[str, str], Figure]:
    """The same from scratch, as of analytics' last pulse; what was stored is gone after that."""
    async with database.connect("analytics") as connection:
        now = await store.pulsed(connection)
        assert isinstance(now, datetime)
        engine = Engine()
        engine.declared(registry.load(database.folder / "center.json"))
        await connection.execute("DELETE FROM indicator_value")
        await engine.full(connection, now)
        return await store.written(connection)


async def feed(center: Center, told: Callable[[Mapping[str, Any]], object]) -> Mapping[str, Any]:
    """What the dashboard says of the sender, once that is `told`: it reads a moment after analytics has written."""
    deadline = asyncio.get_running_loop().time() + 120
    while True:
        rows = await center.dashboard.json(f"/api/v1/feeds?facility={FACILITY}")
        found: Mapping[str, Any] = next(row for row in rows if row["facility"] == FACILITY)
        if told(found):
            return found
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(0.1)


async def until(is_so: Callable[[], Awaitable[bool]], what: str, seconds: float = 120) -> None:
    """Wait for what a fault must bring about."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await is_so():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.1)


async def shown_as(center: Center, engines: Engines, state: str) -> dict[str, Any]:
    """Wait until the dashboard says that the feed is so, true all the while; what it says of itself then."""
    found: dict[str, Any] = {}

    async def is_so() -> bool:
        found.update(await honest(center, engines))
        return bool(found["feed"]["state"] == state)

    await until(is_so, f"the feed is shown as {state}")
    return found


async def honest(center: Center, engines: Engines) -> Mapping[str, Any]:
    """What the dashboard says of itself, after it was found to be true, whatever is broken: nothing is counted that did
    not come, nothing is newer than it can be, and nothing is live that is not. Raises AssertionError."""
    feeds = await center.dashboard.json("/api/v1/feeds")
    figures_ = await center.dashboard.json("/api/v1/indicators")
    status = await center.dashboard.json("/api/v1/center")
    mine = next(row for row in feeds if row["facility"] == FACILITY)
    on_their_way = engines.engines  # each has one message that may be stored and not acknowledged yet
    assert mine["accepted"] <= engines.acknowledged + on_their_way
    now = datetime.fromisoformat(status["now"])
    read_at, computed_at = (datetime.fromisoformat(status[name]) for name in ("readAt", "computedAt"))
    assert computed_at <= read_at <= now
    assert all(each["sourceAt"] is None or datetime.fromisoformat(each["sourceAt"]) <= now for each in figures_)
    if status["databaseConnected"]:
        assert now - read_at < timedelta(seconds=60), "read long ago, and says that it can read"
    longest = max(STOPPED_SECONDS, mine["objectiveSeconds"])
    if mine["state"] == "live":
        assert now - computed_at < timedelta(seconds=longest + 30), "live, and nothing was computed for long"
    return {**status, "feed": mine}
