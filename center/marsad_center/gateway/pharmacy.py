"""RDE and RDS to prescriptions, one a medicine (HL7 v2.5.1 chapter 4A). Where each value is read from: PROFILE.md."""

from __future__ import annotations

from datetime import datetime

from marsad_center.facts.events import Fact, Prescription
from marsad_center.gateway.adt import event_time, patient_key, read_day, read_time, visit_key
from marsad_center.gateway.coded import coded
from marsad_center.gateway.hl7 import MalformedMessage, Message, Segment
from marsad_center.gateway.profile import Profile

CANCELS = frozenset({"CA", "OC", "CR", "DC", "OD"})  # ORC-1, table 0119


def prescribed(message: Message, _trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """RDE: each RXE with its ORC. Raises MalformedMessage (missing-number, bad-time)."""
    return _facts(message, profile, received_at, segment="RXE", number=15)


def dispensed(message: Message, _trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """RDS: each RXD with its ORC. Raises MalformedMessage (missing-number, bad-time)."""
    return _facts(message, profile, received_at, segment="RXD", number=7)


def _facts(message: Message, profile: Profile, received_at: datetime, *, segment: str, number: int) -> list[Fact]:
    sent_at = event_time(message, profile.zone) or received_at
    result: list[Fact] = []
    orc: Segment | None = None
    for each in message.all("ORC", segment):
        if each.name == "ORC":
            orc = each
        elif each.name == segment:
            key = (orc.text(2) or orc.text(3) if orc is not None else "") or each.text(number)
            if not key:
                raise MalformedMessage("missing-number", f"neither ORC-2 nor ORC-3 nor {segment}-{number}")
            is_dispense = segment == "RXD"
            cancelled = orc is not None and orc.text(1).upper() in CANCELS
            at = read_time(orc, 9, profile.zone)
            if is_dispense and not cancelled:
                at = read_day(each, 3, profile.zone) or at
            result.append(
                Prescription(
                    key=key,
                    event_at=at or sent_at,
                    received_at=received_at,
                    status=_status(is_dispense=is_dispense, cancelled=cancelled),
                    patient_key=patient_key(message) or None,
                    visit_key=visit_key(message) or None,
                    medication=coded(each, 2),
                    dispense=each.text(1) if is_dispense else None,
                )
            )
    if not result:
        raise MalformedMessage("missing-number", f"a prescription without {segment}")
    return result


def _status(*, is_dispense: bool, cancelled: bool) -> str:
    """Who takes a dispense back does not take back what the physician prescribed."""
    if is_dispense:
        return Prescription.NOT_DISPENSED if cancelled else "dispensed"
    return "cancelled" if cancelled else "issued"
