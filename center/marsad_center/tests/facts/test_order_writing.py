"""Which specialty asked for an order, and when it was ordered, resulted and cancelled: in any order of arrival."""

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


Moments = tuple[datetime | None, datetime | None, datetime | None]
_MINUTE = st.integers(0, 5)
_NUMBERS = st.sampled_from([("O1", ""), ("O1", "F1"), ("", "F1")])
_WORDS = st.one_of(
    st.tuples(st.sampled_from(["asked", "hinted", "withdrawn"]), _MINUTE, _MINUTE, st.just(""), _NUMBERS),
    st.tuples(st.just("resulted"), _MINUTE, _MINUTE, st.sampled_from(["R/a", "R/b"]), _NUMBERS),
    st.tuples(st.just("resulted"), _MINUTE, st.just(-1), st.just(""), _NUMBERS),
    st.tuples(st.just("retracted"), _MINUTE, st.just(-1), st.sampled_from(["", "R/a", "R/b"]), _NUMBERS),
)
Word = tuple[str, int, int, str, tuple[str, str]]


def moment(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def worded(word: Word) -> OrderEvent:
    """What was said at the minute `said`, of the minute `of` (of a result without a source it is the same one)."""
    what, said, of, source, (placer, filler) = word
    at, about = moment(said), moment(of if of >= 0 else said)
    event = order(0, "", ordered_at=None, placer=placer, filler=filler, result_source=source)
    match what:
        case "asked":
            return replace(event, ordered_at=about, ordered_said_at=at, placed_at=at)
        case "hinted":
            return replace(event, ordered_at=about)
        case "withdrawn":
            return replace(event, cancelled_at=about, withdrawn_at=at)
        case "resulted":
            return replace(event, resulted_at=about, result_said_at=at)
    return replace(event, retracted_at=at)


def recomputed(words: list[Word]) -> Moments:
    """When the order was ordered, resulted and cancelled, by all that was said of it at once."""
    asked = [(said, -of) for what, said, of, *_ in words if what == "asked"]
    hinted = [of for what, _said, of, *_ in words if what == "hinted"]
    withdrawn = [(said, -of) for what, said, of, *_ in words if what == "withdrawn"]
    gone: dict[str, int] = {}
    for what, said, _of, source, _numbers in words:
        if what == "retracted":
            gone[source] = max(said, gone.get(source, -1))
    resulted = [
        of if of >= 0 else said
        for what, said, of, source, _numbers in words
        if what == "resulted" and said > gone.get(source, -1)
    ]
    ordered = -max(asked)[1] if asked else min(hinted, default=None)
    cancelled = -max(withdrawn)[1] if withdrawn and max(withdrawn)[0] >= max(asked, default=(-1, 0))[0] else None
    return tuple(None if each is None else moment(each) for each in (ordered, min(resulted, default=None), cancelled))  # type: ignore[return-value]


async def moments(database: Database, events: list[OrderEvent]) -> list[tuple[Any, ...]]:
    await told(database, *([event] for event in events))
    async with database.connect("gateway") as connection:
        rows = await connection.fetch(
            "SELECT ordered_at, resulted_at, cancelled_at, ordered_said_at, placed_at, withdrawn_at, results"
            " FROM clinical_order"
        )
    return [tuple(row) for row in rows]


@given(words=st.lists(_WORDS, min_size=1, max_size=9), dice=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_what_is_put_right_and_taken_back_is_as_the_newest_word_says_whatever_the_order_of_arrival(
    database: Database, words: list[Word], dice: Any
) -> None:
    """HL7 v2.5.1, 4.5.1 (ORC-1, ORC-9), table 0119, 7.4.1.25 (OBR-25), 7.4.2.11 (OBX-11); FHIR R4 status
    entered-in-error: a corrected request, an order placed again, a result taken back and given again."""
    both = order(0, "", ordered_at=None, placer="O1", filler="F1")
    events = [*(worded(word) for word in words), both]
    (first,) = await moments(database, events)
    assert first[:3] == recomputed(words)
    again = [*events, *dice.sample(events, dice.randint(0, len(events)))]
    dice.shuffle(again)
    assert await moments(database, again) == [first]


async def test_an_order_of_an_earlier_release_can_be_put_right(database: Database) -> None:
    """Its row says when it was resulted and cancelled, and not who said so."""
    await told(database, [order(0, "", resulted_at=moment(3), cancelled_at=moment(2))])
    async with database.connect("gateway") as connection:
        await connection.execute("UPDATE clinical_order SET withdrawn_at = NULL")
        for number, fact in enumerate(
            [order(5, "", placed_at=moment(5)), order(5, "", resulted_at=moment(6))], start=2
        ):
            await write_facts(connection, [Stated("KAMC", number, fact)])
        row = "SELECT resulted_at, cancelled_at FROM clinical_order"
        assert tuple(await connection.fetchrow(row)) == (moment(3), None)
        await write_facts(connection, [Stated("KAMC", 4, order(5, "", retracted_at=moment(4)))])
        assert tuple(await connection.fetchrow(row)) == (moment(6), None)


async def test_an_order_of_very_many_results_keeps_the_first(database: Database) -> None:
    first, *rest = await moments(database, [order(0, "", resulted_at=moment(minute)) for minute in range(300, 0, -1)])
    assert (first[1], len(first[6].split()), rest) == (moment(1), 200, [])


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
