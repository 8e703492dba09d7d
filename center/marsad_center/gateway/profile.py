"""What HL7 v2 leaves open, feed by feed: where a sender writes what no standard says where to write.

The defaults are PROFILE.md's. A facility that writes otherwise says so in its feed's `profile` (center.json); what it
gives takes the place of that default, and of no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, tzinfo
from typing import Any

from marsad_center.registry import FeedProfile


def _codes(*codes: str) -> frozenset[str]:
    return frozenset(codes)


@dataclass(frozen=True, slots=True)
class Profile:
    """How one feed writes. Codes are compared in capitals. `zone`: of times without an offset. `facility`: the code of
    its own; `declared`: code of every facility by what senders may call it (facts/registry_sync.py)."""

    zone: tzinfo = UTC
    facility: str = ""
    declared: Mapping[str, str] = field(default_factory=dict, repr=False)
    triage_codes: frozenset[str] = _codes("11283-9", "75636-1", "273887006")  # OBX-3.1
    physician_contact_codes: frozenset[str] = _codes("PHYSICIAN-CONTACT")  # OBX-3.1
    admit_decision_codes: frozenset[str] = _codes("ADMIT-DECISION")  # OBX-3.1
    expected_admission_is_decision: bool = True  # PV2-8 in a message of a visit of class E
    offload_codes: frozenset[str] = _codes("AMBULANCE-OFFLOAD")  # OBX-3.1
    ventilated_codes: frozenset[str] = _codes("VENTILATED", "20124-4")  # OBX-3.1; LOINC: ventilation mode
    ambulance_modes: frozenset[str] = _codes("A", "AMB", "AMBULANCE")  # PV2-38, table 0430
    ambulance_types: frozenset[str] = _codes("AMB", "AMBULANCE")  # PV1-4, where A is an accident
    left_unseen_dispositions: frozenset[str] = _codes("LWBS", "LWOBS", "LBS", "DNW")  # PV1-36
    virtual_codes: frozenset[str] = _codes(  # SCH-8, AIS-3
        "VR", "VIRTUAL", "TELE", "TELEHEALTH", "TELEMEDICINE", "TELECONSULTATION", "VIDEO", "PHONE", "TELEPHONE"
    )
    appointment_specialty: tuple[tuple[str, int], ...] = (("PV1", 10), ("AIS", 3))  # the first that is filled
    order_specialty: tuple[tuple[str, int], ...] = (("PV1", 10),)


DEFAULT = Profile()
_NAMES = {"lwbs_dispositions": "left_unseen_dispositions"}  # as the registry calls them


def profile(
    given: FeedProfile | None, zone: tzinfo, facility: str = "", declared: Mapping[str, str] | None = None
) -> Profile:
    """The profile of a feed: the defaults with what the registry gives."""
    usual = replace(DEFAULT, zone=zone, facility=facility, declared=declared or {})
    if given is None:
        return usual
    known = {each.name for each in fields(Profile)}
    said = {_NAMES.get(name, name): value for name, value in given if value is not None}
    return replace(usual, **{name: _value(name, value) for name, value in said.items() if name in known})


def _value(name: str, value: Iterable[str] | bool) -> Any:
    if isinstance(value, bool):
        return value
    if name.endswith("_specialty"):
        return tuple((place[:3], int(place[4:])) for place in value)
    return frozenset(code.upper() for code in value)
