"""An encounter follows from the movements of its visit by event time, in whatever order they came in."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad_center.facts.encounter import Encounter, derive
from marsad_center.facts.events import Movement
from marsad_center.facts.reversals import REVERSALS, by_event_time, cancellations, takes_back

START = datetime(2026, 11, 23, 7, tzinfo=UTC)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def story(*steps: tuple[str, float, dict[str, Any]]) -> list[Movement]:
    """Movements from (event, minute, fields), received in this order."""
    return [
        Movement(
            visit_key="V", patient_key="P", event=event, event_at=at(minute), received_at=at(1000 + n), id=n, **more
        )
        for n, (event, minute, more) in enumerate(steps, start=1)
    ]


E = {"patient_class": "E", "point_of_care": "ED"}
WARD = {"patient_class": "I", "point_of_care": "W5", "bed": "12"}


def view(encounter: Encounter) -> tuple[str, str, bool]:
    return encounter.state, encounter.patient_class, encounter.in_ed


def test_an_emergency_arrival_is_in_the_ed_and_waits() -> None:
    """domain.md: A04 with PV1-2 = E is an arrival."""
    encounter = derive(story(("A04", 0, E)))
    assert view(encounter) == ("present", "E", True)
    assert (encounter.arrived_at, encounter.ed_arrived_at, encounter.seen_at) == (at(0), at(0), None)


def test_the_whole_way_from_the_door_to_the_ward_and_home() -> None:
    """domain.md: A01 admits, A02 transfers, A03 discharges, A08 updates (HL7 v2.5.1 chapter 3.3)."""
    encounter = derive(
        story(
            ("A04", 0, E),
            ("A08", 5, {"triage_level": 3}),
            ("A08", 30, {"seen_at": at(28)}),
            ("A01", 90, {"patient_class": "I"}),
            ("A02", 150, WARD),
            ("A03", 3000, {"disposition": "01"}),
        )
    )
    assert view(encounter) == ("departed", "I", False)
    assert (encounter.triage_level, encounter.triaged_at, encounter.seen_at) == (3, at(5), at(28))
    assert (encounter.admitted_at, encounter.ed_departed_at, encounter.discharged_at) == (at(90), at(150), at(3000))
    assert (encounter.disposition, encounter.bed, encounter.source_at) == ("01", "12", at(3000))


def test_an_admitted_patient_boards_in_the_ed_until_moved() -> None:
    boarding = story(("A04", 0, E), ("A01", 90, {"patient_class": "I", "point_of_care": "ED"}))
    assert view(derive(boarding)) == ("present", "I", True)
    moved = derive([*boarding, *story(("A02", 120, WARD))[:1]])
    assert (moved.in_ed, moved.ed_departed_at, moved.admitted_at) == (False, at(120), at(90))


def test_a_trip_to_imaging_is_none_out_of_the_ed() -> None:
    """HL7 v2.5.1, 3.3.2: A02 is of any change of place. Back in the ED he is admitted, and boards there until moved."""
    trip: list[Any] = [("A04", 0, E), ("A02", 10, {**E, "point_of_care": "RAD"})]
    assert view(derive(story(*trip))) == ("present", "E", True)
    for back in ([], [("A02", 20, E)]):
        admitted = [*trip, *back, ("A01", 30, {**E, "patient_class": "I"})]
        encounter = derive(story(*admitted))
        assert (view(encounter), encounter.ed_departed_at) == (("present", "I", True), None)
        assert derive(story(*admitted, ("A02", 60, WARD))).ed_departed_at == at(60)
    again = derive(story(*trip, ("A03", 30, {}), ("A04", 90, E), ("A02", 99, {**WARD, "point_of_care": "RAD"})))
    assert again.ed_departed_at == at(99)


def test_a_direct_admission_was_never_in_the_ed() -> None:
    encounter = derive(story(("A01", 0, WARD)))
    assert view(encounter) == ("present", "I", False)
    assert (encounter.ed_arrived_at, encounter.admitted_at) == (None, at(0))


def test_the_arrival_time_is_pv1_44_and_an_update_corrects_it_until_admission() -> None:
    arrival = ("A04", 10, {**E, "arrived_at": at(2)})
    assert derive(story(arrival)).ed_arrived_at == at(2)
    corrected = derive(story(arrival, ("A08", 20, {"arrived_at": at(1)})))
    assert (corrected.arrived_at, corrected.ed_arrived_at) == (at(1), at(1))
    admitted = derive(story(arrival, ("A01", 60, WARD), ("A08", 61, {"arrived_at": at(60)})))
    assert admitted.ed_arrived_at == at(2)


@pytest.mark.parametrize("event", ["A08", "A03"])
@pytest.mark.parametrize("corrected", [35, 45])
def test_a_discharge_is_corrected_by_pv1_45_of_what_comes_after_it(event: str, corrected: float) -> None:
    """HL7 v2.5.1, 3.3.8: A08 is used when any information about the patient has changed and no other event fits."""
    home: list[Any] = [("A04", 0, E), ("A03", 40, {**E, "discharged_at": at(40)})]
    encounter = derive(story(*home, (event, 60, {**E, "discharged_at": at(corrected)}), ("A08", 70, E), ("A03", 80, E)))
    assert (encounter.state, encounter.discharged_at) == ("departed", at(corrected))
    assert encounter.ed_departed_at == at(corrected)
    ward: list[Any] = [("A01", 0, E | {"patient_class": "I"}), ("A02", 20, WARD), ("A03", 40, WARD)]
    of_ward = derive(story(("A04", -10, E), *ward, (event, 60, {"discharged_at": at(corrected)})))
    assert (of_ward.ed_departed_at, of_ward.discharged_at) == (at(20), at(corrected))


def test_pv1_45_of_a_patient_who_is_there_discharges_nobody() -> None:
    assert derive(story(("A04", 0, E), ("A08", 5, {**E, "discharged_at": at(60)}))).discharged_at is None


@pytest.mark.parametrize(
    ("done", "undone", "left"),
    [
        ((), ("A11", 1, {}), ("cancelled", "E", False)),
        ((("A01", 60, WARD),), ("A11", 61, {}), ("present", "E", True)),
        ((("A02", 60, {"point_of_care": "ED-2"}),), ("A12", 61, {}), ("present", "E", True)),
        ((("A03", 60, {}),), ("A13", 61, {}), ("present", "E", True)),
    ],
)
def test_a_reversal_leaves_what_was_before(done: Any, undone: Any, left: tuple[str, str, bool]) -> None:
    """HL7 v2.5.1 chapter 3.3.11 to 3.3.13; domain.md: A11, A12, A13 reverse."""
    encounter = derive(story(("A04", 0, E), *done, undone))
    assert view(encounter)[0::2] == left[0::2]
    assert encounter.discharged_at is None


def test_a_cancelled_discharge_can_be_followed_by_the_real_one() -> None:
    encounter = derive(story(("A04", 0, E), ("A03", 60, {}), ("A13", 65, {}), ("A03", 200, {})))
    assert (encounter.state, encounter.discharged_at) == ("departed", at(200))


def test_a_cancelled_visit_is_not_brought_back_by_an_update_within_it() -> None:
    steps = story(("A04", 0, E), ("A08", 5, {"arrived_at": at(0)}), ("A11", 9, {}))
    assert derive(steps).state == "cancelled"


def test_a_reversal_that_overtakes_what_it_reverses_still_takes_it_back() -> None:
    late = story(("A11", 9, {}), ("A04", 0, E))
    assert derive(late[:1]).state == "cancelled"
    assert derive(late).state == "cancelled"


def test_a_reversal_of_the_same_minute_comes_after_it() -> None:
    assert derive(story(("A13", 60, {}), ("A03", 60, {}), ("A04", 0, E))).state == "present"


def test_zbe_names_the_movement_that_is_taken_back_or_replaced() -> None:
    """IHE ITI TF-2 3.31.4 (PAM, ZBE-1 and ZBE-4); domain.md: accept ZBE."""
    moves = [
        ("A04", 0, {**E, "movement_key": "m1"}),
        ("A02", 10, {"point_of_care": "ED-A", "movement_key": "m2"}),
        ("A02", 20, {"point_of_care": "ED-B", "movement_key": "m3"}),
    ]
    assert derive(story(*moves, ("A12", 30, {"movement_key": "m2"}))).point_of_care == "ED-B"
    assert derive(story(*moves, ("A12", 30, {}))).point_of_care == "ED-A"
    replaced = {"point_of_care": "ED-C", "movement_key": "m3", "action": "update"}
    assert derive(story(*moves, ("A02", 25, replaced))).point_of_care == "ED-C"
    assert derive(story(*moves, ("A08", 25, {"movement_key": "m3", "action": "cancel"}))).point_of_care == "ED-A"


def test_a_sender_connected_in_mid_stay_shows_who_is_there_by_transfers_and_updates() -> None:
    assert derive(story(("A02", 0, WARD))).state == "present"
    assert derive(story(("A08", 0, {**E, "arrived_at": at(-60)}))).state == "present"
    assert derive(story(("A08", 0, {**E, "arrived_at": at(-60), "discharged_at": at(-5)}))).state == "expected"
    assert derive(story(("A05", 0, E))).state == "expected"


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ((("A01", 0, WARD), ("A11", 10, {}), ("A02", 20, WARD)), "present"),  # admitted after all
        ((("A01", 0, WARD), ("A02", 5, WARD), ("A11", 10, {})), "cancelled"),  # moved within what never was
        ((("A01", 0, WARD), ("A02", 5, WARD), ("A11", 10, {}), ("A02", 20, WARD)), "present"),
        ((("A01", 0, WARD), ("A11", 10, {}), ("A02", 20, WARD), ("A12", 30, {})), "cancelled"),
        ((("A01", 0, WARD), ("A11", 10, {}), ("A02", 20, WARD), ("A03", 30, {})), "departed"),
        ((("A01", 0, WARD), ("A11", 10, {}), ("A03", 30, {})), "departed"),
        ((("A01", 0, WARD), ("A03", 5, {}), ("A11", 10, {})), "cancelled"),
        ((("A01", 0, WARD), ("A11", 10, {}), ("A08", 20, {"arrived_at": at(0)})), "cancelled"),
        ((("A02", 5, WARD), ("A11", 10, {})), "cancelled"),  # the A01 was before the sender was connected
        ((("A02", 5, WARD), ("A01", 7, WARD), ("A11", 10, {})), "present"),  # was there before that admission
        ((("A04", 0, E), ("A01", 7, WARD), ("A03", 8, {}), ("A11", 10, {})), "departed"),  # the arrival stands
        ((("A01", 0, WARD), ("A03", 10, {}), ("A02", 20, WARD)), "departed"),
        ((("A02", 0, WARD), ("A03", 10, {}), ("A02", 20, WARD)), "departed"),
    ],
)
def test_a_transfer_shows_presence_unless_it_went_with_a_cancelled_arrival(steps: Any, state: str) -> None:
    assert derive(story(*steps)).state == state
    assert derive(story(*reversed(steps))).state == state


def test_zbe_cancels_an_admission_with_all_that_happened_within_it() -> None:
    admission = ("A01", 0, {**WARD, "movement_key": "m1"})
    cancel = ("A01", 10, {"movement_key": "m1", "action": "cancel"})
    assert derive(story(admission, ("A02", 5, WARD), cancel)).state == "cancelled"
    assert derive(story(admission, cancel, ("A02", 20, WARD))).state == "present"


def test_who_was_transferred_in_the_ed_before_the_admission_was_in_the_ed() -> None:
    boarding = derive(story(("A02", 0, E), ("A01", 60, {"patient_class": "I", "point_of_care": "ED"})))
    assert view(boarding) == ("present", "I", True)
    assert (boarding.ed_arrived_at, boarding.admitted_at) == (at(0), at(60))


def test_a_second_stay_under_the_same_key_starts_with_nothing_of_the_first() -> None:
    encounter = derive(story(("A04", 0, {**E, "triage_level": 2, "seen_at": at(9)}), ("A03", 60, {}), ("A04", 600, E)))
    assert view(encounter) == ("present", "E", True)
    assert (encounter.ed_arrived_at, encounter.triage_level, encounter.seen_at) == (at(600), None, None)


def test_delete_is_heard_and_silence_is_not() -> None:
    assert derive(story(("A04", 0, {**E, "bed": "B1"}), ("A08", 1, {}))).bed == "B1"
    assert derive(story(("A04", 0, {**E, "bed": "B1"}), ("A08", 1, {"bed": ""}))).bed == ""


EVENTS = st.sampled_from(["A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13"])
STEPS = st.tuples(
    EVENTS,
    st.integers(0, 6),
    st.fixed_dictionaries(
        {
            "patient_class": st.sampled_from([None, "E", "I", "O"]),
            "point_of_care": st.sampled_from([None, "", "ED", "W5"]),
            "triage_level": st.sampled_from([None, 1, 5]),
        }
    ),
)


@given(st.lists(STEPS, min_size=1, max_size=7), st.randoms())
def test_the_order_in_which_rows_are_read_does_not_matter(steps: list[Any], random: Any) -> None:
    movements = story(*steps)
    shuffled = list(movements)
    random.shuffle(shuffled)
    assert derive(shuffled) == derive(movements)


@given(st.lists(STEPS, min_size=1, max_size=7, unique_by=lambda step: step[1]), st.randoms())
def test_with_distinct_event_times_the_order_of_arrival_does_not_matter(steps: list[Any], random: Any) -> None:
    movements = story(*steps)
    arrivals = [movement.received_at for movement in movements]
    random.shuffle(arrivals)
    late = [replace(movement, received_at=moment) for movement, moment in zip(movements, arrivals, strict=True)]
    assert derive(late) == derive(movements)


@given(st.lists(STEPS, min_size=1, max_size=8))
def test_an_encounter_is_never_in_two_states_at_once(steps: list[Any]) -> None:
    encounter = derive(story(*steps))
    assert not (encounter.in_ed and encounter.state != "present")
    assert (encounter.discharged_at is not None) == (encounter.state == "departed")
    if encounter.in_ed:
        assert encounter.ed_arrived_at is not None
        assert encounter.ed_departed_at is None


def plainly(movements: list[Movement]) -> dict[int, int]:
    """PROFILE.md's rule in so many words: the newest at or before the reversal, of the same number else of its kind."""
    taken: dict[int, int] = {}
    ordered = sorted(movements, key=by_event_time)
    for place, movement in enumerate(ordered):
        if movement.event not in REVERSALS and movement.action == "insert":
            continue
        open_ = [other for other in ordered[:place] if other.id not in taken and not takes_back(other)]
        same = [other for other in open_ if movement.movement_key and other.movement_key == movement.movement_key]
        kind = [other for other in open_ if other.event in REVERSALS.get(movement.event, ())]
        if same or kind:
            taken[(same or kind)[-1].id] = movement.id
    return taken


