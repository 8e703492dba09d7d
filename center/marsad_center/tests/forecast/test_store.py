"""Forecasts in a real database: who may write and read them, and what comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from marsad_center.forecast import store
from marsad_center.forecast.outlook import ARRIVALS, BEDS, Forecast, Point, Quality
from marsad_center.tests.conftest import Database
from marsad_center.tests.indicators.rows import Rows

NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)
HOUR = datetime(2026, 11, 23, 11, tzinfo=UTC)


def forecast(facility: str, value: float = 5.0, *, hours: int = 48) -> Forecast:
    """A complete forecast of arrivals."""
    return Forecast(
        id=ARRIVALS,
        facility=facility,
        state="ok",
        reason=None,
        history_days=400.0,
        required_days=28.0,
        known_until=HOUR - timedelta(hours=1),
        made_at=NOW,
        hours=tuple(Point(HOUR + timedelta(hours=step), value, value - 2, value + 3, 4.0) for step in range(hours)),
        days=(Point(datetime(2026, 11, 23, 21, tzinfo=UTC), 120.0, 100.0, 140.0, 110.0),),
        total=Point(HOUR, 24 * value, 90.0, 150.0, 96.0),
        quality={
            "hour": Quality("average", 52, 0.4, 0.5, 0.72, 1.01, 0.79, NOW),
            "day": Quality("average", 52, 0.076, 0.098, 0.7, None, 0.81, NOW),
        },
    )


def nothing(facility: str, id: str = BEDS) -> Forecast:
    """The state of a facility that has only just begun to send."""
    return Forecast(id, facility, "no-data", "history", 0.5, 28.0, HOUR, NOW)


async def test_what_analytics_writes_the_dashboard_reads_and_a_newer_forecast_replaces_it_whole(
    database: Database,
) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        await store.write(analytics, [forecast("KAMC"), nothing("KAMC")])
        async with database.connect("reader") as reader:
            assert await store.latest(reader, "KAMC", ARRIVALS, NOW) == forecast("KAMC")
            assert await store.latest(reader, "KAMC", BEDS, NOW) == nothing("KAMC")
            assert await store.latest(reader, "ALNOOR", ARRIVALS, NOW) is None
            shorter = forecast("KAMC", 6.0, hours=3)
            await store.write(analytics, [shorter])
            assert await store.latest(reader, "KAMC", ARRIVALS, NOW) == shorter
            await store.write(analytics, [nothing("KAMC", ARRIVALS)])
            assert await store.latest(reader, "KAMC", ARRIVALS, NOW) == nothing("KAMC", ARRIVALS)


async def test_the_dashboard_cannot_write_a_forecast_and_the_gateway_cannot_read_one(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("reader") as reader:
        await Rows(gateway).registry()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await store.write(reader, [forecast("KAMC")])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await store.latest(gateway, "KAMC", ARRIVALS, NOW)


async def test_the_cluster_is_the_sum_of_the_facilities_that_have_a_forecast(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        assert await store.latest(analytics, "", ARRIVALS, NOW) is None
        later = replace(forecast("ALNOOR", 7.0), hours=forecast("ALNOOR", 7.0).hours[1:])
        await store.write(analytics, [forecast("KAMC"), later, nothing("SFAC", ARRIVALS)])
        whole = await store.latest(analytics, "", ARRIVALS, NOW)
        assert whole is not None
        assert whole.total == Point(HOUR, 24 * 12.0, 180.0, 300.0, 192.0)
        # The first hour is known of one facility only: a sum there would look like a fall.
        assert [point.at for point in whole.hours] == [HOUR + timedelta(hours=step) for step in range(1, 48)]
        assert {(point.value, point.low, point.high, point.naive) for point in whole.hours} == {(12.0, 8.0, 18.0, 8.0)}


async def test_a_cluster_of_facilities_without_history_has_no_data(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        await store.write(analytics, [nothing("KAMC", ARRIVALS)])
        whole = await store.latest(analytics, "", ARRIVALS, NOW)
        assert whole is not None
        assert (whole.state, whole.reason, whole.hours, whole.total) == ("no-data", "history", (), None)


async def test_a_facility_that_left_the_registry_has_no_forecast(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        await store.write(analytics, [forecast("KAMC")])
        await gateway.execute("UPDATE facility SET active = false WHERE code = 'KAMC'")
        assert await store.latest(analytics, "KAMC", ARRIVALS, NOW) is None
