"""What the windows count, from rows written by hand, at their edges; and by which way PostgreSQL gets to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from marsad_center.facts.events import Code
from marsad_center.facts.registry_sync import sync
from marsad_center.indicators import queries, store, windows
from marsad_center.indicators.catalogue import catalogue
from marsad_center.indicators.engine import Engine
from marsad_center.indicators.figures import CLUSTER, Figure, json_fields
from marsad_center.registry import Center
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.indicators.rows import Rows
from marsad_center.tests.indicators.test_engine import NOW


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


async def computed(database: Database, write: Any) -> dict[str, Figure]:
    """KAMC's figures (40 spaces, 140 beds) after `write(rows)`."""
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows = await Rows(gateway).registry()
        await write(rows)
        await rows.event("KAMC", NOW)
        await Engine().full(analytics, NOW)
        return {id_: figure for (id_, _), figure in (await store.written(analytics, ["KAMC"])).items()}


async def test_results_alone_tell_nothing_of_visits_and_who_has_left_is_told_of_for_good(database: Database) -> None:
    """A laboratory is no empty hospital; a hospital that everybody has left is one."""
    visits = ("ed.arrivals", "ed.census", "ed.waiting", "ed.boarders", "ed.occupancy", "bed.occupancy")
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine()
        await rows.order("KAMC", "lab", ago(hours=1), 600)
        await rows.event("KAMC", NOW)
        await engine.full(analytics, NOW)
        found = await store.written(analytics)
        for id_ in visits:
            assert {found[id_, code].status for code in ("", "KAMC")} == {"no-data"}, id_
        gone: dict[str, Any] = {"state": "departed", "in_ed": False, "discharged_at": ago(days=40)}
        await rows.visit("KAMC", ed_arrived_at=ago(days=41), **gone)
        await engine.touched(analytics, ["KAMC"], NOW)
        found = await store.written(analytics)
        for id_ in visits:
            assert {found[id_, code].value for code in ("", "KAMC")} == {0}, id_


async def test_four_hours_to_the_second_are_within_four_hours(database: Database) -> None:
    """Four-hour standard: admitted, transferred or discharged within 4 h / attendances."""

    async def write(rows: Rows) -> None:
        for minutes in (240, 240.02, 60):
            await left(rows, ago(hours=1), minutes)
        await left(rows, ago(hours=24), 60)  # a day ago: no more in the window
        await rows.visit("KAMC", ed_arrived_at=ago(hours=9))  # has not left

    figure = (await computed(database, write))["ed.four_hour"]
    assert (figure.numerator, figure.denominator) == (2, 3)


async def left(rows: Rows, at: datetime, minutes: float, **columns: Any) -> None:
    """A visit to the ED of that many minutes that ended at `at`."""
    arrived = at - timedelta(minutes=minutes)
    state = {"state": "departed", "in_ed": False, "ed_arrived_at": arrived, "ed_departed_at": at, "discharged_at": at}
    await rows.visit("KAMC", **{**state, **columns})


async def test_who_was_admitted_unseen_did_not_leave_without_being_seen(database: Database) -> None:
    async def write(rows: Rows) -> None:
        await left(rows, ago(hours=1), 50, seen_at=ago(hours=1.5))
        await left(rows, ago(hours=1), 50)
        await left(rows, ago(hours=1), 50, admitted_at=ago(hours=1.2), state="present", **{"class": "I"})
        await left(rows, ago(hours=1), 50, state="cancelled")

    figure = (await computed(database, write))["ed.lwbs"]
    assert (figure.numerator, figure.denominator) == (1, 3)


async def test_who_left_unseen_by_his_disposition_counts_where_nobody_tells_of_first_contacts(
    database: Database,
) -> None:
    async def write(rows: Rows) -> None:
        for disposition in ("LWBS", "LWBS", "01", None):
            await left(rows, ago(hours=1), 50, disposition=disposition)

    figure = (await computed(database, write))["ed.lwbs"]
    assert (figure.numerator, figure.denominator, figure.status) == (2, 4, "breach")


async def test_a_day_on_which_nobody_left_unseen_is_a_good_one_where_that_is_told_by_the_disposition(
    database: Database,
) -> None:
    async def write(rows: Rows) -> None:
        await left(rows, ago(days=90), 50, disposition="LWBS")
        await left(rows, ago(hours=1), 50, disposition="01")

    figure = (await computed(database, write))["ed.lwbs"]
    assert (figure.numerator, figure.denominator, figure.status) == (0, 1, "ok")


