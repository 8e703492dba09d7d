"""The incremental engine on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from marsad_center.indicators import store
from marsad_center.indicators.catalogue import catalogue
from marsad_center.indicators.engine import Engine
from marsad_center.tests.conftest import Database
from marsad_center.tests.indicators.rows import Rows

NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)


async def test_only_what_changed_is_written(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine()
        await engine.full(analytics, NOW)
        assert (await engine.touched(analytics, ["KAMC"], NOW)).written == 0
        await rows.visit("KAMC", ed_arrived_at=NOW)
        await rows.event("KAMC", NOW)
        done = await engine.touched(analytics, ["KAMC"], NOW)
        assert done.measured == 1
        await engine.touched(analytics, ["KAMC"], NOW)  # how old that was
        changed = {key for key, figure in (await store.written(analytics)).items() if figure.source_at == NOW}
        assert {facility for _, facility in changed} == {"", "KAMC"}
        assert (await engine.touched(analytics, ["KAMC"], NOW)).written == 0


async def test_a_restart_writes_nothing_that_is_already_right(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await rows.visit("KAMC", ed_arrived_at=NOW, triage_level=2)
        await rows.event("KAMC", NOW)
        assert (await Engine().full(analytics, NOW)).written == sum(
            each.maker == "figures" for each in catalogue().values()
        ) * 4
        await Engine().full(analytics, NOW)  # how old that was
        assert (await Engine().full(analytics, NOW)).written == 0


async def test_each_event_is_measured_once_and_with_its_origin(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine(seconds=lambda: 0.0)
        await rows.event("KAMC", NOW - timedelta(seconds=4), count=3)
        await rows.event("KAMC", datetime(2020, 5, 1, tzinfo=UTC), NOW - timedelta(seconds=1))
        await engine.full(analytics, NOW)
        await engine.full(analytics, NOW)
        (feed,) = engine.facts["KAMC"].recent.feeds
        freshness = feed.freshness()
        assert (freshness.samples, freshness.backfilled, freshness.largest) == (4, 1, 4.0)


async def test_what_comes_while_a_pass_is_under_way_is_as_old_as_when_its_figures_were_committed(
    database: Database,
) -> None:
    """Sent two seconds into a pass, received after three, shown after seven."""
    clock = iter((100.0, 107.0, 200.0, 201.0))
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine(seconds=lambda: next(clock))
        await rows.event("KAMC", NOW + timedelta(seconds=2), NOW + timedelta(seconds=3))
        done = await engine.full(analytics, NOW)
        assert (done.measured, done.longest_lag) == (1, 4.0)
        await engine.touched(analytics, ["KAMC"], NOW + timedelta(seconds=10))
        (feed,) = engine.facts["KAMC"].recent.feeds
        assert (feed.freshness().samples, feed.freshness().largest) == (1, 5.0)


async def test_a_pass_that_could_not_say_how_old_its_events_were_leaves_that_to_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures stand, and nothing is measured twice or as younger than it was."""

    async def failing(*_given: object) -> store.Measured:
        raise asyncpg.InterfaceError("the connection is closed")

    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine(seconds=lambda: 0.0)
        await rows.visit("KAMC", ed_arrived_at=NOW)
        await rows.event("KAMC", NOW)
        with monkeypatch.context() as broken:
            broken.setattr(store, "measure", failing)
            with pytest.raises(asyncpg.InterfaceError):
                await engine.touched(analytics, ["KAMC"], NOW)
        assert (await store.written(analytics))["ed.census", "KAMC"].value == 1
        for seconds in (9, 10):
            await engine.touched(analytics, ["KAMC"], NOW + timedelta(seconds=seconds))
            (feed,) = engine.facts["KAMC"].recent.feeds
            assert (feed.freshness().samples, feed.freshness().largest) == (1, 9.0)