KEYS = st.sampled_from([None, "one", "other"])
ACTIONS = st.sampled_from(["insert", "insert", "update", "cancel"])
EVENTS = st.sampled_from(["A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13"])


@given(st.lists(st.tuples(EVENTS, st.integers(0, 6), KEYS, ACTIONS), min_size=1, max_size=14))
def test_what_takes_back_what_is_as_the_profile_says(steps: list[Any]) -> None:
    movements = story(*((event, minute, {"movement_key": key, "action": do}) for event, minute, key, do in steps))
    assert cancellations(movements) == plainly(movements)


@pytest.mark.parametrize("pair", [("A03", "A13"), ("A04", "A11")])
def test_a_visit_of_very_many_reversals_is_derived_without_comparing_each_with_each(pair: tuple[str, str]) -> None:
    began = time.monotonic()
    derive(story(*((pair[n % 2], n, {}) for n in range(60_000))))
    assert time.monotonic() - began < 30  # each with each takes minutes, each once less than a second


def test_from_the_ambulance_to_a_bed_and_a_decision() -> None:
    encounter = derive(
        story(
            ("A04", 0, {**E, "arrival_mode": "ambulance", "specialty": "EMR"}),
            ("A08", 12, {"offloaded_at": at(11)}),
            ("A02", 20, {"point_of_care": "ED", "bed": "7"}),
            ("A08", 30, {"ventilated": True}),
            ("A08", 61, {"decided_at": at(60)}),
            ("A08", 70, {"decided_at": at(65), "offloaded_at": at(40)}),  # said again: the first one counts
        )
    )
    assert (encounter.arrival_mode, encounter.offloaded_at, encounter.bedded_at) == ("ambulance", at(11), at(20))
    assert (encounter.decided_at, encounter.ventilated, encounter.specialty) == (at(60), True, "EMR")


