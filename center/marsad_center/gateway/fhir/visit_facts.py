"""Encounter to the movements of its visit. What is read from where: PROFILE.md.

An Encounter is no event but a picture of the whole visit, so its movements are one "snapshot": those of the newest
version count and all older ones do not, in whatever order they arrive (facts/reversals.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from marsad_center.facts.events import Diagnosis, Fact, Movement
from marsad_center.gateway.fhir.datatypes import Coding
from marsad_center.gateway.fhir.references import contained
from marsad_center.gateway.fhir.told import Told
from marsad_center.gateway.fhir.visits import Condition, Encounter, EncounterLocation, Location
from marsad_center.gateway.movements import LEFT_UNSEEN

# v3-ActCode of ActEncounterCode to the letters of HL7 table 0004; V is a virtual consultation.
_CLASSES = {
    "EMER": "E",
    "IMP": "I",
    "ACUTE": "I",
    "NONAC": "I",
    "SS": "I",
    "PRENC": "P",
    "VR": "V",
    "AMB": "O",
    "OBSENC": "O",
    "HH": "O",
    "FLD": "O",
}
_BED, _ROOM = frozenset({"bd"}), frozenset({"ro"})  # location-physical-type
_WAITING = frozenset({"arrived", "triaged"})


class _Place(NamedTuple):
    point_of_care: str | None = None
    room: str | None = None
    bed: str | None = None


def encounter(told: Told[Encounter]) -> list[Fact]:
    """Its movements and diagnoses. Raises Fault."""
    return [*_movements(told), *_diagnoses(told)]


def _movements(told: Told[Encounter]) -> Iterator[Movement]:
    it = told.resource
    said = Movement(
        visit_key=told.key,
        patient_key=told.patient(it.subject) or "",
        event="A08",
        event_at=told.said_at,
        received_at=told.at,
        movement_key=told.snapshot(whole=True),
        action="snapshot",
        patient_class=_letter(it.class_),
        specialty=_specialty(it),
    )
    if it.status in ("cancelled", "entered-in-error"):
        yield replace(said, event="A11")
    elif it.status == "planned":
        yield replace(said, event="A05", arrived_at=None)
    elif it.status == "unknown":
        yield said
    else:
        yield from _stay(told, said)


def _stay(told: Told[Encounter], said: Movement) -> Iterator[Movement]:
    it = told.resource
    arrived = told.start(it.period) or _entered(told, *_WAITING, "in-progress")
    places = _places(told)
    began = arrived or told.said_at
    classes = [(told.start(each.period), _letter(each.class_)) for each in it.class_history]
    changes = sorted((at, letter) for at, letter in classes if at is not None and letter is not None)
    first = changes[0][1] if changes else said.patient_class
    here = [place for at, place in places if at is None or at <= began]
    yield replace(
        said,
        event="A01" if first == "I" else "A04",
        # A start that nobody states is only as new as this version: the first version's must stand beside it.
        action="snapshot" if arrived is not None else "insert",
        movement_key=said.movement_key if arrived is not None else None,
        event_at=began,
        patient_class=first,
        arrived_at=arrived,
        seen_at=_seen(told),
        **(here[-1] if here else _Place())._asdict(),
    )
    for at, letter in [*changes[1:], *([(None, said.patient_class)] if changes and said.patient_class else [])]:
        if letter != first:
            first = letter
            yield replace(
                said, event="A06" if letter == "I" else "A07", event_at=at or told.said_at, patient_class=letter
            )
    for at, place in places:
        if at is not None and at > began:
            # The class of that moment stands in the other movements.
            yield replace(said, event="A02", event_at=at, patient_class=None, **place._asdict())
    if it.status == "finished":
        ended = told.time(it.period.end) or _entered(told, "finished") or told.said_at
        yield replace(
            said,
            event="A03",
            event_at=max(ended, began),
            discharged_at=max(ended, began),
            disposition=_disposition(told),
        )


def _disposition(told: Told[Encounter]) -> str | None:
    outcome = told.resource.hospitalization.discharge_disposition
    if outcome is None:
        return None
    if {code.upper() for code in outcome.codes} & told.profile.left_unseen_dispositions:
        return LEFT_UNSEEN
    code = outcome.coded()
    return code.code if code is not None else None


def _letter(coding: Coding) -> str | None:
    code = (coding.code or "").upper()
    return _CLASSES.get(code) or (code if len(code) == 1 and code.isalpha() else None)


def _specialty(it: Encounter) -> str | None:
    code = it.service_type.told() if it.service_type is not None else None
    return (code.code or code.display) if code is not None else None


def _entered(told: Told[Encounter], *states: str) -> datetime | None:
    """When it first was in any of `states`."""
    starts = (told.start(each.period) for each in told.resource.status_history if each.status in states)
    return min((at for at in starts if at is not None), default=None)


def _seen(told: Told[Encounter]) -> datetime | None:
    """First contact with a physician: in progress after it was waiting (encounter-status: arrived, triaged)."""
    if not any(each.status in _WAITING for each in told.resource.status_history):
        return None
    return _entered(told, "in-progress")


def _places(told: Told[Encounter]) -> list[tuple[datetime | None, _Place]]:
    """Where the patient was from when on; ward, room and bed of one moment are one place."""
    by_start: dict[datetime | None, list[tuple[EncounterLocation, int]]] = defaultdict(list)
    for number, each in enumerate(told.resource.location):
        if each.status not in ("planned", "reserved"):
            by_start[told.start(each.period)].append((each, number))
    ordered = sorted(by_start.items(), key=lambda item: (item[0] is not None, item[0] or told.at))
    return [(at, _place(told, group)) for at, group in ordered]


def _place(told: Told[Encounter], group: list[tuple[EncounterLocation, int]]) -> _Place:
    ward, room, bed, above = None, "", "", None
    for each, number in group:
        key = told.reference(each.location, "Location", f"location[{number}].location")
        if key is None:
            continue
        parts = key.split("^")
        kinds = each.physical_type.codes if each.physical_type is not None else set()
        known = told.index.get(f"Location/{key}")
        if known is not None and isinstance(known.resource, Location):
            place = known.resource
            kinds = kinds or (place.physical_type.codes if place.physical_type is not None else set())
            above = above or told.reference(place.part_of, "Location", f"location[{number}].location")
        if len(parts) > 1:
            ward, room, bed = (*parts, "", "")[:3]
        elif kinds & _BED:
            bed = key
        elif kinds & _ROOM:
            room = key
        else:
            ward = key
    return _Place(ward or above or room or bed or None, room, bed)


def _diagnoses(told: Told[Encounter]) -> Iterator[Diagnosis]:
    """Of conditions that are contained, or in the same transaction; others are told by their own Condition."""
    it = told.resource
    for number, each in enumerate(it.diagnosis):
        place = f"Encounter.diagnosis[{number}].condition"
        reference = each.condition.reference or ""
        named = told.index.get(reference)
        condition = contained(it, each.condition, Condition, place)
        if condition is None and named is not None and isinstance(named.resource, Condition):
            condition = named.resource
        use = each.use.told() if each.use is not None else None
        found = diagnosis_of(told, told.key, condition, role=use.code if use is not None else None)
        if found is not None:
            yield found


def diagnosis_of(
    told: Told[Encounter] | Told[Condition], visit: str, it: Condition | None, role: str | None
) -> Diagnosis | None:
    """One code of one visit; None where there is no code."""
    code = it.code.coded() if it is not None and it.code is not None else None
    if it is None or code is None:
        return None
    verification = it.verification_status.codes if it.verification_status is not None else set()
    gone = bool(verification & {"entered-in-error", "refuted"})
    return Diagnosis(
        key=f"{visit}^{code.code}",
        event_at=told.said_at if gone else (told.time(it.recorded_date) or told.said_at),
        received_at=told.said_at,
        status="deleted" if gone else "stated",
        patient_key=told.patient(it.subject),
        visit_key=visit,
        diagnosis=code,
        role=role,
    )
