"""The center's clock is set forth and back under load: facts go by the senders' times, and figures come right again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.faults.conftest import settings_of
from e2e.faults.processes import Center
from e2e.faults.traffic import Engine, day
from e2e.faults.truth import feed, holds, settled
from marsad_center.tests.conftest import Database

pytestmark = pytest.mark.postgres
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)  # Debian's package faketime


def set_clock(file: Path, minutes: int) -> None:
    """Processes that look at this file live so many minutes ahead; those before it was written, in the present."""
    file.with_suffix(".new").write_text(f"{minutes:+d}m\n")
    file.with_suffix(".new").rename(file)


async def test_a_clock_that_jumps_forth_and_back_makes_no_fact_and_no_figure_wrong(
    database: Database, tmp_path: Path
) -> None:
    if LIBRARY is None:
        pytest.skip("Debian's package faketime is not installed: `make test` installs it")
    texts = day(13, 150, datetime.now(UTC))
    clock = tmp_path / "clock"
    set_clock(clock, 0)
    fake = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
    async with Center.of(settings_of(database), tmp_path, environment=fake) as center:
        for step, minutes in enumerate((180, -30, 0)):
            part = texts[step::3]
            engine = Engine([each.settings.mllp_port for each in center.gateways], part)
            playing = asyncio.create_task(engine.run())
            await engine.reached(len(part) // 2)
            set_clock(clock, minutes)
            await playing
            assert not engine.refused
            await settled(database)  # what came at this time of the clock is measured by it
        await holds(database, center, texts, tmp_path)
        # What came while the clock was ahead is measured from receipt, and flagged; and so is what seemed to come from
        # the future while it was behind.
        told = await feed(center, lambda row: row["backfilled"] and row["skewed"])
        # What was under way at the very moment counts as late by the jump: nobody can tell it from a delay, and doubt
        # counts against the feed. The others are measured right; here they are but hundreds, so the median says so.
        assert told["freshnessSeconds"]["p50"] < 3600, "no jump of a clock passes for a delay of hours"
