"""A thing follows from all that was said of it by event time, in whatever order and however often it came in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad_center.facts.code_systems import is_standard
from marsad_center.facts.events import (
    STATEMENTS,
    Appointment,
    Bed,
    Code,
    Guidance,
    Prescription,
    Referral,
    Statement,
    Vaccination,
)
from marsad_center.facts.statements import body, columns, derive, from_body, own_fields

START = datetime(2026, 11, 23, 7, tzinfo=UTC)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def said(kind: type[Statement], *steps: tuple[float, str | None], **more: Any) -> list[Statement]:
    """Statements from (minute, status), received in this order."""
    return [
        kind(key="K", event_at=at(minute), received_at=at(1000 + n), id=n, status=status, **more)
        for n, (minute, status) in enumerate(steps, start=1)
    ]


def way(kind: type[Statement], *steps: tuple[float, str | None]) -> tuple[str | None, dict[str, float]]:
    """The status, and the minute each state was entered at."""
    thing = derive(said(kind, *steps))
    entered = {state: (moment - START) / timedelta(minutes=1) for state, moment in thing.entered.items()}
    return thing.status, entered


def test_the_newest_word_on_each_field_holds_and_silence_says_nothing() -> None:
    booked = Appointment(key="A", event_at=at(0), received_at=at(0), id=1, starts_at=at(60), visit_key="V1")
    moved = Appointment(key="A", event_at=at(5), received_at=at(5), id=2, starts_at=at(90), virtual=True)
    named = Appointment(key="A", event_at=at(6), received_at=at(6), id=3, specialty=Code("L", "CARD", "Cardiology"))
    thing = derive([named, booked, moved])
    assert thing.said == {"starts_at": at(90), "virtual": True, "specialty": Code("L", "CARD", "Cardiology")}
    assert (thing.visit_key, thing.source_at) == ("V1", at(6))
    gone = Appointment(key="A", event_at=at(7), received_at=at(7), id=4, visit_key="", specialty=Code("", ""))
    row = columns(derive([named, booked, moved, gone]))
    assert (row["visit_key"], row["specialty_code"], row["virtual"]) == ("", "", True)


@pytest.mark.parametrize(
    ("steps", "status", "entered"),
    [
        (((0, "booked"), (60, "arrived"), (90, "completed")), "completed",
         {"booked": 0, "arrived": 60, "completed": 90}),
        (((0, "booked"), (10, "cancelled"), (20, None)), "cancelled", {"booked": 0, "cancelled": 10}),
        (((0, "booked"), (10, "cancelled"), (20, "arrived")), "arrived", {"booked": 0, "arrived": 20}),
        (((0, "booked"), (10, "cancelled"), (5, "arrived")), "cancelled", {"booked": 0, "cancelled": 10}),
        (((0, "booked"), (10, "cancelled"), (20, "booked")), "booked", {"booked": 0}),
        (((0, "booked"), (60, "no_show"), (70, "arrived")), "arrived", {"booked": 0, "arrived": 70}),
        (((0, "booked"), (60, "no_show"), (70, "booked")), "booked", {"booked": 0}),
        (((0, "booked"), (5, "booked")), "booked", {"booked": 0}),
        (((60, "no_show"),), "no_show", {"no_show": 60}),
    ],
)  # fmt: skip
def test_an_appointment_is_as_it_was_said_last_and_a_no_show_who_comes_is_none(
    steps: Any, status: str, entered: dict[str, float]
) -> None:
    """HL7 v2.5.1, 10.3.1 to 10.3.4: S12 to S14 of an appointment tell of one that stands, S15 of one that does not."""
    assert way(Appointment, *steps) == (status, entered)


@pytest.mark.parametrize(
    ("steps", "status", "entered"),
    [
        (((0, "submitted"), (5, "accepted"), (9, "seen"), (12, "reported")), "reported",
         {"submitted": 0, "accepted": 5, "seen": 9, "reported": 12}),
        # Who referred repeats what he knows after who receives has gone on.
        (((0, "submitted"), (5, "accepted"), (9, "submitted")), "accepted", {"submitted": 0, "accepted": 5}),
        (((0, "submitted"), (9, "reported"), (12, "seen")), "reported", {"submitted": 0, "reported": 9, "seen": 12}),
        (((0, "submitted"), (5, "refused"), (9, "submitted")), "refused", {"submitted": 0, "refused": 5}),
        (((0, "submitted"), (5, "refused"), (9, "accepted")), "accepted", {"submitted": 0, "accepted": 9}),
        (((0, "submitted"), (5, "accepted"), (9, "refused")), "refused", {"submitted": 0, "refused": 9}),
        (((0, "submitted"), (5, "cancelled"), (9, "accepted")), "cancelled", {"submitted": 0, "cancelled": 5}),
        (((0, "submitted"), (5, "cancelled"), (9, "submitted")), "submitted", {"submitted": 0}),
    ],
)  # fmt: skip
def test_a_referral_goes_on_and_never_back_by_being_told_again(
    steps: Any, status: str, entered: dict[str, float]
) -> None:
    assert way(Referral, *steps) == (status, entered)


def test_what_was_dispensed_stays_dispensed_when_the_rest_is_cancelled() -> None:
    steps = ((0, "issued"), (30, "dispensed"), (40, "issued"), (50, "cancelled"))
    assert way(Prescription, *steps) == ("cancelled", {"issued": 0, "dispensed": 30, "cancelled": 50})


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=6), st.randoms())
def test_each_dispense_is_as_it_was_said_last(words: list[tuple[str, bool]], random: Any) -> None:
    """FHIR R4 MedicationDispense.status entered-in-error; RDS with ORC-1 CA: of one dispense, and of no other."""
    history: list[Statement] = [Prescription(key="P", event_at=at(0), received_at=at(0), id=1, status="issued")]
    history += [
        Prescription(
            key="P",
            event_at=at(n),
            received_at=at(n),
            id=n,
            status="dispensed" if given_out else Prescription.NOT_DISPENSED,
            dispense=which,
        )
        for n, (which, given_out) in enumerate(words, start=2)
    ]
    holding = []
    for which in "ab":
        mine = [(n, out) for n, (each, out) in enumerate(words, start=2) if each == which]
        since = max((n for n, out in mine if not out), default=0)
        holding += [n for n, out in mine if out and n > since]
    random.shuffle(history)
    row = columns(derive(history))
    assert row["status"] == ("dispensed" if holding else "issued")
    assert row["dispensed_at"] == (at(min(holding)).isoformat() if holding else None)
    assert (row["issued_at"], row["cancelled_at"]) == (at(0).isoformat(), None)


def test_a_vaccination_recorded_in_error_was_not_given() -> None:
    assert way(Vaccination, (0, "given"), (5, "deleted")) == ("deleted", {"deleted": 5})
    assert way(Vaccination, (0, "given"), (5, "deleted"), (9, "given")) == ("given", {"given": 9})


@given(st.lists(st.tuples(st.integers(0, 500), st.booleans()), min_size=1, max_size=6), st.randoms())
def test_a_vaccination_was_given_when_the_newest_word_says_earlier_or_later(
    words: list[tuple[int, bool]], random: Any
) -> None:
    """Each said a minute after the one before; whoever does not say when says nothing of it."""
    history = [
        Vaccination(
            key="V", event_at=at(n), received_at=at(n), id=n, status="given", given_at=at(-minute) if says else None
        )
        for n, (minute, says) in enumerate(words)
    ]
    expected = next((at(-minute) for minute, says in reversed(words) if says), at(0))
    random.shuffle(history)
    assert columns(derive(history))["given_at"] == expected.isoformat()
    gone = Vaccination(key="V", event_at=at(10), received_at=at(10), id=10, status="deleted")
    row = columns(derive([*history, gone]))
    assert (row["status"], row["given_at"], row["deleted_at"]) == ("deleted", None, at(10).isoformat())


def test_a_bed_is_in_its_state_since_the_last_change_and_not_since_the_last_word() -> None:
    steps = ((0, "occupied"), (50, "housekeeping"), (60, "housekeeping"), (90, "unoccupied"), (95, "unoccupied"))
    row = columns(derive(said(Bed, *steps)))
    assert (row["status"], row["since"]) == ("unoccupied", at(90).isoformat())
    assert not {"occupied_at", "unoccupied_at"} & set(row)


def test_guidance_is_answered_when_it_is_no_longer_asked() -> None:
    assert columns(derive(said(Guidance, (0, "requested"))))["answered_at"] is None
    assert columns(derive(said(Guidance, (0, "requested"), (2, "success"))))["answered_at"] == at(2).isoformat()
    row = columns(derive(said(Guidance, (0, "requested"), (2, "success"), (3, "deleted"))))
    assert (row["status"], row["answered_at"]) == ("deleted", None)


def test_a_state_that_this_release_does_not_know_is_passed_over() -> None:
    assert way(Appointment, (0, "booked"), (5, "waitlisted")) == ("booked", {"booked": 0})


def test_of_one_moment_the_later_state_comes_later_whichever_came_first() -> None:
    assert way(Appointment, (0, "cancelled"), (0, "booked")) == ("cancelled", {"booked": 0, "cancelled": 0})


@pytest.mark.parametrize("kind", STATEMENTS.values(), ids=STATEMENTS)
def test_what_is_stored_of_a_statement_reads_back_as_it_was(kind: type[Statement]) -> None:
    code, moment = Code("http://snomed.info/sct", "394579002", "طب القلب"), at(3)
    given_values: dict[str, Any] = {
        "specialty": code,
        "medication": code,
        "vaccine": code,
        "category": code,
        "diagnosis": code,
    }
    given_values |= {
        "topic": code,
        "reason": code,
        "starts_at": moment,
        "given_at": moment,
        "virtual": False,
        "urgency": "",
        "dose": "0.5",
    }
    own = {name: given_values[name] for name in own_fields(kind) if name in given_values}
    whole = kind(key="K", event_at=at(0), received_at=at(1), id=4, **own)
    stored = json.loads(json.dumps(body(whole)))
    assert from_body(kind.KIND, stored | {"later": 1}, key="K", event_at=at(0), received_at=at(1), id=4) == whole


KINDS = st.sampled_from(list(STATEMENTS.values()))


@st.composite
def histories(draw: st.DrawFn) -> list[Statement]:
    kind = draw(KINDS)
    steps = st.tuples(st.integers(0, 9), st.sampled_from([None, *kind.STATES]), st.sampled_from([None, "", "V1", "V2"]))
    drawn = draw(st.lists(steps, min_size=1, max_size=8))
    return [
        replace(each, visit_key=visit)
        for each, (_minute, _status, visit) in zip(
            said(kind, *((minute, status) for minute, status, _visit in drawn)), drawn, strict=True
        )
    ]


@given(histories(), st.randoms())
def test_any_order_of_rows_and_any_repetition_gives_the_same_thing(history: list[Statement], random: Any) -> None:
    again = [replace(each, id=100 + n, received_at=at(2000 + n)) for n, each in enumerate(history)]
    twice = history + random.sample(again, random.randint(0, len(again)))
    random.shuffle(twice)
    assert derive(twice) == derive(history)


@given(histories(), st.randoms())
def test_with_distinct_event_times_the_order_of_arrival_does_not_matter(history: list[Statement], random: Any) -> None:
    distinct = list({each.event_at: each for each in history}.values())
    arrivals = [each.received_at for each in distinct]
    random.shuffle(arrivals)
    late = [replace(each, received_at=moment) for each, moment in zip(distinct, arrivals, strict=True)]
    assert derive(late) == derive(distinct)


@given(histories())
def test_the_present_state_has_a_time_and_was_said(history: list[Statement]) -> None:
    thing = derive(history)
    assert (thing.status is None) == (not any(each.status for each in history))
    if thing.status is not None:
        assert thing.entered[thing.status] <= thing.source_at
        assert set(thing.entered) <= {each.status for each in history}


@pytest.mark.parametrize(
    ("system", "standard"),
    [("I10", True), ("ICD-10-CM", True), ("SCT", True), ("LN", True), ("CVX", True), ("WHO ATC", True),
     ("RxNorm", True),
     ("HL70069", True), ("http://snomed.info/sct", True), ("http://hl7.org/fhir/sid/icd-10", True),
     ("urn:oid:2.16.840.1.113883.6.1", True), ("2.16.840.1.113883.6.96", True),
     ("", False), ("L", False), ("99MARSAD", False), ("WinPath", False), ("http://his.example/codes", False)],
)  # fmt: skip
def test_which_code_systems_are_everybodys(system: str, standard: bool) -> None:
    """HL7 table 0396; FHIR R4 terminologies-systems."""
    assert is_standard(system) is standard
