"""REF, and RRI as the answer to it, to referrals (HL7 v2.5.1 chapter 11). Where each value is read from: PROFILE.md."""

from __future__ import annotations

from datetime import datetime

from marsad_center.facts.events import Fact, Referral
from marsad_center.gateway.adt import event_time, patient_key, visit_key
from marsad_center.gateway.coded import coded, given
from marsad_center.gateway.hl7 import MalformedMessage, Message, Segment
from marsad_center.gateway.profile import Profile

TRIGGERS = frozenset({"I12", "I13", "I14", "I15"})
# RF1-1: table 0283, and two words of ours for what comes after it.
_STATUS = {
    "P": "submitted",
    "A": "accepted",
    "R": "refused",
    "E": "cancelled",  # expired
    "SEEN": "seen",
    "REPORTED": "reported",
}
_URGENCY = {"S": "stat", "A": "asap", "R": "routine"}  # RF1-2, table 0280, in the words of FHIR
_ORGANISATION = ((10, 10), (10, 3), (10, 1), (4, 4), (4, 1))  # of PRD: XON since v2.6, PL before


def facts(message: Message, trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """What the message says of its referral. Raises MalformedMessage (missing-number, bad-time)."""
    rf1 = message.first("RF1")
    key = (rf1.text(6) or rf1.text(11)) if rf1 is not None else ""
    if rf1 is None or not key:
        raise MalformedMessage("missing-number", "no RF1, or neither RF1-6 nor RF1-11")
    status = _status(rf1, trigger)
    urgency = given(rf1.text(2))
    return [
        Referral(
            key=key,
            event_at=event_time(message, profile.zone) or received_at,
            received_at=received_at,
            status=status,
            patient_key=patient_key(message) or None,
            visit_key=visit_key(message) or None,
            from_facility=_facility(message, "RP"),
            to_facility=_facility(message, "RT"),
            specialty=coded(rf1, 3),
            urgency=_URGENCY.get(urgency.upper(), urgency) if urgency else urgency,
        )
    ]


def _status(rf1: Segment, trigger: str) -> str | None:
    if trigger == "I14":
        return "cancelled"
    return _STATUS.get(rf1.text(1).upper(), "submitted" if trigger == "I12" else None)


def _facility(message: Message, role: str) -> str | None:
    """The organisation of the provider in this role (PRD-1, table 0286)."""
    for prd in message.all("PRD"):
        if prd.text(1).upper() == role:
            return next((text for text in (prd.text(*place) for place in _ORGANISATION) if text), None)
    return None
