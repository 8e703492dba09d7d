"""An independent count of what a file of HL7 v2 messages says, made with PyPI's `hl7` and nothing of the product.

It is a second reading of domain.md and of the documented feed profile (center/marsad_center/gateway/PROFILE.md),
written without looking at the gateway's code, so that a mistake has to be made twice to go unseen.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import hl7

from e2e.oracle_visits import MOVEMENTS, Movement, Visit, derive

SHARED = Path(os.environ.get("MARSAD_SHARED") or Path(__file__).resolve().parents[2] / "shared")
SHARED_FILE: Path = SHARED / "data" / "simhospital.hl7"
CHARSETS = {"": "ascii", "ASCII": "ascii", "UNICODE UTF-8": "utf-8", "8859/1": "latin-1", "8859/6": "iso8859-6"}
ACUITY = {"11283-9", "75636-1", "273887006"}  # LOINC, LOINC, SNOMED CT
SERVICES = {
    "lab": {"LAB", "CH", "HM", "MB", "SR", "BLB", "IMM", "MCB", "VR", "CP", "SP", "TX"},
    "radiology": {"RAD", "RUS", "CT", "NMR", "XRC", "RX", "NMS", "OUS", "CUS", "CTH", "VUS"},
}
WORDS = (
    ("radiology", r"mri|ct|x-?ray|ultrasound|radiograph\w*|scan|mammogra\w*"),
    ("other", r"vital signs?"),
)


@dataclass(frozen=True)
class Order:
    """One order; times in UTC. Null is what no message gave."""

    kind: str  # lab, radiology, other
    ordered_at: datetime | None = None
    resulted_at: datetime | None = None
    cancelled: bool = False


@dataclass(frozen=True)
class Count:
    """What the file says at its end. Visits are counted once each, messages once a control id."""

    messages: int
    by_trigger: Mapping[str, int]  # {"ADT^A01": 245}
    encounters: int  # visits that any movement tells of, cancelled ones too
    encounters_by_class: Mapping[str, int]  # {"I": 245}, those that were not cancelled
    ed_arrivals: int  # visits that came through the emergency department, ever
    ed_census: int  # visits in it now, boarders too
    waiting: Mapping[str, int]  # of those, not seen by a physician, by triage level "1" to "5" or "unknown"
    inpatients: int  # present and admitted, wherever they lie
    beds_occupied: int  # of those, outside the emergency department and with a bed
    orders: Mapping[str, int]  # by kind
    turnaround: Mapping[str, tuple[float, ...]]  # by kind: seconds from order to result, ascending


def count(path: Path) -> Count:
    """Read the file (segments end in CR, messages are separated by an empty line) and count."""
    triggers: Counter[str] = Counter()
    visits: dict[str, list[Movement]] = defaultdict(list)
    orders: dict[str, Order] = {}
    for message in read(path):
        triggers["^".join(filter(None, (_get(message, "MSH", 9), _get(message, "MSH", 9, 2))))] += 1
        if _get(message, "MSH", 9) == "ADT" and _get(message, "MSH", 9, 2) in MOVEMENTS:
            visits[_visit(message)].append(_movement(message))
        elif _get(message, "MSH", 9) in {"ORM", "OML", "ORU"}:
            _add_orders(orders, message)
    return _count(triggers, [derive(movements) for movements in visits.values()], list(orders.values()))


def _count(triggers: Counter[str], visits: list[Visit], orders: list[Order]) -> Count:
    in_ed = [visit for visit in visits if visit.in_ed]
    inpatients = [visit for visit in visits if visit.present and visit.patient_class == "I"]
    turnaround: dict[str, list[float]] = defaultdict(list)
    for order in orders:
        if order.ordered_at and order.resulted_at and not order.cancelled:
            turnaround[order.kind].append((order.resulted_at - order.ordered_at).total_seconds())
    return Count(
        messages=triggers.total(),
        by_trigger=dict(triggers),
        encounters=len(visits),
        encounters_by_class=dict(Counter(visit.patient_class for visit in visits if not visit.cancelled)),
        ed_arrivals=sum(visit.arrived_in_ed and not visit.cancelled for visit in visits),
        ed_census=len(in_ed),
        waiting=dict(Counter(str(visit.triage or "unknown") for visit in in_ed if not visit.seen)),
        inpatients=len(inpatients),
        beds_occupied=sum(not visit.in_ed and bool(visit.bed) for visit in inpatients),
        orders=dict(Counter(order.kind for order in orders)),
        turnaround={kind: tuple(sorted(seconds)) for kind, seconds in turnaround.items()},
    )


def read(path: Path) -> Iterator[hl7.Message]:
    """The file's messages in its order, each control id of a sender once."""
    seen = set()
    for raw in re.split(rb"\n\s*\n|\r\n\s*\n", path.read_bytes()):
        text = raw.strip()
        if not text:
            continue
        header = hl7.parse(text.split(b"\r")[0].decode("latin-1"))
        message = hl7.parse(text.decode(CHARSETS[_get(header, "MSH", 18)]))
        key = tuple(_get(message, "MSH", number) for number in (3, 4, 10))
        if key not in seen:
            seen.add(key)
            yield message


