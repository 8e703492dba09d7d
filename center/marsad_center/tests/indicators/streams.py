"""Random streams of facts, as feeds bring them: visits with all that may befall them, taken back, late and merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from marsad_center.facts.events import (
    Action,
    Appointment,
    Bed,
    Code,
    Fact,
    Identified,
    Kind,
    Merge,
    Movement,
    OrderEvent,
    Prescription,
    Referral,
    Statement,
    Vaccination,
)

CODES = ("KAMC", "ALNOOR", "SFAC")
START = datetime.fromisoformat("2026-11-23T10:20:00+00:00")
_KINDS: st.SearchStrategy[Kind] = st.sampled_from(["lab", "radiology", "other"])
_SPECIALTIES = ("CARD", "SURG", None)
_PATIENTS = [f"P{number}" for number in range(4)]
_CODES = (Code("99L", "CAR", "Cardiology"), Code("99L", "ENT"), Code("SCT", "1", "Heart"), None)
_VACCINES = (Code("CVX", "03"), Code("CVX", "88"), Code("99L", "MMR"), None)
_RECENT = st.integers(0, 1600).map(lambda minutes: (minutes + 700) % 1601)  # of the simplest, much is over
_AGES = st.one_of(_RECENT, _RECENT, _RECENT, st.integers(1600, 50_000))  # minutes
_ACTIONS: Sequence[Action] = ("insert", "update", "cancel")
_GAP = st.one_of(st.integers(0, 40), st.integers(0, 400))


class Given(NamedTuple):
    """A fact of a facility."""

    facility: str
    fact: Fact


class Mapped(NamedTuple):
    """What a local code means: at a facility, or ('') everywhere."""

    facility: str
    said: Mapping[str, str]


class Step(NamedTuple):
    """The clock goes on by `minutes`, then `batch` is committed and `maps` are in force."""

    minutes: int
    batch: Sequence[Given]
    maps: Sequence[Mapped]


def _before(minutes: int) -> datetime:
    return START - timedelta(minutes=minutes)


@st.composite
def _visit(draw: st.DrawFn) -> list[Given]:
    """A visit from arrival on, up to some point of it; sometimes the last event is taken back."""
    facility, number = draw(st.sampled_from(CODES)), draw(st.integers(0, 30))
    at = _before(draw(_AGES))
    kind = draw(st.sampled_from("EEEEEIOOV"))
    common: dict[str, Any] = {"visit_key": f"V{number}", "patient_key": f"P{number % 4}"}
    first: dict[str, Any] = {
        "specialty": draw(st.sampled_from(_SPECIALTIES)),
        "point_of_care": "ED" if kind == "E" else "W1",
    }
    if kind == "I":
        first["bed"] = draw(st.sampled_from([None, "7"]))
    if kind == "E":
        first |= {
            "arrival_mode": draw(st.sampled_from([None, "ambulance"])),
            "offloaded_at": at + timedelta(minutes=draw(st.integers(0, 40))),
        }
    if draw(st.integers(0, 4)) == 0:  # PV1-44 of an arrival that is told of later
        first["arrived_at"] = at - timedelta(minutes=draw(st.integers(0, 30)))
    movements = [_movement(common, "A01" if kind == "I" else "A04", at, patient_class=kind, **first)]
    if draw(st.integers(0, 5)) == 0:
        movements.insert(0, _movement(common, "A05", at - timedelta(minutes=draw(_GAP)), patient_class=kind))
    for event in draw(st.sampled_from(_WAYS[kind])):
        at += timedelta(minutes=draw(_GAP), seconds=draw(st.integers(0, 59)))
        movements.append(_movement(common, event[:3], at, **_said(draw, event, at)))
    if draw(st.integers(0, 4)) == 0:
        back = {"A03": "A13", "A02": "A12", "A01": "A11", "A04": "A11", "A06": "A11"}.get(movements[-1].event)
        if back:
            movements.append(_movement(common, back, at + timedelta(minutes=draw(st.integers(0, 5)))))
    if draw(st.integers(0, 3)) == 0:
        movements = _numbered(draw, movements)
    return [Given(facility, movement) for movement in movements]


def _numbered(draw: st.DrawFn, movements: Sequence[Movement]) -> list[Movement]:
    """The same movements with numbers (ZBE-1), and perhaps one of them told otherwise or taken back by its number."""
    named = [replace(each, movement_key=f"{each.visit_key}.{place}") for place, each in enumerate(movements)]
    action: Action = draw(st.sampled_from(_ACTIONS))
    if action != "insert":
        target = draw(st.sampled_from(named))
        later = target.event_at + timedelta(minutes=draw(st.integers(0, 20)))
        named.append(replace(target, action=action, event_at=later, specialty=draw(st.sampled_from(_SPECIALTIES))))
    return named


# What may follow an arrival; a word behind the trigger is what the message tells.
_WAYS = {
    "E": (
        ("A08 triage", "A08 bed", "A08 seen", "A08 decided", "A01 boards", "A02 ward"),
        ("A08 triage", "A08 seen", "A03"),
        ("A08 triage", "A08 seen", "A08 unseen", "A08 decided", "A08 redecided", "A03"),
        ("A08 triage", "A08 bed", "A08 seen", "A08 decided", "A01 boards"),
        ("A08 triage", "A08 seen", "A08 decided", "A01 boards", "A02 ward", "A03"),
        ("A08 triage", "A03"),
        ("A08 triage", "A03 unseen"),
        ("A08 seen", "A03 unseen"),
        ("A08 decided", "A01 boards", "A02 ward"),
        ("A08 triage", "A08 bed", "A08 seen"),
        ("A08 triage",),
        ("A08 ventilated",),
        ("A08 arrived", "A08 seen", "A03 ended"),
        ("A08 triage", "A06 boards", "A02 ward", "A03 ended"),
        ("A06 boards", "A07 out", "A03"),
        ("A06 boards", "A07 back"),
        ("A03",),
        (),
    ),
    "I": (
        ("A07 out", "A03 ended"),
        ("A07 back", "A03"),
        ("A02 ward", "A03 ended"),
        ("A02 ward", "A03"),
        ("A02 ward",),
        ("A03",),
        ("A08 triage",),
        (),
    ),
    "O": (("A03",), ("A06 boards", "A03 ended"), ()),
    "V": (("A03",), ()),
}


def _said(draw: st.DrawFn, event: str, at: datetime) -> dict[str, Any]:
    match event[4:]:
        case "triage":
            return {"triage_level": draw(st.integers(1, 5)), "triaged_at": at}
        case "bed":
            return {"room": "R", "bed": draw(st.sampled_from([None, "E1"]))}
        case "seen":
            return {"seen_at": at}
        case "decided":
            return {"decided_at": at}
        case "unseen":
            return {"corrects": draw(st.sampled_from(["seen_at", "triage_level seen_at"]))}
        case "redecided":
            return {"decided_at": at, "corrects": "decided_at"}
        case "boards":
            return {"patient_class": "I"}
        case "ward":
            return {"patient_class": "I", "point_of_care": "W2", "bed": draw(st.sampled_from([None, "3"]))}
        case "unseen":
            return {"disposition": "LWBS"}
        case "ventilated":
            return {"ventilated": True}
        case "out":
            return {"patient_class": "O"}
        case "back":
            return {"patient_class": "E", "point_of_care": "ED"}
        case "arrived":
            return {"arrived_at": at - timedelta(minutes=draw(_GAP))}
        case "ended":
            return {"discharged_at": at - timedelta(minutes=draw(st.integers(0, 60)))}
    return {}


def _movement(common: dict[str, Any], event: str, at: datetime, **said: Any) -> Movement:
    return Movement(**common, event=event, event_at=at, received_at=START, **said)


@st.composite
def _merge(draw: st.DrawFn) -> list[Given]:
    one, other = draw(st.permutations(_PATIENTS))[:2]
    return [Given(draw(st.sampled_from(CODES)), Merge(one, other, _before(draw(_RECENT))))]


@st.composite
def _identified(draw: st.DrawFn) -> list[Given]:
    patients = draw(st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(_PATIENTS)), min_size=1, max_size=3))
    identifier = draw(st.sampled_from("ABCD"))
    return [Given(facility, Identified(patient, identifier)) for facility, patient in patients]


@st.composite
def _orders(draw: st.DrawFn) -> list[Given]:
    facility, kind = draw(st.sampled_from(CODES)), draw(_KINDS)
    at = _before(draw(_RECENT))
    given = []
    for number in range(draw(st.integers(1, 7))):
        order = OrderEvent(
            placer=f"O{draw(st.integers(0, 20))}",
            filler="",
            visit_key=draw(st.sampled_from(["", "V0", "V1", "V2", "V99"])),
            kind=kind,
            kind_stated=True,
            code_system="",
            code="C",
            display="",
            ordered_at=at,
            resulted_at=at + timedelta(minutes=draw(_GAP), seconds=number),
            cancelled_at=at if draw(st.integers(0, 6)) == 0 else None,
            ordered_said_at=at if draw(st.booleans()) else None,
            placed_at=_before(draw(_RECENT)) if draw(st.integers(0, 6)) == 0 else None,
            retracted_at=at + timedelta(minutes=draw(_GAP)) if draw(st.integers(0, 6)) == 0 else None,
            source_at=at,
            specialty=draw(st.sampled_from(["", "CARD", "ENT"])),
            specialty_asked=draw(st.booleans()),
        )
        given.append(Given(facility, order))
    return given


# The states that a thing may go through.
_LIVES: Sequence[tuple[type[Statement], Sequence[Sequence[str]]]] = (
    (Appointment, (["booked"], ["booked", "no_show"], ["booked", "completed"], ["booked", "cancelled"])),
    (
        Referral,
        (
            ["submitted"],
            ["submitted", "refused"],
            ["submitted", "accepted", "seen"],
            ["submitted", "accepted", "seen", "reported"],
            ["submitted", "cancelled"],
        ),
    ),
    (Prescription, (["issued"], ["issued", "dispensed"], ["issued", "cancelled"])),
    (Vaccination, (["given"], ["refused"], ["given", "deleted"])),
)


@st.composite
def _things(draw: st.DrawFn) -> list[Given]:
    """Statements of one thing, in the order of its states, perhaps not to the end."""
    facility, key, at = draw(st.sampled_from(CODES)), f"T{draw(st.integers(0, 12))}", _before(draw(_AGES))
    kind, lives = draw(st.sampled_from(_LIVES))
    said: dict[str, Any] = {}
    if kind in (Appointment, Referral):
        said["specialty"] = draw(st.sampled_from(_CODES))
    if kind is Appointment:
        said |= {"starts_at": at, "virtual": draw(st.booleans())}
    if kind is Vaccination:
        said["given_at"] = draw(st.sampled_from([None, at, at - timedelta(minutes=draw(_GAP))]))
        said |= {"vaccine": draw(st.sampled_from(_VACCINES)), "patient_key": draw(st.sampled_from(_PATIENTS))}
    if kind is Referral:
        said["to_facility"] = draw(st.sampled_from(["KAMC", "ELSEWHERE", None]))
    given = []
    for number, status in enumerate(draw(st.sampled_from(lives))):
        when = at + timedelta(minutes=number * draw(_GAP) + number)
        given.append(kind(key=key, event_at=when, received_at=START, status=status, **(said if number == 0 else {})))
    return [Given(facility, fact) for fact in given]


@st.composite
def _referral(draw: st.DrawFn) -> list[Given]:
    """One referral of which two facilities tell, each by a number of its own and by the name that both know."""
    sender, receiver = draw(st.permutations(CODES))[:2]
    number, at = draw(st.integers(0, 5)), _before(draw(_AGES))
    said: dict[str, Any] = {"origin": sender, "known_as": (f"facility {sender}|{number}",), "received_at": START}
    given = []
    for place, status in enumerate(draw(st.sampled_from(dict(_LIVES)[Referral]))):
        when = at + timedelta(minutes=place * draw(_GAP) + place)
        for facility in draw(st.sampled_from([(sender,), (receiver,), (sender, receiver)])):
            specialty = draw(st.sampled_from(_CODES)) if facility == sender else None
            key = f"R{number}" if facility == sender else f"{sender}^{number}"
            told = Referral(key=key, event_at=when, status=status, specialty=specialty, **said)
            given.append(Given(facility, replace(told, to_facility=receiver if place == 0 else None)))
    return given


@st.composite
def _beds(draw: st.DrawFn) -> list[Given]:
    facility, bed, at = (
        draw(st.sampled_from(CODES)),
        f"W1^1^{draw(st.integers(0, 3))}",
        _before(draw(st.integers(0, 1600))),
    )
    given = []
    turn = ["contaminated", "housekeeping", "unoccupied"]
    words = draw(st.one_of(st.just(turn), st.lists(st.sampled_from([*turn, "occupied"]), max_size=8)))
    for status in words:
        at += timedelta(minutes=draw(st.integers(1, 50)))
        given.append(Given(facility, Bed(key=bed, event_at=at, received_at=START, status=status)))
    return given


_LOCAL = st.sampled_from([("", "CARD"), ("", "SURG"), ("99L", "CAR"), ("99L", "ENT"), ("SCT", "1")])
_STANDARD = st.sampled_from([("SCT", "1", "Cardiology"), ("SCT", "1", ""), ("SCT", "1", "Herz"), ("SCT", "2", "")])


@st.composite
def _mapped(draw: st.DrawFn) -> Mapped:
    (local_system, local_code), (system, code, display) = draw(_LOCAL), draw(_STANDARD)
    said = {"localSystem": local_system, "localCode": local_code, "system": system, "code": code, "display": display}
    return Mapped(draw(st.sampled_from(["", *CODES])), said)


@st.composite
def streams(draw: st.DrawFn) -> list[Step]:
    """A few batches: what belongs together arrives in any order, and some of it hours late."""
    persons = st.one_of(_merge(), _identified())
    stories = st.one_of(
        _visit(), _visit(), _visit(), _visit(), _orders(), _things(), _things(), _referral(), _beds(), persons
    )
    facts = [fact for story in draw(st.lists(stories, min_size=25, max_size=60)) for fact in story]
    late = draw(st.randoms(use_true_random=False))
    for place in range(len(facts)):
        if late.random() < 0.2:
            other = late.randrange(len(facts))
            facts[place], facts[other] = facts[other], facts[place]
    cuts = sorted(draw(st.lists(st.integers(0, len(facts)), max_size=3)))
    edges = list(zip([0, *cuts], [*cuts, len(facts)], strict=True))
    maps: st.SearchStrategy[list[Mapped]] = st.one_of(st.just([]), st.lists(_mapped(), max_size=6))
    return [Step(draw(st.sampled_from([0, 0, 1, 45, 300])), facts[start:end], draw(maps)) for start, end in edges]
