"""Forecasts on a real database: what is read of the facts, and the schedule."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from marsad_center.facts.kinds import bits
from marsad_center.forecast import history, store, work
from marsad_center.forecast.metrics import Metrics
from marsad_center.forecast.outlook import ARRIVALS, BEDS, Forecast
from marsad_center.forecast.series import HOUR, Hours
from marsad_center.forecast.service import Forecaster, seconds_until_due
from marsad_center.forecast.work import compute
from marsad_center.tests.conftest import Database
from marsad_center.tests.forecast.test_store import forecast
from marsad_center.tests.indicators.rows import Rows

NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)

# A visit every two hours for 60 days; half a day later, a bed for three days.
_PAST = """
WITH stay AS (
    SELECT at, CASE WHEN at <= $2 - interval '84 hours' THEN at + interval '84 hours' END AS discharged_at
      FROM generate_series($2::timestamptz - interval '60 days', $2 - interval '13 hours', interval '2 hours') AS at
)
INSERT INTO encounter (facility, visit_key, class, state, in_ed, bed, ed_arrived_at, arrived_at, admitted_at,
                       ed_departed_at, discharged_at, source_at)
SELECT $1, 'P' || at, 'I', CASE WHEN discharged_at IS NULL THEN 'present' ELSE 'departed' END, false, 'B1', at, at,
       at + interval '11 hours', at + interval '12 hours', discharged_at, at
  FROM stay"""


async def past(connection: asyncpg.Connection, facility: str, until: datetime) -> None:
    """60 days of visits, up to half a day before `until`."""
    await connection.execute(_PAST, facility, until)


def forecaster(database: Database, metrics: CollectorRegistry | None = None, now: datetime = NOW) -> Forecaster:
    return Forecaster(
        database.settings("analytics"), Metrics(metrics or CollectorRegistry()), clock=lambda: now, first_seconds=0.0
    )


async def test_arrivals_are_counted_by_hour_up_to_the_newest_message(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        assert await history.arrivals(analytics, "KAMC", NOW) == Hours(datetime(2026, 11, 23, 10, tzinfo=UTC), ())
        for minutes in (190, 185, 70, 30, 1):
            await rows.visit("KAMC", ed_arrived_at=NOW - timedelta(minutes=minutes))
        await rows.visit("KAMC", ed_arrived_at=NOW - timedelta(minutes=190), state="cancelled")
        await rows.visit("ALNOOR", ed_arrived_at=NOW - timedelta(minutes=190))
        await rows.event("KAMC", NOW - timedelta(minutes=5))
        expected = Hours(datetime(2026, 11, 23, 7, tzinfo=UTC), (2.0, 0.0, 2.0))
        assert await history.arrivals(analytics, "KAMC", NOW) == expected
        # Two hours later nothing was heard of them: those hours are not known, rather than empty.
        assert await history.arrivals(analytics, "KAMC", NOW + 2 * HOUR) == expected


async def test_a_replay_of_old_messages_does_not_make_the_time_since_then_an_empty_one(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, then = await Rows(gateway).registry(), datetime(2020, 5, 8, 13, 30, tzinfo=UTC)
        await rows.visit("KAMC", ed_arrived_at=then - 2 * HOUR)
        await rows.event("KAMC", then, NOW)
        found = await history.arrivals(analytics, "KAMC", NOW)
        assert (found.end, found.values) == (datetime(2020, 5, 8, 13, tzinfo=UTC), (1.0, 0.0))


async def test_a_silent_feed_is_no_quiet_night_though_the_laboratory_goes_on(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        lis = await rows.second("KAMC", "lis")
        await rows.visit("KAMC", ed_arrived_at=NOW - 32 * HOUR)
        await rows.visit("KAMC", **{"class": "I"}, in_ed=False, bed="B1", admitted_at=NOW - timedelta(days=300))
        await rows.event("KAMC", NOW - 30 * HOUR, tells=bits(["visits", "orders"]))
        await rows.event("KAMC", NOW, feed=lis, tells=bits(["lab"]))
        last = datetime(2026, 11, 22, 4, tzinfo=UTC)
        found = await history.arrivals(analytics, "KAMC", NOW)
        assert (found.end, found.values) == (last, (1.0, 0.0))
        assert (await history.beds(analytics, "KAMC", NOW)).end == last
        # Of a feed that an older gateway heard it is not known: it may tell of visits.
        await gateway.execute("UPDATE feed_counter SET tells = NULL")
        assert await history.known_until(analytics, "KAMC", NOW) == NOW.replace(minute=0)


async def test_a_laboratory_alone_has_no_history_of_visits(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await rows.event("KAMC", NOW, tells=bits(["lab", "orders"]))
        assert await history.known_until(analytics, "KAMC", NOW) is None


async def test_beds_are_counted_at_the_start_of_each_hour_from_a_week_after_the_first(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, midnight = await Rows(gateway).registry(), datetime(2026, 11, 23, tzinfo=UTC)
        inpatient: dict[str, Any] = {"class": "I", "in_ed": False, "bed": "B1"}
        await rows.visit("KAMC", **inpatient, admitted_at=midnight - timedelta(days=7, minutes=30))
        gone: dict[str, Any] = {**inpatient, "state": "departed"}
        await rows.visit("KAMC", **gone, admitted_at=midnight, discharged_at=midnight + 3 * HOUR)
        await rows.visit(
            "KAMC", **gone, admitted_at=midnight + timedelta(minutes=10), discharged_at=midnight + timedelta(minutes=50)
        )
        # Admitted, but boarding in the emergency department until two o'clock.
        boarded: dict[str, Any] = {"admitted_at": midnight - HOUR, "ed_departed_at": midnight + 2 * HOUR}
        await rows.visit("KAMC", **inpatient, **boarded)
        await rows.visit("KAMC", **{**inpatient, "in_ed": True}, admitted_at=midnight)
        await rows.visit("KAMC", **{**inpatient, "bed": None}, admitted_at=midnight)
        await rows.visit("KAMC", **{**inpatient, "state": "cancelled"}, admitted_at=midnight)
        await rows.event("KAMC", midnight + timedelta(hours=5, minutes=30))
        found = await history.beds(analytics, "KAMC", NOW)
        assert found == Hours(midnight, (2.0, 2.0, 3.0, 2.0, 2.0))


async def test_beds_of_patients_who_lay_there_all_along_are_counted_from_the_first_hour_looked_at(
    database: Database,
) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await rows.visit("KAMC", **{"class": "I"}, in_ed=False, bed="B1", admitted_at=NOW - timedelta(days=300))
        await rows.event("KAMC", NOW)
        found = await history.beds(analytics, "KAMC", NOW)
        assert (len(found.values), set(found.values)) == (120 * 24, {1.0})


async def test_what_was_late_or_corrected_changes_the_history(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        key = await rows.visit("KAMC", ed_arrived_at=NOW - 5 * HOUR)
        await rows.event("KAMC", NOW)
        before = await history.arrivals(analytics, "KAMC", NOW)
        await rows.visit("KAMC", ed_arrived_at=NOW - 7 * HOUR)
        await rows.visit("KAMC", key, ed_arrived_at=NOW - 5 * HOUR, state="cancelled")
        after = await history.arrivals(analytics, "KAMC", NOW)
        assert (before.values, after.values) == ((1.0, 0.0, 0.0, 0.0, 0.0), (1.0, *[0.0] * 6))


async def test_forecasts_are_made_anew_every_hour_and_trained_anew_every_day(database: Database) -> None:
    metrics = CollectorRegistry()
    worker = forecaster(database, metrics)
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await past(gateway, "KAMC", NOW)
        made: list[tuple[Forecast, Forecast]] = []
        for hours in (0, 1, 24):
            await rows.event("KAMC", NOW + hours * HOUR)
            await worker.round(analytics, NOW + hours * HOUR)
            found = await store.read(analytics, NOW + hours * HOUR, ["KAMC"])
            made.append((found["KAMC", ARRIVALS], found["KAMC", BEDS]))
        for figure, grain in ((0, "day"), (1, "hour")):
            first, second, third = (each[figure] for each in made)
            assert [each.state for each in (first, second, third)] == ["ok"] * 3
            assert [each.made_at for each in (first, second, third)] == [NOW, NOW + HOUR, NOW + 24 * HOUR]
            trained = [each.quality[grain].trained_at for each in (first, second, third)]
            assert trained == [NOW, NOW, NOW + 24 * HOUR]
            assert second.hours[0].at == first.hours[1].at
        arrivals, beds = made[0]
        assert arrivals.total is not None
        assert arrivals.total.value == pytest.approx(12.0, abs=1.0)
        assert beds.hours[23].value == pytest.approx(36.0, abs=1.0)
        # The others have sent nothing yet.
        nothing = await store.latest(analytics, "ALNOOR", ARRIVALS, NOW)
        assert nothing is not None
        assert (nothing.state, nothing.reason, nothing.history_days) == ("no-data", "history", 0.0)
    assert metrics.get_sample_value("marsad_forecasts_made_total", {"state": "ok"}) == 6
    assert metrics.get_sample_value("marsad_forecasts_made_total", {"state": "no-data"}) == 12
    assert metrics.get_sample_value("marsad_forecast_made_at_seconds") == (NOW + 24 * HOUR).timestamp()


async def test_after_a_restart_the_first_round_trains_anew_and_until_then_the_last_forecast_stands(
    database: Database,
) -> None:
    metrics = CollectorRegistry()
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await past(gateway, "KAMC", NOW)
        await rows.event("KAMC", NOW)
        await forecaster(database).round(analytics, NOW)
        before = await store.latest(analytics, "KAMC", ARRIVALS, NOW + HOUR)
        assert before is not None
        assert (before.state, before.made_at) == ("ok", NOW)
        await rows.event("KAMC", NOW + HOUR)
        await forecaster(database, metrics).round(analytics, NOW + HOUR)
        after = await store.latest(analytics, "KAMC", ARRIVALS, NOW + HOUR)
        assert after is not None
        assert (after.made_at, after.quality["day"].trained_at) == (NOW + HOUR, NOW + HOUR)
    assert metrics.get_sample_value("marsad_forecast_made_at_seconds") == (NOW + HOUR).timestamp()


async def test_a_forecast_that_nobody_renews_is_no_data_after_three_hours_and_its_age_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One facility's numbers fail: the others go on, and the oldest forecast is what is told of."""

    def failing(id: str, facility: str, *more: Any) -> Any:
        if facility == "KAMC":
            raise ValueError("of this facility")
        return compute(id, facility, *more)

    metrics = CollectorRegistry()
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        await store.write(analytics, [forecast("KAMC")])
        monkeypatch.setattr(work, "compute", failing)
        worker = forecaster(database, metrics)
        for hours, state in ((1, "ok"), (2, "ok"), (3, "no-data")):
            await worker.round(analytics, NOW + hours * HOUR)
            found = await store.latest(analytics, "KAMC", ARRIVALS, NOW + hours * HOUR)
            assert found is not None
            assert (found.state, found.made_at, bool(found.hours)) == (state, NOW, state == "ok")
            other = await store.latest(analytics, "ALNOOR", ARRIVALS, NOW + hours * HOUR)
            assert other is not None
            assert other.made_at == NOW + hours * HOUR
            assert metrics.get_sample_value("marsad_forecast_made_at_seconds") == NOW.timestamp()
        late = await store.latest(analytics, "KAMC", ARRIVALS, NOW + 3 * HOUR)
        assert late is not None
        assert late.reason == "overdue"
        assert metrics.get_sample_value("marsad_forecast_failures_total") == 6