async def test_a_disposition_says_who_left_unseen_beside_the_first_contacts(database: Database) -> None:
    """Whom the sender calls so counts once, though somebody noted a first contact."""

    async def write(rows: Rows) -> None:
        await left(rows, ago(hours=1), 50, seen_at=ago(hours=1.5))
        await left(rows, ago(hours=1), 50, seen_at=ago(hours=1.5), disposition="LWBS")
        await left(rows, ago(hours=1), 50, disposition="LWBS")
        await left(rows, ago(hours=1), 50)

    figure = (await computed(database, write))["ed.lwbs"]
    assert (figure.numerator, figure.denominator) == (3, 4)


@pytest.mark.parametrize(("level", "minutes"), [(1, 1), (2, 15), (3, 30), (4, 60), (5, 120)])
async def test_each_triage_level_has_its_limit_to_the_physician(database: Database, level: int, minutes: int) -> None:
    """CTAS: physician at 0 (noted within the minute), 15, 30, 60 and 120 minutes for levels 1 to 5."""
    at, limit = ago(hours=5), timedelta(minutes=minutes)

    async def write(rows: Rows) -> None:
        await rows.visit("KAMC", ed_arrived_at=at, triage_level=level, seen_at=at + limit)
        await rows.visit("KAMC", ed_arrived_at=at, triage_level=level, seen_at=at + limit + timedelta(seconds=1))
        await rows.visit("KAMC", ed_arrived_at=at, triage_level=level)  # waits for longer than that
        await rows.visit("KAMC", ed_arrived_at=NOW - limit, triage_level=level)  # its limit is not over
        await rows.visit("KAMC", ed_arrived_at=at, seen_at=at)  # no level, no limit

    figure = (await computed(database, write))["ed.physician_in_time"]
    assert (figure.numerator, figure.denominator) == (1, 3)
    assert figure.dimensions is not None
    assert list(figure.dimensions["triage"]) == [str(level)]


async def test_a_decision_to_admit_is_late_once_two_hours_are_over(database: Database) -> None:
    """ICMED: departed within 2 h of the admit decision."""

    async def write(rows: Rows) -> None:
        for decided in (ago(hours=1.9), ago(hours=2.1)):
            await rows.visit("KAMC", ed_arrived_at=ago(hours=6), decided_at=decided)
        await left(rows, ago(hours=3), 300, decided_at=ago(hours=5))
        await left(rows, ago(hours=3), 300, decided_at=ago(hours=5.01))

    found = await computed(database, write)
    assert (found["ed.departed_after_decision"].numerator, found["ed.departed_after_decision"].denominator) == (1, 3)
    assert found["ed.boarders"].value == 2  # those with a decision who are still there


async def test_only_an_ambulance_has_something_to_hand_over(database: Database) -> None:
    async def write(rows: Rows) -> None:
        for minutes, mode in ((5, "ambulance"),) * 5 + ((50, "walk-in"),) * 5:
            at = ago(hours=5)
            handed = at + timedelta(minutes=minutes)
            await rows.visit("KAMC", ed_arrived_at=at, arrival_mode=mode, offloaded_at=handed)

    figure = (await computed(database, write))["ed.ambulance_offload.p90"]
    assert (figure.value, figure.denominator, figure.status) == (300, 5, "ok")


async def test_nedocs_is_made_of_who_is_there_and_of_the_last_who_got_a_bed(database: Database) -> None:
    """Weiss: -20 + 85.8 x 3/40 + 600 x 1/140 + 13.4 x 1 + 0.93 x 6 + 5.64 x 1.5 = 18.16."""

    async def write(rows: Rows) -> None:
        await rows.visit("KAMC", ed_arrived_at=ago(hours=9), decided_at=ago(hours=6), bedded_at=ago(hours=8))
        await rows.visit("KAMC", ed_arrived_at=ago(hours=3), bedded_at=ago(hours=1.5), ventilated=True)
        await rows.visit("KAMC", ed_arrived_at=ago(hours=1))

    figure = (await computed(database, write))["ed.nedocs"]
    assert figure.value == pytest.approx(18.16, abs=0.005)


async def test_bed_days_count_from_the_first_discharge_on(database: Database) -> None:
    """(140 beds x 10 d - occupied) / discharges; the facility is known for ten days."""

    async def write(rows: Rows) -> None:
        ward: dict[str, Any] = {"class": "I", "in_ed": False}
        await rows.visit("KAMC", state="departed", admitted_at=ago(days=12), discharged_at=ago(days=10), **ward)
        await rows.visit("KAMC", state="departed", admitted_at=ago(days=12), discharged_at=ago(days=4), **ward)
        await rows.visit("KAMC", state="present", admitted_at=ago(days=3), **ward)

    found = await computed(database, write)
    assert found["bed.alos"].value == 5 * 86400  # of 2 and 8 days
    assert found["bed.turnover"].value == pytest.approx(2 / (140 * 10 / 30))
    assert found["bed.turnover_interval"].value == pytest.approx((1400 - 6 - 3) / 2 * 86400)


