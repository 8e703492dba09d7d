"""Interface engines that send twice, and in another order than it happened."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.faults.conftest import settings_of
from e2e.faults.processes import Center
from e2e.faults.traffic import Engine, day, stamped
from e2e.faults.truth import feed, holds
from marsad_center.tests.conftest import Database

pytestmark = pytest.mark.postgres


async def test_what_comes_twice_and_out_of_order_is_counted_once_and_right(database: Database, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    texts = [stamped(text, now) for text in day(5, 120, now)]
    again = [*texts, *texts]
    random.Random(5).shuffle(again)
    async with Center.of(settings_of(database), tmp_path, gateways=2) as center:
        engine = Engine(
            [part.settings.mllp_port for part in center.gateways], again, stamp=False, patience=300
        )  # or it repeats what we count
        await engine.run()
        assert not engine.refused
        await holds(database, center, texts, tmp_path)
        told = await feed(center, lambda row: row["accepted"] + row["duplicate"] >= len(again))
        assert (told["accepted"], told["duplicate"]) == (len(texts), len(texts))
