"""ADT messages to movements and merges. Where each value is read from: PROFILE.md."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from marsad_center.facts.events import Action, Fact, Merge, Movement
from marsad_center.gateway.hl7 import DELETE, MalformedMessage, Message, Segment
from marsad_center.gateway.times import parse_time

MOVEMENTS = frozenset({"A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13"})
MERGES = frozenset({"A34", "A40"})

TRIAGE_CODES = frozenset({"11283-9", "75636-1", "273887006"})
PHYSICIAN_CONTACT = "PHYSICIAN-CONTACT"
_LEVEL = re.compile(r"(?:.*\D)?([1-5])(?:\.0*)?")
_TO_THE_MINUTE = re.compile(r"\d{12}", re.ASCII)
_CLASSES = {"ER": "E"}
_ACTIONS: dict[str, Action] = {"UPDATE": "update", "CANCEL": "cancel"}


def read_time(segment: Segment | None, field: int, zone: tzinfo) -> datetime | None:
    """A time field in UTC; None when it is empty. Raises MalformedMessage bad-time."""
    if segment is None:
        return None
    text = segment.text(field)
    if not text or text == DELETE:
        return None
    try:
        return parse_time(text, zone)
    except ValueError:
        raise MalformedMessage("bad-time", f"{segment.name}-{field} is not a time") from None


def event_time(message: Message, zone: tzinfo) -> datetime | None:
    """ZBE-2, else EVN-6, else EVN-2, else MSH-7."""
    evn = message.first("EVN")
    return (
        read_time(message.first("ZBE"), 2, zone)
        or read_time(evn, 6, zone)
        or read_time(evn, 2, zone)
        or read_time(message.first("MSH"), 7, zone)
    )


def sent_time(message: Message, zone: tzinfo) -> datetime | None:
    """MSH-7, the message's own time. None when it is empty, is no time, or is coarser than a minute: a mere day would
    read as midnight and pass for a delay of hours. It decides no fact, so it costs no message."""
    msh = message.first("MSH")
    text = msh.text(7) if msh is not None else ""
    if not _TO_THE_MINUTE.match(text):
        return None
    try:
        return parse_time(text, zone)
    except ValueError:
        return None


def patient_key(message: Message) -> str:
    """PID-3.1 (before v2.3 also PID-2.1)."""
    pid = message.first("PID")
    return (pid.text(3) or pid.text(2)) if pid is not None else ""


def visit_key(message: Message) -> str:
    """PV1-19.1, else PID-18.1; '' when neither is given."""
    pv1, pid = message.first("PV1"), message.first("PID")
    return (pv1.text(19) if pv1 is not None else "") or (pid.text(18) if pid is not None else "")


def facts(message: Message, trigger: str, zone: tzinfo, received_at: datetime) -> list[Fact]:
    """The facts of an ADT message. Raises MalformedMessage (missing-visit, bad-time)."""
    at = event_time(message, zone) or received_at
    if trigger in MERGES:
        return _merges(message, at)
    if trigger not in MOVEMENTS:
        return []
    return [_movement(message, trigger, zone, at, received_at)]


def _movement(message: Message, trigger: str, zone: tzinfo, at: datetime, received_at: datetime) -> Movement:
    pv1, zbe = message.first("PV1"), message.first("ZBE")
    patient = patient_key(message)
    visit = visit_key(message) or (f"patient:{patient}" if patient else "")
    if pv1 is None or not visit:
        raise MalformedMessage("missing-visit", "no PV1, or neither PV1-19 nor PID-18 nor PID-3")
    level, triaged_at, seen_at = _observations(message, zone, at)
    place = pv1.text(3)
    return Movement(
        visit_key=visit,
        patient_key=patient,
        event=trigger,
        event_at=at,
        received_at=received_at,
        movement_key=(zbe.text(1) or None) if zbe is not None else None,
        action=_ACTIONS.get(zbe.text(4).upper(), "insert") if zbe is not None else "insert",
        patient_class=_patient_class(pv1.text(2)),
        point_of_care=_given(place),
        # A new point of care without a bed is a patient who has none yet, not one who kept the old bed.
        room=_given(pv1.text(3, 2)) if not place else pv1.text(3, 2).replace(DELETE, ""),
        bed=_given(pv1.text(3, 3)) if not place else pv1.text(3, 3).replace(DELETE, ""),
        arrived_at=read_time(pv1, 44, zone),
        discharged_at=read_time(pv1, 45, zone),
        disposition=_given(pv1.text(36)),
        triage_level=level,
        triaged_at=triaged_at,
        seen_at=seen_at,
    )


def _given(text: str) -> str | None:
    """None for nothing said, '' for delete."""
    if not text:
        return None
    return "" if text == DELETE else text


def _patient_class(text: str) -> str | None:
    word = text.upper()
    return _CLASSES.get(word, word[:1]) if word and word != DELETE and word[0].isalpha() else None


def _observations(message: Message, zone: tzinfo, at: datetime) -> tuple[int | None, datetime | None, datetime | None]:
    """Triage level, its time, and the first contact with a physician."""
    level: int | None = None
    triaged_at: datetime | None = None
    seen_at: datetime | None = None
    for obx in message.all("OBX"):
        code = obx.text(3)
        if code in TRIAGE_CODES:
            match = _LEVEL.fullmatch(obx.text(5))
            if match is not None:  # anything else is no level; the visit stays "not triaged" rather than wrong
                level, triaged_at = int(match[1]), read_time(obx, 14, zone) or at
        elif code == PHYSICIAN_CONTACT:
            seen_at = read_time(obx, 5, zone) or read_time(obx, 14, zone) or at
    return level, triaged_at, seen_at


def _merges(message: Message, at: datetime) -> list[Fact]:
    result: list[Fact] = []
    survivor = ""
    for segment in message.all("PID", "MRG"):  # A40 may repeat them
        if segment.name == "PID":
            survivor = segment.text(3) or segment.text(2)
        elif survivor and segment.text(1) not in ("", survivor):
            result.append(Merge(merged=segment.text(1), survivor=survivor, event_at=at))
    return result