_VALUES = st.lists(st.tuples(st.sampled_from("FCD"), st.integers(0, 90)), max_size=7)


@given(_VALUES, st.sampled_from(["seen_at", "decided_at", "offloaded_at"]), st.randoms())
def test_a_moment_is_the_earliest_that_was_said_since_it_was_put_right(
    said: list[tuple[str, int]], name: str, random: Any
) -> None:
    """HL7 v2.5.1, table 0085 (OBX-11): C replaces, D deletes; PROFILE.md: of what is told again the earliest holds."""
    steps: list[Any] = [("A04", 0, E)]
    expected: float | None = None
    for n, (status, minute) in enumerate(said, start=1):
        known = expected if status == "F" else None
        expected = None if status == "D" else min(minute if known is None else known, minute)
        value = {} if status == "D" else {name: at(minute)}
        steps.append(("A08", 100 + n, {**E, **value, "corrects": None if status == "F" else name}))
    movements = story(*steps)
    random.shuffle(movements)
    assert getattr(derive(movements), name) == (None if expected is None else at(expected))


def test_a_triage_level_is_put_right_and_taken_back() -> None:
    """The same table. A corrected level was given when the wrong one was, unless OBX-14 says when."""
    first: list[Any] = [("A04", 0, E), ("A08", 5, {**E, "triage_level": 3, "triaged_at": at(5)})]

    def level(*steps: Any) -> tuple[int | None, datetime | None]:
        encounter = derive(story(*first, *steps))
        return encounter.triage_level, encounter.triaged_at

    right = {**E, "triage_level": 2, "corrects": "triage_level"}
    assert level(("A08", 9, right)) == (2, at(5))
    assert level(("A08", 9, {**right, "triaged_at": at(7)})) == (2, at(7))
    gone = ("A08", 9, {**E, "corrects": "triage_level"})
    assert level(gone) == (None, None)
    assert level(gone, ("A08", 20, {**E, "triage_level": 4})) == (4, at(20))
    assert level(("A08", 9, {**E, "corrects": "of_a_later_release"})) == (3, at(5))


