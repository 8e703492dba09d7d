"""REF, and RRI as the answer to it, to referrals (HL7 v2.5.1 chapter 11). Where each value is read from: PROFILE.md."""

from __future__ import annotations

from datetime import datetime

from marsad_center.facts.events import Fact, Referral
from marsad_center.facts.referral_sides import by_authority, by_facility
from marsad_center.gateway.adt import event_time, patient_key, visit_key
from marsad_center.gateway.coded import coded, given
from marsad_center.gateway.hl7 import MalformedMessage, Message, Segment
from marsad_center.gateway.identity import as_universal
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
    return _read(message, trigger, profile, received_at, referring=profile.facility)


def answers(message: Message, trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """As `facts`, of an RRI: it goes to who refers. Raises as they do."""
    mark = message.header.delimiters.component
    to = message.header.field(6).decode(message.codec, "replace").split(mark, 1)[0]
    return _read(message, trigger, profile, received_at, referring=profile.declared.get(to, ""))


def _read(message: Message, trigger: str, profile: Profile, received_at: datetime, *, referring: str) -> list[Fact]:
    """`referring`: the facility that refers where no PRD says it."""
    rf1 = message.first("RF1")
    number = (rf1.text(6) or rf1.text(11)) if rf1 is not None else ""
    if rf1 is None or not number:
        raise MalformedMessage("missing-number", "no RF1, or neither RF1-6 nor RF1-11")
    status = _status(rf1, trigger)
    urgency = given(rf1.text(2))
    by, to = _facility(message, "RP"), _facility(message, "RT")
    origin = referring if by is None else profile.declared.get(by, "")
    # RF1-6 is the number of who refers: that of another facility is none of this one's own.
    key = number if origin in ("", profile.facility) or not rf1.text(6) else f"{origin}^{number}"
    return [
        Referral(
            key=key,
            event_at=event_time(message, profile.zone) or received_at,
            received_at=received_at,
            status=status,
            patient_key=patient_key(message) or None,
            visit_key=visit_key(message) or None,
            from_facility=by and profile.declared.get(by, by),
            to_facility=to and profile.declared.get(to, to),
            origin=origin or None,
            known_as=_names(rf1, origin) or None,
            specialty=coded(rf1, 3),
            urgency=_URGENCY.get(urgency.upper(), urgency) if urgency else urgency,
            refusal=coded(message.first("MSA"), 6) if status == "refused" else None,
        )
    ]


def _names(rf1: Segment, origin: str) -> tuple[str, ...]:
    """What both sides call it: RF1-6, the originating application's identifier, which an answer repeats (HL7 v2.5.1
    chapter 11.6.1.6). RF1-11 is the receiver's own. A namespace (EI.2) is a name that others have, too."""
    number, universal = rf1.text(6), as_universal(rf1.text(6, 3))
    names = [by_facility(origin, number)] if number and origin else []
    return (*names, by_authority(universal, number)) if number and universal else tuple(names)


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
