"""MDM to documents: that they exist and how far they are, never what they say (HL7 v2.5.1 chapter 9)."""

from __future__ import annotations

from datetime import datetime

from marsad_center.facts.events import Document, Fact
from marsad_center.gateway.adt import event_time, patient_key, visit_key
from marsad_center.gateway.coded import coded
from marsad_center.gateway.hl7 import MalformedMessage, Message, Segment
from marsad_center.gateway.profile import Profile

TRIGGERS = frozenset(f"T{number:02}" for number in range(1, 12))
_NEW = frozenset({"T01", "T02", "T05", "T06", "T09", "T10"})  # original, addendum, replacement
_REPLACEMENTS = frozenset({"T09", "T10"})
_CANCELLED, _OBSOLETE = "CA", "OB"  # TXA-19, table 0273
_FINAL = frozenset({"AU", "LA"})  # TXA-17, table 0271: authenticated, legally authenticated


def facts(message: Message, trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """The document, and the one it replaces. Raises MalformedMessage (missing-number, bad-time)."""
    txa = message.first("TXA")
    key = _number(txa, 12) if txa is not None else ""
    if txa is None or not key:
        raise MalformedMessage("missing-number", "no TXA, or no TXA-12")
    document = Document(
        key=key,
        event_at=event_time(message, profile.zone) or received_at,
        received_at=received_at,
        status=_status(txa, trigger),
        patient_key=patient_key(message) or None,
        visit_key=visit_key(message) or None,
        category=coded(txa, 2),
    )
    parent = _number(txa, 13)
    if trigger not in _REPLACEMENTS or not parent or parent == key:
        return [document]
    replaced = Document(key=parent, event_at=document.event_at, received_at=received_at, status="replaced")
    return [document, replaced]


def _number(txa: Segment, field: int) -> str:
    """An entity identifier; some senders give only its third component."""
    return txa.text(field) or txa.text(field, 3)


def _status(txa: Segment, trigger: str) -> str | None:
    if trigger == "T11" or txa.text(19).upper() == _CANCELLED:
        return "cancelled"
    if txa.text(19).upper() == _OBSOLETE:
        return "replaced"
    if txa.text(17).upper() in _FINAL:
        return "final"
    return "created" if trigger in _NEW or txa.text(17) else None