def _get(message: hl7.Message, segment: str, field: int, component: int = 1, nth: int = 1) -> str:
    """One component (of the first repetition) as text; empty where the message does not have it."""
    try:
        return str(message.extract_field(segment, nth, field, 1, component)).strip()
    except (KeyError, IndexError):
        return ""


def _visit(message: hl7.Message) -> str:
    return _get(message, "PV1", 19) or _get(message, "PID", 18) or "patient " + _get(message, "PID", 3)


def _movement(message: hl7.Message) -> Movement:
    when = next(filter(None, (_get(message, *at) for at in (("ZBE", 2), ("EVN", 6), ("EVN", 2), ("MSH", 7)))))
    said = {_get(message, "OBX", 3, 1, n): _get(message, "OBX", 5, 1, n) for n in _numbers(message, "OBX")}
    level = next((value[-1] for code, value in said.items() if code in ACUITY and value[-1:] in set("12345")), None)
    return Movement(
        at=moment(when),
        trigger=_get(message, "MSH", 9, 2),
        patient_class=_get(message, "PV1", 2)[:1].upper(),
        point_of_care=_get(message, "PV1", 3),
        bed=_get(message, "PV1", 3, 3),
        triage=int(level) if level else None,
        seen="PHYSICIAN-CONTACT" in said,
        number=_get(message, "ZBE", 1),
        action=_get(message, "ZBE", 4).upper(),
    )


def _add_orders(orders: dict[str, Order], message: hl7.Message) -> None:
    """Each OBR belongs to the ORC of the same position. A result stands once it is final or corrected."""
    is_result = _get(message, "MSH", 9) == "ORU"
    for n in _numbers(message, "OBR"):
        key = next(filter(None, (_get(message, *at, 1, n) for at in (("OBR", 2), ("ORC", 2), ("OBR", 3), ("ORC", 3)))))
        before = orders.get(key) or Order(kind(_get(message, "OBR", 24, 1, n), _get(message, "OBR", 4, 2, n)))
        ordered = [] if is_result else [_get(message, "ORC", 9, 1, n)]
        final = is_result and _get(message, "OBR", 25, 1, n) in {"F", "C", ""}
        resulted = _get(message, "OBR", 22, 1, n) or _get(message, "MSH", 7) if final else ""
        orders[key] = Order(
            kind=before.kind,
            ordered_at=_earliest(before.ordered_at, *ordered, _get(message, "OBR", 6, 1, n)),
            resulted_at=_earliest(before.resulted_at, resulted),
            cancelled=before.cancelled or _get(message, "ORC", 1, 1, n) in {"CA", "OC", "CR", "DC"},
        )


def kind(service: str, words: str) -> str:
    """lab, radiology or other: by OBR-24, else by the words of OBR-4."""
    if service:
        return next((name for name, codes in SERVICES.items() if service in codes), "other")
    return next((name for name, pattern in WORDS if re.search(rf"\b(?:{pattern})\b", words, re.IGNORECASE)), "lab")


def moment(text: str) -> datetime:
    """An HL7 time to the second, with its offset, else UTC."""
    found = re.fullmatch(r"(\d{8,14})(?:\.\d+)?(?:([+-])(\d\d)(\d\d))?", text)
    assert found, f"not a time: {text}"
    digits, sign, hours, minutes = found.groups()
    away = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    return datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=timezone(away)).astimezone(UTC)


def _earliest(known: datetime | None, *texts: str) -> datetime | None:
    return min(filter(None, (known, *(moment(text) for text in texts if text))), default=None)


def _numbers(message: hl7.Message, segment: str) -> range:
    """1 to the number of segments of that name."""
    return range(1, sum(str(one[0]) == segment for one in message) + 1)
