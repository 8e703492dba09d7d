"""Which specialty asked for an order: said by its messages, in any order of arrival, else by its visit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marsad_center.facts.events import Movement, OrderEvent
from marsad_center.facts.writing import Stated, write_facts
from marsad_center.tests.conftest import Database

NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)


def order(minute: int, specialty: str, *, asked: bool = True, **more: Any) -> OrderEvent:
    at = NOON + timedelta(minutes=minute)
    event = OrderEvent("O1", "", "V1", "lab", True, "LN", "718-7", "", at, None, None, at, specialty, asked)
    return replace(event, **more)


def visit(minute: int, event: str, **said: Any) -> Movement:
    at = NOON + timedelta(minutes=minute)
    return Movement("V1", "P1", event, at, at, patient_class="E", **said)


async def told(database: Database, *batches: list[Any]) -> list[tuple[str | None, int | None]]:
    """Specialty and triage level of the orders, as analytics sees them, after each batch in a commit of its own."""
    async with database.connect("gateway") as connection:
        await connection.execute("DELETE FROM clinical_order; DELETE FROM encounter; DELETE FROM movement")
        async with connection.transaction():
            for number, batch in enumerate(batches, start=1):
                await write_facts(connection, [Stated("KAMC", number, fact) for fact in batch])
    async with database.connect("analytics") as analytics:
        rows = await analytics.fetch("SELECT specialty, triage_level FROM order_turnaround")
    return [tuple(row) for row in rows]


_SAID = st.tuples(
    st.integers(0, 3),
    st.sampled_from(["", "CARD", "ENT", "MED"]),
    st.booleans(),
    st.sampled_from([("O1", ""), ("O1", "F1"), ("", "F1")]),
)


@given(said=st.lists(_SAID, min_size=1, max_size=7), dice=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_a_request_goes_before_a_result_and_the_newest_holds_whatever_the_order_of_arrival(
    database: Database, said: list[tuple[int, str, bool, tuple[str, str]]], dice: Any
) -> None:
    """Also under either number, before any message named both."""
    events = [order(at, word, asked=asked, placer=a, filler=b) for at, word, asked, (a, b) in said]
    events.append(order(0, "", placer="O1", filler="F1"))
    words = [(event.specialty_asked, event.source_at, event.specialty) for event in events if event.specialty]
    expected = max(words)[2] if words else None
    dice.shuffle(events)
    assert await told(database, *([event] for event in events)) == [(expected, None)]


async def test_a_corrected_request_corrects_and_a_result_after_a_transfer_does_not(database: Database) -> None:
    first, corrected = order(0, "CARD"), order(5, "ENT")
    result = order(60, "SURG", asked=False, resulted_at=NOON + timedelta(hours=1))
    assert await told(database, [first], [result]) == [("CARD", None)]
    assert await told(database, [result], [corrected], [first]) == [("ENT", None)]
    assert await told(database, [result]) == [("SURG", None)]


async def test_an_order_that_does_not_say_it_follows_its_visit_late_corrected_and_taken_back(
    database: Database,
) -> None:
    silent = order(10, "")
    arrival = visit(0, "A04", specialty="MED", triage_level=3)
    corrected = visit(5, "A08", specialty="CARD", triage_level=2)
    assert await told(database, [silent]) == [(None, None)]
    assert await told(database, [silent], [arrival]) == [("MED", 3)]
    assert await told(database, [corrected], [silent], [arrival]) == [("CARD", 2)]
    moved = visit(30, "A02", specialty="SURG", point_of_care="W1")
    assert await told(database, [arrival, moved], [silent], [visit(40, "A12")]) == [("MED", 3)]
    assert await told(database, [arrival], [order(10, "ENT")]) == [("ENT", 3)]


async def test_an_order_without_a_visit_is_of_none(database: Database) -> None:
    nobody = Movement("", "P", "A08", NOON, NOON, specialty="MED")
    assert await told(database, [nobody], [order(0, "", visit_key="")]) == [(None, None)]
