"""What messages about a patient or a visit have in common: times and keys. Where each is read from: PROFILE.md."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from marsad_center.gateway import identity
from marsad_center.gateway.hl7 import DELETE, MalformedMessage, Message, Segment
from marsad_center.gateway.times import parse_period, parse_time

_TO_THE_MINUTE = re.compile(r"\d{12}", re.ASCII)


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


def read_day(segment: Segment | None, field: int, zone: tzinfo) -> datetime | None:
    """As read_time, but of a field that may be known to the year or the month alone: that is no time, and no error."""
    return None if read_period(segment, field) is not None else read_time(segment, field, zone)


def read_period(segment: Segment | None, field: int) -> str | None:
    """The year or month, where the field says no more than that."""
    return parse_period(segment.text(field)) if segment is not None else None


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
    """PID-3.1 of the repetition that identity.py chooses (before v2.3 also PID-2.1)."""
    return identity.of_patient(message)[0]


def visit_key(message: Message) -> str:
    """PV1-19.1, else PID-18.1; '' when neither is given."""
    pv1, pid = message.first("PV1"), message.first("PID")
    return (pv1.text(19) if pv1 is not None else "") or (pid.text(18) if pid is not None else "")
