"""Forecasts as figures: of a facility, of the cluster, and what stands there while there is none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from marsad_center.forecast import store as forecasts
from marsad_center.forecast.outlook import ARRIVALS, BEDS, IDS, Forecast, Point, Quality
from marsad_center.indicators import expected, store
from marsad_center.indicators.catalogue import catalogue
from marsad_center.indicators.engine import Engine
from marsad_center.indicators.expected import Outlook
from marsad_center.indicators.facts import Facility
from marsad_center.indicators.figures import CLUSTER, Figure
from marsad_center.indicators.measure import Moment
from marsad_center.indicators.service import run
from marsad_center.tests.conftest import Database
from marsad_center.tests.indicators.rows import Rows

NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def forecast(facility: str, id: str, value: float, wape: float = 0.1) -> Forecast:
    """Of arrivals `value` in 24 hours; of beds `value` occupied in 24 hours and 10 more before and after."""
    first = NOW.replace(minute=0) + HOUR
    hours = [
        Point(first + step * HOUR, value + (10.0 if step != 23 else 0.0), value - 5, value + 15, value - 1)
        for step in range(48)
    ]
    return Forecast(
        id=id,
        facility=facility,
        state="ok",
        reason=None,
        history_days=400.0,
        required_days=28.0,
        known_until=NOW - HOUR,
        made_at=NOW,
        hours=tuple(hours),
        total=Point(first, value, value - 10, value + 20, value + 5) if id == ARRIVALS else None,
        quality={
            grain: Quality("average", 52, wape, 2 * wape, 0.8, 1.1, 0.8, NOW)
            for grain in (("day", "hour") if id == ARRIVALS else ("hour",))
        },
    )


def outlook(code: str, beds: int, *made: Forecast) -> Outlook:
    return Outlook(Facility(code, 10, beds), {each.id: each for each in made})


def by_id(code: str, *outlooks: Outlook, now: datetime = NOW) -> dict[str, Figure]:
    return {each.id: each for each in expected.figures(code, outlooks, catalogue(), Moment(now, 120.0))}


KAMC = outlook("KAMC", 140, forecast("KAMC", ARRIVALS, 200.0), forecast("KAMC", BEDS, 126.0, 0.03))
ALNOOR = outlook("ALNOOR", 60, forecast("ALNOOR", ARRIVALS, 100.0, 0.4), forecast("ALNOOR", BEDS, 30.0))


def test_a_facilitys_forecast_stands_beside_its_interval_its_floor_and_both_errors() -> None:
    found = by_id("KAMC", KAMC)
    arrivals, beds = found[ARRIVALS], found[BEDS]
    assert (arrivals.value, arrivals.status, arrivals.window_seconds) == (200.0, "info", 86400)
    assert arrivals.source_at == NOW - HOUR
    assert arrivals.breakdown == {
        "low": 190.0,
        "high": 220.0,
        "naive": 205.0,
        "facilities": 1.0,
        "wape": pytest.approx(0.1),
        "naiveWape": pytest.approx(0.2),
        "mase": pytest.approx(0.8),
        "naiveMase": pytest.approx(1.1),
    }
    assert (beds.value, beds.numerator, beds.denominator, beds.status) == (0.9, 126.0, 140, "watch")
    assert beds.breakdown is not None
    assert [beds.breakdown["naive"], beds.breakdown["wape"]] == pytest.approx([125.0, 0.03])


def test_the_cluster_is_the_sum_and_its_error_at_most_the_mean_by_size() -> None:
    found = by_id(CLUSTER, KAMC, ALNOOR, outlook("SFAC", 300))
    arrivals, beds = found[ARRIVALS], found[BEDS]
    assert arrivals.value == 300.0
    assert arrivals.breakdown is not None
    assert arrivals.breakdown["facilities"] == 2.0
    assert arrivals.breakdown["wape"] == pytest.approx((0.1 * 200 + 0.4 * 100) / 300)
    assert (beds.numerator, beds.denominator, beds.value) == (156.0, 200, 0.78)


def test_without_history_there_is_no_value_and_it_says_how_much_is_missing() -> None:
    short = Forecast(ARRIVALS, "SFAC", "no-data", "history", 3.0, 28.0, NOW, NOW)
    found = by_id("SFAC", outlook("SFAC", 300, short))
    assert (found[ARRIVALS].value, found[ARRIVALS].status) == (None, "no-data")
    assert found[ARRIVALS].breakdown == {"historyDays": 3.0, "requiredDays": 28.0}
    assert (found[BEDS].value, found[BEDS].breakdown) == (None, None)


def test_beds_that_are_not_declared_give_no_share() -> None:
    assert by_id("KAMC", outlook("KAMC", 0, forecast("KAMC", BEDS, 126.0)))[BEDS].value is None


def test_a_forecast_that_was_not_renewed_for_three_hours_is_no_figure_any_more() -> None:
    assert by_id("KAMC", KAMC, now=NOW + 2.9 * HOUR)[ARRIVALS].value == 200.0
    late = by_id("KAMC", KAMC, now=NOW + 3 * HOUR)[ARRIVALS]
    assert (late.value, late.status, late.source_at) == (None, "no-data", None)


def test_errors_that_are_not_known_are_left_out() -> None:
    unknown = Quality("naive", 8, None, None, None, None, None, NOW)
    quiet = replace(forecast("KAMC", ARRIVALS, 0.0), quality={"day": unknown})
    breakdown = by_id("KAMC", outlook("KAMC", 140, quiet))[ARRIVALS].breakdown
    assert breakdown is not None
    assert not {"wape", "mase"} & set(breakdown)


async def test_the_figures_are_published_and_the_engine_leaves_them_alone(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await rows.event("KAMC", NOW)
        await forecasts.write(analytics, [forecast("KAMC", ARRIVALS, 200.0), forecast("KAMC", BEDS, 126.0)])
        await expected.publish(analytics, catalogue(), Moment(NOW, 120.0))
        engine = Engine()
        await engine.full(analytics, NOW)
        await engine.tick(analytics, NOW + timedelta(seconds=10))
        async with database.connect("reader") as reader:
            found = await store.written(reader)
        assert found["forecast.ed.arrivals", "KAMC"].value == found["forecast.ed.arrivals", CLUSTER].value == 200.0
        assert found["forecast.bed.occupancy", "KAMC"].value == 0.9
        assert found["forecast.ed.arrivals", "ALNOOR"].status == "no-data"
        assert found["forecast.ed.arrivals", "KAMC"].quality == 0.0
        assert found["forecast.ed.arrivals", "ALNOOR"].quality == 1.0


async def test_from_the_first_pass_on_every_facility_has_the_figures_if_only_as_no_data(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        engine = Engine()
        await engine.full(analytics, NOW)
        found = await store.written(analytics)
        assert {found[id, code].status for id in IDS for code in ("", "KAMC", "ALNOOR", "SFAC")} == {"no-data"}
        await gateway.execute("UPDATE facility SET active = false WHERE code = 'KAMC'")
        await engine.tick(analytics, NOW)
        assert not {(id, "KAMC") for id in IDS} & set(await store.written(analytics))


async def test_analytics_makes_forecasts_and_publishes_them_by_itself(
    database: Database, eventually: Callable[..., Awaitable[Any]]
) -> None:
    async with database.connect("gateway") as gateway, database.connect("reader") as reader:
        rows = await Rows(gateway).registry()
        await rows.event("KAMC", datetime.now(UTC))
        task = asyncio.create_task(run(database.settings("analytics"), metrics_registry=CollectorRegistry()))

        async def breakdown() -> object:
            figure = (await store.written(reader)).get(("forecast.ed.arrivals", "KAMC"))
            return figure and figure.breakdown

        try:
            assert await eventually(breakdown) == {"historyDays": 0.0, "requiredDays": 28.0}
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