async def test_a_virtual_visit_is_one_of_class_v_and_not_one_that_was_only_planned(database: Database) -> None:
    """Virtual share = virtual / all consultations, by specialty."""

    async def write(rows: Rows) -> None:
        for kind, state, specialty in (
            ("V", "departed", "CARD"),
            ("O", "present", "CARD"),
            ("O", "departed", None),
            ("V", "expected", "CARD"),
            ("E", "present", "CARD"),
        ):
            columns: dict[str, Any] = {"class": kind, "in_ed": False, "arrived_at": ago(days=6), "specialty": specialty}
            await rows.visit("KAMC", state=state, **columns)

    figure = (await computed(database, write))["virtual.share"]
    assert (figure.numerator, figure.denominator) == (1, 3)
    assert figure.dimensions == {"specialty": {"CARD": (0.5, 1, 2), "unknown": (0, 0, 1)}}


async def test_what_two_hospitals_call_differently_is_one_specialty_once_it_is_mapped(database: Database) -> None:
    """The facility's map goes before the center's; one thing has one name, however each map writes it."""
    cardiology = {"system": "SCT", "code": "394579002"}
    center = [{"localSystem": "", "localCode": "CAR", "system": "SCT", "code": "1", "display": "Cars"}]
    own = [
        {"localSystem": "", "localCode": "CAR", "display": "Cardiology", **cardiology},
        {"localSystem": "", "localCode": "HRT", **cardiology},
    ]
    other = [{"localSystem": "99A", "localCode": "CARD", "display": "Kardiologie", **cardiology}]

    async def declare(codes: Sequence[Any], **facilities: Sequence[Any]) -> None:
        declared = [each | {"codes": facilities.get(each["code"], [])} for each in CENTER["facilities"]]
        async with database.connect("gateway") as connection:
            await sync(connection, Center.model_validate(CENTER | {"facilities": declared, "codes": codes}))

    async def missed(*names: str) -> None:
        async with database.connect("analytics") as analytics:
            engine = Engine({"appointment.no_show": catalogue()["appointment.no_show"]})
            await engine.full(analytics, NOW)
            figure = (await store.written(analytics))["appointment.no_show", CLUSTER]
            assert figure.dimensions is not None
            assert sorted(figure.dimensions["specialty"]) == sorted(names)

    await declare(center, KAMC=own, ALNOOR=other)
    async with database.connect("gateway") as connection:
        for facility, specialty in (
            ("KAMC", Code("", "CAR", "Cardiac")), ("KAMC", Code("", "HRT")), ("KAMC", Code("", "SKIN")),
            ("ALNOOR", Code("99A", "CARD", "C")), ("ALNOOR", Code("", "CAR")), ("SFAC", Code("SCT", "394579002", "H")),
        ):  # fmt: skip
            await connection.execute(
                "INSERT INTO appointment (facility, key, status, starts_at, source_at, specialty_system,"
                " specialty_code, specialty_display) VALUES ($1, $2, 'no_show', $3, $3, $4, $5, $6)",
                facility, str(specialty), ago(hours=2), *specialty,
            )  # fmt: skip
        await connection.execute("UPDATE feed_counter SET accepted = 1")
    await missed("Kardiologie", "SKIN", "Cars")
    await declare([], KAMC=own)
    await missed("Cardiology", "SKIN", "C", "CAR")
    await declare([])
    await missed("Cardiac", "HRT", "SKIN", "C", "CAR", "H")


async def test_turnaround_is_told_by_who_asked_and_by_the_acuity_of_the_visit(database: Database) -> None:
    async def write(rows: Rows) -> None:
        await rows.visit("KAMC", "V1", ed_arrived_at=ago(hours=5), specialty="CARD", triage_level=2)
        for seconds in (600, 1200, 1800, 2400, 3000):
            await rows.order("KAMC", "lab", ago(hours=1), seconds, visit_key="V1")
            await rows.order("KAMC", "lab", ago(hours=1), 2 * seconds, visit_key="V1", specialty="ENT")
        await rows.order("KAMC", "lab", ago(hours=1), 60)

    figure = (await computed(database, write))["lab.turnaround.p50"]
    assert figure.dimensions == {
        "specialty": {"CARD": (1800, None, 5), "ENT": (3600, None, 5), "unknown": (None, None, 1)},
        "triage": {"2": (2400, None, 10), "unknown": (None, None, 1)},
    }
    assert json_fields(figure)["dimensions"]["specialty"]["ENT"] == {
        "value": 3600,
        "numerator": None,
        "denominator": 5,
    }