async def test_a_forecast_follows_a_facility_that_falls_silent_and_then_says_so(database: Database) -> None:
    worker = forecaster(database)
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await past(gateway, "KAMC", NOW)
        await rows.event("KAMC", NOW)
        for days, states in ((0, ("ok", "ok")), (2, ("ok", "no-data")), (6, ("no-data", "no-data"))):
            await worker.round(analytics, NOW + timedelta(days=days))
            found = await store.read(analytics, NOW + timedelta(days=days), ["KAMC"])
            assert (found["KAMC", ARRIVALS].state, found["KAMC", BEDS].state) == states
        assert found["KAMC", ARRIVALS].reason == "stale"


async def test_days_are_those_of_the_centers_time_zone(database: Database) -> None:
    center = database.folder / "center.json"
    center.write_text(center.read_text().replace('"code": "MKH"', '"code": "MKH", "timeZone": "Asia/Riyadh"'))
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await past(gateway, "KAMC", NOW)
        await rows.event("KAMC", NOW)
        await forecaster(database).round(analytics, NOW)
        found = await store.latest(analytics, "KAMC", ARRIVALS, NOW)
        assert found is not None
        assert found.days[0].at == datetime(2026, 11, 23, 21, tzinfo=UTC)


async def test_the_loop_makes_a_first_round_by_itself_and_survives_a_database_that_is_not_ready(
    database: Database, eventually: Callable[..., Awaitable[Any]]
) -> None:
    metrics = CollectorRegistry()
    worker = forecaster(database, metrics)
    async with database.connect("gateway") as gateway, database.connect("owner") as owner:
        await Rows(gateway).registry()
        await owner.execute("ALTER TABLE center.forecast_state RENAME TO hidden")
        task = asyncio.create_task(worker.run())

        async def failed() -> bool:
            return bool(metrics.get_sample_value("marsad_forecast_failures_total"))

        async def done() -> bool:
            return metrics.get_sample_value("marsad_forecasts_made_total", {"state": "no-data"}) == 6

        await eventually(failed)
        await owner.execute("ALTER TABLE center.hidden RENAME TO forecast_state")
        await eventually(done)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_a_round_is_due_two_minutes_past_the_hour() -> None:
    at = datetime(2026, 11, 23, 10, 1, tzinfo=UTC)
    assert seconds_until_due(at) == 60
    assert seconds_until_due(at + timedelta(minutes=1)) == 3600
    assert seconds_until_due(at + timedelta(minutes=31)) == 1800
