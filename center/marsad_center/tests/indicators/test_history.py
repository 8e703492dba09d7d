"""The history of figures on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from marsad_center.indicators import history
from marsad_center.indicators.engine import Engine
from marsad_center.indicators.figures import Figure
from marsad_center.indicators.history import DAY, HOUR, MINUTE, Point
from marsad_center.indicators.measure import Part
from marsad_center.registry import Center, Retention
from marsad_center.tests.conftest import Database
from marsad_center.tests.indicators.rows import Rows

NOON = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)
ZONE = "Asia/Riyadh"  # midnight there is 21:00 UTC


def census(value: float | None, facility: str = "KAMC") -> Figure:
    return Figure("ed.census", facility, value, "count", None, None, None, None, "info", None, None, NOON)


async def _play(connection: asyncpg.Connection, start: datetime, minutes: int, every: int = 1) -> None:
    """A census that grows by one a minute from 0."""
    await history.keep(connection, start, Retention())
    for minute in range(0, minutes, every):
        now = start + minute * MINUTE
        await history.record(connection, [census(minute), census(None, "NEW")], now + timedelta(seconds=7), ZONE)


async def test_a_figure_is_kept_by_the_minute_and_a_minute_without_data_is_a_gap(database: Database) -> None:
    async with database.connect("analytics") as analytics, database.connect("reader") as reader:
        await _play(analytics, NOON, 5, every=2)
        found = await history.series(reader, "ed.census", "KAMC", NOON, NOON + HOUR, MINUTE)
        assert found == [Point(NOON + minute * MINUTE, minute, minute, minute, minute, 1) for minute in (0, 2, 4)]
        assert await history.series(reader, "ed.census", "NEW", NOON, NOON + HOUR, MINUTE) == []


async def test_the_same_minute_again_says_the_newer_value_once(database: Database) -> None:
    async with database.connect("analytics") as analytics:
        await history.keep(analytics, NOON, Retention())
        for value in (3, 5):
            await history.record(analytics, [census(value)], NOON + timedelta(seconds=10 * value), ZONE)
        found = await history.series(analytics, "ed.census", "KAMC", NOON, NOON + HOUR, MINUTE)
        assert [point.value for point in found] == [5]


async def test_an_hour_says_last_least_most_and_mean_and_the_running_hour_is_there_too(database: Database) -> None:
    async with database.connect("analytics") as analytics, database.connect("reader") as reader:
        await _play(analytics, NOON, 90)
        found = await history.series(reader, "ed.census", "KAMC", NOON, NOON + DAY, HOUR)
        assert found == [Point(NOON, 59, 0, 59, 29.5, 60), Point(NOON + HOUR, 89, 60, 89, 74.5, 30)]
        assert await reader.fetchval("SELECT count(*) FROM series_hour") == 1


async def test_a_day_ends_at_the_centers_own_midnight(database: Database) -> None:
    async with database.connect("analytics") as analytics, database.connect("reader") as reader:
        await _play(analytics, NOON, 24 * 60, every=60)
        (day,) = await reader.fetch("SELECT * FROM series_day")
        assert (day["at"], day["samples"]) == (
            datetime(2025, 3, 9, 21, 0, tzinfo=UTC),
            9,
        )  # noon to nine in the evening
        assert (day["value"], day["low"], day["high"], day["mean"]) == (480, 0, 480, 240)
        both = await history.series(reader, "ed.census", "KAMC", day["at"], NOON + 2 * DAY, DAY)
        assert [(point.value, point.samples) for point in both] == [(480, 9), (1380, 15)]


async def test_a_center_that_was_off_for_days_makes_up_its_hours_and_days(database: Database) -> None:
    async with database.connect("analytics") as analytics:
        await _play(analytics, NOON, 90)
        later = NOON + 3 * DAY
        await history.keep(analytics, later, Retention())
        await history.record(analytics, [census(7)], later, ZONE)
        found = await history.series(analytics, "ed.census", "KAMC", NOON, later + HOUR, HOUR)
        assert [(point.at, point.value) for point in found] == [(NOON, 59), (NOON + HOUR, 89), (later, 7)]
        assert await analytics.fetchval("SELECT count(*) FROM series_day") == 1


def waiting(*levels: float | None, facility: str = "KAMC") -> Figure:
    parts = {str(level): Part(value, None, None) for level, value in enumerate(levels, start=1)}
    return replace(census(sum(filter(None, levels)), facility), dimensions={"triage": parts})


async def test_a_part_has_the_hours_that_it_stood_at_and_days_of_them(database: Database) -> None:
    """A plain loop says the same: each hour's value is that of its end, of hours in which the center was there."""
    two = history.part_id("ed.census", "triage", "2")
    async with database.connect("analytics") as analytics, database.connect("reader") as reader:
        await history.keep(analytics, NOON, Retention())
        expected: dict[datetime, float] = {}
        shown: float | None = None
        for minute in range(0, 26 * 60, 20):
            at = NOON + minute * MINUTE
            if 200 < minute < 340 or 900 < minute < 1000:  # the center is off, for more than an hour, or over its end
                shown = None
                continue
            figure = waiting(1, None if minute % 180 == 0 else minute)
            value = figure.dimensions["triage"]["2"].value if figure.dimensions else None
            if at.minute == 0 and shown is not None and value is not None:
                expected[at - HOUR] = value
            shown = minute
            await history.record(analytics, [figure, waiting(4, facility="ALNOOR")], at, ZONE)
        found = await history.series(reader, two, "KAMC", NOON, NOON + 2 * DAY, HOUR)
        assert {point.at: point.value for point in found} == expected
        assert {(point.samples, point.low == point.high == point.value) for point in found} == {(1, True)}
        day = [value for at, value in expected.items() if at < datetime(2025, 3, 10, 21, tzinfo=UTC)]
        (kept,) = await reader.fetch("SELECT * FROM series_day WHERE id = $1", two)
        assert (kept["value"], kept["low"], kept["high"], kept["samples"]) == (day[-1], min(day), max(day), len(day))
        assert await history.series(reader, two, "ALNOOR", NOON, NOON + DAY, HOUR) == []
        assert await reader.fetchval("SELECT count(*) FROM series_minute WHERE id LIKE '%|%'") == 0