# ---------------------------------------------------------------- cost
_FILL = """
INSERT INTO encounter (facility, visit_key, class, state, in_ed, triage_level, ed_arrived_at, ed_departed_at,
                       arrived_at, admitted_at, decided_at, discharged_at, source_at)
SELECT 'KAMC', 'H' || n, CASE WHEN n % 5 = 0 THEN 'I' WHEN n % 5 = 1 THEN 'O' ELSE 'E' END, 'departed', false,
       1 + n % 5, CASE WHEN n % 5 > 1 THEN at END, CASE WHEN n % 5 > 1 THEN at + interval '3 hours' END, at,
       CASE WHEN n % 5 = 0 THEN at END, CASE WHEN n % 5 = 0 THEN at END, at + interval '4 hours', at
  FROM (SELECT n, $1::timestamptz - n * interval '20 minutes' AS at FROM generate_series(1, 40000) AS n) AS v"""
_ORDERS = """
INSERT INTO clinical_order (facility, order_key, kind, ordered_at, resulted_at, source_at)
SELECT 'KAMC', 'H' || n, 'lab', at, at, at
  FROM (SELECT n, $1::timestamptz - n * interval '20 minutes' AS at FROM generate_series(1, 40000) AS n) AS o"""


async def test_no_window_reads_a_history_of_years_from_end_to_end(database: Database) -> None:
    """Tables of a year and a half; every query goes by an index of its window."""
    async with database.connect("owner") as owner, database.connect("analytics") as analytics:
        await Rows(owner).registry()
        await owner.execute(_FILL, NOW)
        await owner.execute(_ORDERS, NOW)
        await owner.execute("ANALYZE encounter, clinical_order")
        for query in (windows.PRESENT, *windows.WINDOWS, windows.BEDDED, windows.CLEANED):
            plan = await _plan(analytics, query)
            assert "Seq Scan on encounter" not in plan, query.sql
            assert "Seq Scan on clinical_order" not in plan, query.sql
        recent = (await queries.recent(analytics, ["KAMC"], NOW))["KAMC"]
        assert recent.counts["left_ed"]


async def _plan(connection: asyncpg.Connection, query: windows.Query) -> str:
    arguments: list[Any] = [["KAMC"]]
    if query.span:
        arguments += [NOW - query.span, NOW + timedelta(seconds=60)]
    if query.clock:
        arguments.append(NOW)
    return "\n".join(row[0] for row in await connection.fetch("EXPLAIN " + query.meant, *arguments))


async def test_the_minute_is_recorded_once_by_the_tick(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        rows, engine = await Rows(gateway).registry(), Engine()
        await rows.visit("KAMC", ed_arrived_at=NOW)
        await rows.event("KAMC", NOW)
        for seconds in (1, 11, 61):
            await engine.tick(analytics, NOW + timedelta(seconds=seconds))
        points = await analytics.fetch(
            "SELECT at, value FROM series_minute WHERE id = 'ed.census' AND facility = 'KAMC' ORDER BY at"
        )
        assert [tuple(point) for point in points] == [(NOW, 1), (NOW + timedelta(minutes=1), 1)]
        assert not await analytics.fetch("SELECT FROM series_minute WHERE facility = 'ALNOOR' AND id = 'ed.census'")


async def test_a_figure_that_another_part_makes_survives_a_full_pass(database: Database) -> None:
    theirs = catalogue()["ed.census"].model_copy(update={"id": "forecast.ed.arrivals", "maker": "forecast"})
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        made = Figure(theirs.id, "KAMC", 4.0, "count", None, None, None, None, "info", None, at, at)
        gone = Figure("ed.retired", "KAMC", 4.0, "count", None, None, None, None, "info", None, at, at)
        await store.write(analytics, [made, gone])
        await Engine({**catalogue(), theirs.id: theirs}).full(analytics, NOW)
        stored = await store.written(analytics)
        assert (theirs.id, "KAMC") in stored
        assert ("ed.retired", "KAMC") not in stored


def test_every_window_is_as_long_as_its_words_say() -> None:
    spans = {"ed.": windows.DAY, "lab.": windows.DAY, "radiology.": windows.DAY, "prescription.": windows.DAY}
    spans |= {"vaccination.": windows.DAY, "referral.": windows.MONTH, "appointment.": windows.WEEK}
    spans |= {"virtual.": windows.WEEK, "bed.turnover": windows.MONTH, "bed.alos": windows.MONTH}
    for entry in catalogue().values():
        for beginning, span in spans.items():
            if entry.id.startswith(beginning) and entry.window is not None and entry.id != "ed.arrivals":
                assert entry.window == span.total_seconds(), entry.id
