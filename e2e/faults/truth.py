"""What must be true after every fault: messages stored once, facts a second reader's, figures recomputed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from e2e import facts, oracle
from e2e.faults.processes import Center
from e2e.faults.traffic import write
from marsad_center.indicators import store
from marsad_center.indicators.engine import Engine
from marsad_center.indicators.figures import Figure
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
