"""Orders and results (ORM, OML, OMG, OMI, ORU) to order events. Where each value is read from: PROFILE.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from marsad_center.facts.events import Code, Fact, Kind, OrderEvent
from marsad_center.gateway.adt import read_day, read_time, visit_key
from marsad_center.gateway.coded import TAKEN_BACK, coded
from marsad_center.gateway.hl7 import DELETE, MalformedMessage, Message, Segment
from marsad_center.gateway.profile import Profile

# HL7 table 0074, diagnostic service section.
_LABORATORY = frozenset(
    ["LAB", "CH", "HM", "MB", "MCB", "MYC", "SR", "VR", "BG", "BLB", "CG", "CP", "HEM", "IMM", "PAT", "SP", "TX"]
)
_RADIOLOGY = frozenset(
    ["RAD", "RUS", "CT", "CTH", "NMR", "NMS", "RX", "XRC", "CUS", "VUS", "OUS", "MG", "MAM", "US", "XR", "MR", "MRI"]
)
_IMAGING_WORDS = re.compile(
    r"\b(mri|mra|ct|cat scan|x-?ray|xr|ultrasound|us|sonograph\w*|radiograph\w*|mammogra\w*|pet|fluoroscop\w*)\b",
    re.IGNORECASE,
)
_OTHER_WORDS = re.compile(r"\b(vital signs?|ecg|ekg|electrocardiogram|consult\w*|diet|nursing)\b", re.IGNORECASE)
_WORDS = 200  # characters of a name that are looked at
_CANCELS = frozenset({"CA", "OC", "CR", "DC", "OD"})
_PLACES = frozenset({"NW", "RO"})  # ORC-1, table 0119: new and replacement orders say when it was ordered
_FINAL = frozenset({"", "F", "C"})
_NO_RESULT = "X"  # OBR-25, table 0123


def requests(message: Message, _trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """ORM, OML, OMG, OMI: one order event an OBR. Raises MalformedMessage (missing-order, bad-time)."""
    return _facts(message, profile, received_at, is_result=False)


def results(message: Message, _trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """ORU: one order event an OBR. Raises MalformedMessage (missing-order, bad-time)."""
    return _facts(message, profile, received_at, is_result=True)


def _facts(message: Message, profile: Profile, received_at: datetime, *, is_result: bool) -> list[Fact]:
    sent_at = read_time(message.first("MSH"), 7, profile.zone) or received_at
    visit = visit_key(message)
    taken_back = _taken_back(message) if is_result else ()
    result: list[Fact] = [
        _event(
            orc,
            obr,
            visit=visit,
            specialty=_specialty(message, orc, obr, profile),
            is_result=is_result,
            profile=profile,
            sent_at=sent_at,
            taken_back=number in taken_back,
        )
        for number, (orc, obr) in enumerate(_groups(message))
    ]
    if not result:
        raise MalformedMessage("missing-order", "an order or result without OBR")
    return result


def newest(events: list[Fact]) -> datetime | None:
    """The newest source event of the message's orders."""
    return max((event.source_at for event in events if isinstance(event, OrderEvent)), default=None)


def _groups(message: Message) -> Iterator[tuple[Segment | None, Segment]]:
    orc: Segment | None = None
    for segment in message.all("ORC", "OBR"):
        if segment.name == "ORC":
            orc = segment
        else:
            yield orc, segment


def _specialty(message: Message, orc: Segment | None, obr: Segment, profile: Profile) -> str:
    """The first of the profile's fields that is filled: of the order's own ORC and OBR, or of the message."""
    own = {"ORC": orc, "OBR": obr}
    for name, field in profile.order_specialty:
        segment = own[name] if name in own else message.first(name)
        said = segment.text(field) if segment is not None else ""
        if said and said != DELETE:
            return said
    return ""


def _event(
    orc: Segment | None,
    obr: Segment,
    *,
    visit: str,
    specialty: str,
    is_result: bool,
    profile: Profile,
    sent_at: datetime,
    taken_back: bool,
) -> OrderEvent:
    placer = obr.text(2) or (orc.text(2) if orc is not None else "")
    filler = obr.text(3) or (orc.text(3) if orc is not None else "")
    if not placer and not filler:
        raise MalformedMessage("missing-order", "an OBR without a number of the placer or the filler")
    kind, stated = _kind(obr)
    transaction_at = read_time(orc, 9, profile.zone)
    requested_at = read_day(obr, 6, profile.zone)
    timed = transaction_at is not None or requested_at is not None
    if not is_result:
        requested_at = min(filter(None, (transaction_at, requested_at)), default=sent_at)
    changed_at = read_time(obr, 22, profile.zone) if is_result else transaction_at
    at = changed_at or sent_at
    code = coded(obr, 4) or Code("", "")
    control = orc.text(1).upper() if orc is not None else ""
    cancelled = control in _CANCELS
    places = not is_result and control in _PLACES
    status = obr.text(25).upper() if is_result else ""
    retracted = is_result and (status == _NO_RESULT or (taken_back and status in _FINAL))
    final = is_result and status in _FINAL and not retracted
    return OrderEvent(
        placer=placer,
        filler=filler,
        visit_key=visit,
        kind=kind,
        kind_stated=stated,
        code_system=code.system,
        code=code.code,
        display=code.display,
        ordered_at=None if cancelled else requested_at,
        resulted_at=at if final and not cancelled else None,
        cancelled_at=at if cancelled else None,
        source_at=at,
        specialty=specialty,
        specialty_asked=bool(specialty) and not is_result,
        ordered_said_at=sent_at if places and timed else None,
        placed_at=sent_at if places else None,
        withdrawn_at=sent_at if cancelled else None,
        retracted_at=at if retracted else None,
    )


def _taken_back(message: Message) -> list[int]:
    """Numbers of the OBR, from 0, that have values of which all are taken back. Of nearly every message the first value
    of its one OBR says that there is none."""
    first = message.first("OBX")
    if first is None or (first.text(11).upper() not in TAKEN_BACK and message.count("OBR") == 1):
        return []
    statuses = ([obx.text(11).upper() for obx in below] for below in message.below("OBX", "OBR"))
    return [number for number, said in enumerate(statuses) if said and TAKEN_BACK.issuperset(said)]


def _kind(obr: Segment) -> tuple[Kind, bool]:
    """The kind of order, and whether the sender said so in OBR-24."""
    section = obr.text(24).upper()
    if section:
        if section in _LABORATORY:
            return "lab", True
        return ("radiology" if section in _RADIOLOGY else "other"), True
    return _guessed(f"{obr.text(4, 2)[:_WORDS]} {obr.text(4, 5)[:_WORDS]}"), False


@lru_cache(maxsize=1024)  # a laboratory has some hundreds of tests
def _guessed(words: str) -> Kind:
    if _IMAGING_WORDS.search(words):
        return "radiology"
    return "other" if _OTHER_WORDS.search(words) else "lab"
