"""SIU to appointments (HL7 v2.5.1 chapter 10). Where each value is read from: PROFILE.md."""

from __future__ import annotations

from datetime import datetime

from marsad_center.facts.events import Appointment, Code, Fact
from marsad_center.gateway.adt import event_time, patient_key, read_time, visit_key
from marsad_center.gateway.coded import coded
from marsad_center.gateway.hl7 import DELETE, MalformedMessage, Message, Segment
from marsad_center.gateway.profile import Profile
from marsad_center.gateway.times import parse_time

# What the trigger says of itself; a modification (S14) says nothing.
_TRIGGERS = {
    "S12": "booked",
    "S13": "booked",
    "S15": "cancelled",
    "S16": "cancelled",
    "S17": "cancelled",
    "S26": "no_show",
}
TRIGGERS = frozenset({*_TRIGGERS, "S14"})
# SCH-25, table 0278, and what senders write beside it. Not booked yet: pending, waitlist.
_FILLER_STATUS: dict[str, str | None] = {
    "PENDING": None,
    "WAITLIST": None,
    "BOOKED": "booked",
    "OVERBOOK": "booked",
    "STARTED": "arrived",
    "ARRIVED": "arrived",
    "CHECKEDIN": "arrived",
    "COMPLETE": "completed",
    "COMPLETED": "completed",
    "CANCELLED": "cancelled",
    "CANCELED": "cancelled",
    "DC": "cancelled",
    "DELETED": "cancelled",
    "NOSHOW": "no_show",
}
_STARTS = (("AIS", 4), ("AIG", 8), ("AIL", 6), ("AIP", 6))


def facts(message: Message, trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """What the message says of its appointment. Raises MalformedMessage (missing-number, bad-time)."""
    sch = message.first("SCH")
    key = (sch.text(2) or sch.text(1)) if sch is not None else ""
    if sch is None or not key:
        raise MalformedMessage("missing-number", "no SCH, or neither SCH-1 nor SCH-2")
    return [
        Appointment(
            key=key,
            event_at=event_time(message, profile.zone) or received_at,
            received_at=received_at,
            status=_status(sch, trigger),
            patient_key=patient_key(message) or None,
            visit_key=visit_key(message) or None,
            starts_at=_starts_at(message, sch, profile),
            specialty=_specialty(message, profile),
            virtual=_virtual(message, sch, profile),
        )
    ]


def _status(sch: Segment, trigger: str) -> str | None:
    """A cancellation and a no-show are what their triggers say; else SCH-25, where it is one of its table."""
    told = sch.text(25).upper().replace(" ", "").replace("-", "")
    if trigger in ("S12", "S13", "S14") and told in _FILLER_STATUS:
        return _FILLER_STATUS[told]
    return _TRIGGERS.get(trigger)


def _starts_at(message: Message, sch: Segment, profile: Profile) -> datetime | None:
    """SCH-11.4 (to v2.6), else TQ1-7, else the earliest time of a resource."""
    written = sch.text(11, 4)
    if written and written != DELETE:
        try:
            return parse_time(written, profile.zone)
        except ValueError:
            raise MalformedMessage("bad-time", "SCH-11.4 is not a time") from None
    starts = [read_time(message.first("TQ1"), 7, profile.zone)]
    starts += [read_time(each, field, profile.zone) for name, field in _STARTS for each in message.all(name)]
    return starts[0] or min(filter(None, starts), default=None)


def _specialty(message: Message, profile: Profile) -> Code | None:
    found = (coded(message.first(segment), field) for segment, field in profile.appointment_specialty)
    return next((code for code in found if code is not None), None)


def _virtual(message: Message, sch: Segment, profile: Profile) -> bool | None:
    """Of class V (PV1-2), or of a type or service (SCH-8, AIS-3) that is given over a distance."""
    pv1, ais = message.first("PV1"), message.first("AIS")
    patient_class = pv1.text(2).upper() if pv1 is not None else ""
    kinds = {sch.text(8).upper(), ais.text(3).upper() if ais is not None else ""} - {""}
    if patient_class[:1] == "V" or kinds & profile.virtual_codes:
        return True
    return False if kinds or patient_class else None