async def test_what_happened_long_before_it_was_sent_is_no_late_message(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine(seconds=lambda: 0.0)
        await rows.event(
            "KAMC", NOW - timedelta(minutes=40), NOW - timedelta(seconds=1), sent_at=NOW - timedelta(seconds=2)
        )
        await engine.full(analytics, NOW)
        await engine.tick(analytics, NOW)
        (feed,) = engine.facts["KAMC"].recent.feeds
        freshness = feed.freshness()
        assert (freshness.largest, freshness.backfilled, freshness.skewed) == (2.0, 0, 0)
        assert feed.last_event_at == NOW - timedelta(minutes=40)
        assert (await store.written(analytics))["ed.census", "KAMC"].source_at == NOW - timedelta(seconds=2)


async def test_what_lay_in_the_senders_queue_for_minutes_makes_its_feed_late(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine(seconds=lambda: 0.0)
        await rows.event("KAMC", NOW - timedelta(minutes=3), NOW)
        await engine.full(analytics, NOW)
        await engine.tick(analytics, NOW)
        (feed,) = engine.facts["KAMC"].recent.feeds
        assert feed.state(NOW, 120) == "stale"
        assert (await store.written(analytics))["feed.freshness.p95", "KAMC"].status == "breach"


async def test_a_row_of_a_gateway_of_the_release_before_is_measured_by_its_event(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine(seconds=lambda: 0.0)
        await gateway.execute(
            "INSERT INTO unmeasured (feed_id, facility, event_at, received_at) VALUES ($1, 'KAMC', $2, $2)",
            rows.feeds["KAMC"],
            NOW - timedelta(seconds=7),
        )
        await engine.full(analytics, NOW)
        await engine.tick(analytics, NOW)
        (feed,) = engine.facts["KAMC"].recent.feeds
        assert feed.freshness().largest == 7.0


async def test_time_alone_moves_the_windows(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine()
        await rows.visit("KAMC", ed_arrived_at=NOW)
        await rows.event("KAMC", NOW)
        await engine.full(analytics, NOW)
        assert (await store.written(analytics))["ed.arrivals", "KAMC"].value == 1
        await engine.tick(analytics, NOW + timedelta(minutes=61))
        written = await store.written(analytics)
        assert written["ed.arrivals", "KAMC"].value == 0
        assert written["ed.census", "KAMC"].value == 1
        assert written["feed.freshness.p95", "KAMC"].status == "breach"


async def test_a_replay_of_an_old_year_counts_who_is_present_and_nothing_in_the_windows(database: Database) -> None:
    then = datetime(2020, 5, 1, 14, 6, tzinfo=UTC)
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await rows.visit("SFAC", ed_arrived_at=then)
        for _ in range(6):
            await rows.order("SFAC", "lab", then, 600)
        await rows.event("SFAC", then, NOW)
        engine = Engine()
        await engine.full(analytics, NOW)
        await engine.tick(analytics, NOW)
        written = await store.written(analytics)
        assert written["ed.census", "SFAC"].value == 1
        assert written["ed.census", "SFAC"].source_at == then
        assert written["ed.arrivals", "SFAC"].value == 0
        assert written["lab.turnaround.p90", "SFAC"].status == "no-data"
        assert written["feed.freshness.p95", "SFAC"].status == "ok"


async def test_a_bed_is_occupied_by_an_inpatient_who_has_one_outside_the_ed(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await rows.visit("KAMC", in_ed=False, bed="12", **{"class": "I"})
        await rows.visit("KAMC", in_ed=False, **{"class": "I"})  # admitted, no bed yet
        await rows.visit("KAMC", in_ed=True, bed="E1", **{"class": "I"})  # boards in the ED
        await rows.visit("KAMC", in_ed=False, bed="D3", **{"class": "O"})
        await rows.event("KAMC", NOW)
        await Engine().full(analytics, NOW)
        written = await store.written(analytics)
        assert written["bed.occupancy", "KAMC"].numerator == 1
        assert written["ed.census", "KAMC"].value == 1


async def test_a_facility_that_left_the_registry_loses_its_figures(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        engine = Engine()
        await engine.full(analytics, NOW)
        await gateway.execute("UPDATE facility SET active = false WHERE code = 'SFAC'")
        await engine.tick(analytics, NOW)
        facilities = {facility for _, facility in await store.written(analytics)}
        assert facilities == {"", "KAMC", "ALNOOR"}


async def test_capacity_that_changes_changes_occupancy_without_an_event(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine()
        await rows.visit("KAMC")
        await rows.event("KAMC", NOW)
        await engine.full(analytics, NOW)
        await gateway.execute("UPDATE facility SET ed_spaces = 4 WHERE code = 'KAMC'")
        await engine.tick(analytics, NOW)
        assert (await store.written(analytics))["ed.occupancy", "KAMC"].value == 0.25


async def test_a_facility_is_held_against_the_platforms_of_its_kind(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        for code, kind, platforms in (
            ("KAMC", "Hospital", '["radiology"]'),
            ("SFAC", "PrimaryCare", '["vaccination"]'),
        ):
            await gateway.execute(
                "UPDATE facility SET kind = $2, platforms = $3 WHERE code = $1", code, kind, platforms
            )
        await Engine().full(analytics, NOW)
        written = await store.written(analytics)
        shares = {code: written["coverage.platforms", code].value for code in ("", "KAMC", "ALNOOR", "SFAC")}
        assert shares == {"": 2 / 3, "KAMC": 1, "ALNOOR": 0, "SFAC": 1}


async def test_a_failed_pass_is_made_up_by_a_full_one(database: Database) -> None:
    async with database.connect("gateway") as gateway:
        rows, engine = await Rows(gateway).registry(), Engine()
        async with database.connect("analytics") as analytics:
            await engine.full(analytics, NOW)
        await rows.visit("KAMC")
        await rows.event("KAMC", NOW)
        with pytest.raises(asyncpg.InterfaceError, match="closed"):
            await engine.touched(analytics, ["KAMC"], NOW)
        async with database.connect("analytics") as analytics:
            await engine.touched(analytics, [], NOW)
            assert (await store.written(analytics))["ed.census", "KAMC"].value == 1