async def test_old_partitions_are_dropped_and_new_ones_are_there_before_they_are_needed(database: Database) -> None:
    async def partitions(connection: asyncpg.Connection) -> set[str]:
        rows = await connection.fetch("SELECT inhrelid::regclass::text AS name FROM pg_inherits ORDER BY 1")
        return {row["name"] for row in rows if row["name"].startswith("series_") and not row["name"].endswith("_pkey")}

    async with database.connect("analytics") as analytics:
        await history.keep(analytics, NOON, Retention())
        first = await partitions(analytics)
        assert first == {
            *(f"series_minute_202503{day}" for day in (10, 11, 12, 13)),
            *("series_hour_202503", "series_hour_202504", "series_day_2025", "series_day_2026"),
        }
        assert await history.keep(analytics, NOON, Retention())
        assert await partitions(analytics) == first
        await _play(analytics, NOON, 3)
        await history.keep(analytics, NOON + 8 * DAY, Retention(minute_days=7))
        assert {name for name in await partitions(analytics) if "minute" in name} == {
            f"series_minute_202503{day}" for day in (11, 12, 13, 18, 19, 20, 21)
        }
        assert await analytics.fetchval("SELECT count(*) FROM series_minute") == 0
        assert first - await partitions(analytics) == {"series_minute_20250310"}


async def test_a_declaration_that_keeps_less_is_followed_by_the_running_engine(database: Database) -> None:
    async def days(connection: asyncpg.Connection) -> set[str]:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE tablename LIKE 'series_minute_%'")
        return {row[0][-2:] for row in rows}

    center = {"name": "makkah", "namespace": "makkah", "code": "MKH"}
    async with database.connect("analytics") as analytics:
        engine = Engine()
        for later in range(4):
            await engine.tick(analytics, NOON + later * DAY)
        assert await days(analytics) == {f"{day}" for day in range(10, 17)}
        await engine.tick(analytics, NOON + 3 * DAY + MINUTE)
        assert "10" in await days(analytics)
        engine.declared(Center.model_validate(center | {"history": {"minuteDays": 2}}))
        await engine.tick(analytics, NOON + 3 * DAY + 2 * MINUTE)
        assert await days(analytics) == {f"{day}" for day in range(11, 17)}


async def test_another_database_gets_its_partitions_at_once(database: Database) -> None:
    """After a lost connection, what answers may have been restored, or be new: partitions are looked after at once."""
    async with (
        database.connect("gateway") as gateway,
        database.connect("analytics") as analytics,
        database.connect("owner") as owner,
    ):
        await Rows(gateway).registry()
        engine = Engine()
        await engine.tick(analytics, NOON)
        for row in await owner.fetch("SELECT tablename FROM pg_tables WHERE tablename LIKE 'series_minute_%'"):
            await owner.execute(f"DROP TABLE {row[0]}")
        engine.invalidate()
        await engine.tick(analytics, NOON + MINUTE)
        assert await analytics.fetchval("SELECT count(*) FROM series_minute") > 0


async def test_no_argument_drops_what_is_young_by_the_servers_clock(database: Database) -> None:
    async with database.connect("analytics") as analytics:
        now = await analytics.fetchval("SELECT now()")
        await history.keep(analytics, now, Retention())
        await history.record(analytics, [census(1)], now, "UTC")
        await history.keep(analytics, now + 4000 * DAY, Retention(minute_days=0, hour_days=0, day_days=0))
        assert await analytics.fetchval("SELECT count(*) FROM series_minute") == 1


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("analytics", "DROP TABLE series_minute"),
        ("analytics", "TRUNCATE series_hour"),
        ("analytics", "DELETE FROM series_minute"),
        ("reader", "INSERT INTO series_rolled VALUES ('hour', now())"),
        ("reader", "SELECT keep_series(now(), 1, 1, 1)"),
        ("gateway", "SELECT keep_series(now(), 1, 1, 1)"),
        ("gateway", "SELECT * FROM series_minute"),
    ],
)
async def test_nobody_may_do_to_the_series_what_is_not_his(database: Database, role: str, statement: str) -> None:
    async with database.connect(role) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_a_query_of_a_short_range_reads_only_its_partitions(database: Database) -> None:
    async with database.connect("analytics") as analytics:
        await history.keep(analytics, NOON, Retention())
        plan = await analytics.fetch(
            "EXPLAIN SELECT * FROM series_minute WHERE id = 'a' AND facility = '' AND at >= $1 AND at < $2",
            NOON,
            NOON + HOUR,
        )
        scanned = " ".join(row[0] for row in plan)
        assert "series_minute_20250310" in scanned
        assert "series_minute_20250311" not in scanned
