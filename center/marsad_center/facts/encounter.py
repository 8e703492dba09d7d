"""An encounter is derived from the movements of its visit in the order of their event times, and from nothing else.

So a movement that arrives late, or one that takes another back, gives the same encounter as if everything had come in
order. Rules: gateway/PROFILE.md (sources: HL7 v2.5.1 chapter 3, IHE PAM ITI-31, Marsad domain facts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from marsad_center.facts.events import Movement
from marsad_center.facts.reversals import ARRIVALS, by_event_time, cancellations, superseded, takes_back, void

State = Literal["expected", "present", "departed", "cancelled"]


@dataclass(slots=True)
class Encounter:
    """The visit as it stands. `in_ed` is true while boarding, too. Times are of events, not of messages.

    `decided_at`: first decision to admit; `bedded_at`: first room or bed in the emergency department; `offloaded_at`:
    first taken over from the ambulance; `ventilated`: as last said, while he is there.
    """

    visit_key: str
    patient_key: str = ""
    patient_class: str = "U"
    state: State = "expected"
    in_ed: bool = False
    triage_level: int | None = None
    point_of_care: str = ""
    room: str = ""
    bed: str = ""
    arrived_at: datetime | None = None
    ed_arrived_at: datetime | None = None
    triaged_at: datetime | None = None
    seen_at: datetime | None = None
    admitted_at: datetime | None = None
    ed_departed_at: datetime | None = None
    discharged_at: datetime | None = None
    disposition: str = ""
    source_at: datetime | None = None
    specialty: str = ""
    decided_at: datetime | None = None
    bedded_at: datetime | None = None
    offloaded_at: datetime | None = None
    arrival_mode: str = ""
    ventilated: bool = False
    ed_points_of_care: tuple[str, ...] = field(default=(), repr=False)


def derive(movements: Sequence[Movement]) -> Encounter:
    """The encounter of one visit from all its movements (at least one, any order)."""
    outdated = superseded(movements)
    taken = {id_: by for id_, by in cancellations(movements).items() if id_ not in outdated}
    ordered = sorted((movement for movement in movements if movement.id not in outdated), key=by_event_time)
    encounter = Encounter(visit_key=ordered[0].visit_key)
    gone = void(ordered, taken)
    left = [movement for movement in ordered if movement.id not in taken and not takes_back(movement)]
    told = any(movement.event in ARRIVALS or movement.event == "A11" for movement in ordered)
    for movement in ordered:
        encounter.source_at = movement.event_at
        if movement.patient_key:
            encounter.patient_key = movement.patient_key
    for movement in left:
        here = encounter.state != "expected"
        _apply(encounter, movement, speaks=here or _speaks(movement, told=told, void=movement.id in gone))
    planned = any(movement.event == "A05" for movement in left)
    if encounter.state == "expected" and not planned and (told or not left):
        encounter.state = "cancelled"
    encounter.ventilated = encounter.ventilated and encounter.state == "present"
    return encounter


def _speaks(movement: Movement, *, told: bool, void: bool) -> bool:
    """Whether a movement of a patient whose arrival does not stand shows that he is there, or has been.

    A transfer or a discharge does, unless it went with an arrival that was taken back: the sender was connected in
    mid-stay, or the patient was admitted after all. An update does only where no arrival was ever `told` of: senders
    update the record of a cancelled visit, too.
    """
    if movement.event == "A08":
        return not told and movement.arrived_at is not None and movement.discharged_at is None
    return movement.event in ("A02", "A03") and not void


def _apply(encounter: Encounter, movement: Movement, *, speaks: bool) -> None:
    if movement.event in ("A01", "A04") and encounter.state == "departed":
        _begin_again(encounter)
    _take_over(encounter, movement)
    if movement.event == "A03" and speaks:
        _depart(encounter, movement)
    elif movement.event in ARRIVALS or (encounter.state == "expected" and speaks):
        if encounter.state != "present":
            encounter.state, encounter.discharged_at = "present", None
            encounter.arrived_at = encounter.arrived_at or movement.arrived_at or movement.event_at
    elif movement.event == "A08":
        if movement.arrived_at is not None:
            _correct_arrival(encounter, movement.arrived_at)
        if movement.discharged_at is not None and encounter.state == "departed":
            _correct_discharge(encounter, movement.discharged_at)
    if encounter.state == "present":
        _place(encounter, movement)


def _begin_again(encounter: Encounter) -> None:
    """An arrival after a departure under the same key: another stay (senders that have no visit number)."""
    encounter.arrived_at = encounter.ed_arrived_at = encounter.triaged_at = encounter.seen_at = None
    encounter.admitted_at = encounter.ed_departed_at = encounter.triage_level = None
    encounter.decided_at = encounter.bedded_at = encounter.offloaded_at = None
    encounter.point_of_care = encounter.room = encounter.bed = encounter.disposition = ""
    encounter.specialty = encounter.arrival_mode = ""
    encounter.ed_points_of_care = ()


def _correct_arrival(encounter: Encounter, arrived_at: datetime) -> None:
    """An A08 moved the time of arrival. After admission PV1-44 often holds that time instead."""
    if encounter.arrived_at is None or encounter.admitted_at is not None:
        return
    if encounter.ed_arrived_at == encounter.arrived_at:
        encounter.ed_arrived_at = arrived_at
    encounter.arrived_at = arrived_at


def _correct_discharge(encounter: Encounter, discharged_at: datetime) -> None:
    """An A08 or a second A03 moved the time of discharge, and with it the departure of who went home from the ED."""
    if encounter.ed_departed_at == encounter.discharged_at:
        encounter.ed_departed_at = discharged_at
    encounter.discharged_at = discharged_at


def _take_over(encounter: Encounter, movement: Movement) -> None:
    if movement.patient_class:
        encounter.patient_class = movement.patient_class
    for name in ("point_of_care", "room", "bed", "disposition", "specialty", "arrival_mode", "ventilated"):
        value = getattr(movement, name)
        if value is not None:
            setattr(encounter, name, value)
    if movement.corrects:
        _put_right(encounter, movement, movement.corrects.split())
    if movement.triage_level is not None:
        encounter.triage_level = movement.triage_level
        encounter.triaged_at = encounter.triaged_at or movement.triaged_at or movement.event_at
    for name in ("seen_at", "decided_at", "offloaded_at"):  # said again with each update: the first one counts
        said, known = getattr(movement, name), getattr(encounter, name)
        if said is not None:
            setattr(encounter, name, min(known or said, said))


def _put_right(encounter: Encounter, movement: Movement, names: Sequence[str]) -> None:
    """Forget what was said before of `names`, so that what the movement says of them counts as if it were the first. A
    level that is put right was given when it was first given, unless the movement says when."""
    for name in names:
        if name == "triage_level":
            if movement.triage_level is None or movement.triaged_at is not None:
                encounter.triage_level = encounter.triaged_at = None
        elif name in Movement.CORRECTABLE:  # a newer release may know more of them
            setattr(encounter, name, None)


def _place(encounter: Encounter, movement: Movement) -> None:
    """Where a present patient is: in the emergency department, boarding there, or on a ward."""
    _locate(encounter, movement.event_at)
    if encounter.in_ed and (encounter.room or encounter.bed):
        encounter.bedded_at = encounter.bedded_at or movement.event_at


def _locate(encounter: Encounter, at: datetime) -> None:
    if encounter.patient_class == "E":
        if encounter.ed_arrived_at is None:
            first = encounter.admitted_at is None and encounter.arrived_at is not None
            encounter.ed_arrived_at = encounter.arrived_at if first else at
        encounter.in_ed, encounter.ed_departed_at, encounter.admitted_at = True, None, None
        if encounter.point_of_care not in encounter.ed_points_of_care:
            encounter.ed_points_of_care += (encounter.point_of_care,)
        return
    if encounter.patient_class == "I":
        encounter.admitted_at = encounter.admitted_at or at
    else:
        encounter.admitted_at = None
    if encounter.in_ed and encounter.point_of_care not in ("", *encounter.ed_points_of_care):
        encounter.in_ed, encounter.ed_departed_at = False, at


def _depart(encounter: Encounter, movement: Movement) -> None:
    if encounter.state == "departed":
        if movement.discharged_at is not None:
            _correct_discharge(encounter, movement.discharged_at)
        return
    encounter.state = "departed"
    encounter.discharged_at = movement.discharged_at or movement.event_at
    if encounter.in_ed:
        encounter.in_ed, encounter.ed_departed_at = False, encounter.discharged_at