def test_a_bed_on_the_ward_is_none_in_the_emergency_department() -> None:
    assert derive(story(("A04", 0, E), ("A01", 90, WARD))).bedded_at is None
    assert derive(story(("A01", 0, WARD))).bedded_at is None
    assert derive(story(("A04", 0, {**E, "room": "R1"}), ("A11", 5, {}))).bedded_at is None


def test_whoever_left_is_ventilated_no_more_unless_he_had_not_left() -> None:
    ventilated = ("A04", 0, {**E, "ventilated": True})
    assert not derive(story(ventilated, ("A03", 60, {}), ("A08", 61, {"ventilated": True}))).ventilated
    assert derive(story(ventilated, ("A03", 60, {}), ("A13", 65, {}))).ventilated
    assert not derive(story(ventilated, ("A08", 9, {"ventilated": False}))).ventilated


def test_a_second_stay_has_no_bed_and_no_decision_of_the_first() -> None:
    first = ("A04", 0, {**E, "bed": "1", "decided_at": at(5), "offloaded_at": at(1), "arrival_mode": "ambulance"})
    encounter = derive(story(first, ("A03", 60, {}), ("A04", 600, E)))
    assert (encounter.bedded_at, encounter.decided_at, encounter.offloaded_at) == (None, None, None)
    assert encounter.arrival_mode == ""


@given(st.lists(STEPS, min_size=1, max_size=8))
def test_a_bed_in_the_ed_comes_after_the_way_in_and_only_with_it(steps: list[Any]) -> None:
    encounter = derive(story(*((event, minute, {**more, "bed": "1"}) for event, minute, more in steps)))
    assert encounter.bedded_at is None or encounter.ed_arrived_at is not None
    assert not encounter.ventilated
