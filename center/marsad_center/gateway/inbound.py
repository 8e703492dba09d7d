"""One thing that came in, judged: what it is, what becomes of it, what is answered. Pure: no database yet."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import traceback
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from marsad_center.facts.events import Fact
from marsad_center.gateway import acknowledge, adt, charset, hl7, identity, orders
from marsad_center.gateway.acknowledge import Verdict
from marsad_center.gateway.readers import READERS
from marsad_center.gateway.route import Route, Routes

log = logging.getLogger(__name__)

MAX_FIELD = 199  # characters of MSH-3, MSH-4, MSH-10: HL7's widest, and what an index entry bears

UNKNOWN_BYTES = 64 * 1024  # kept of what no declared feed sent: anybody can send that, and much of it


@dataclass(slots=True, eq=False)
class Inbound:
    """A message, or bytes that are none. `stored`: gets a row in message. `reason`: gets a row in quarantine.

    Filled in by this module only, and changed by nobody after: storing may be tried again. (Not frozen, because that
    costs three times as much for every message.) `key`: MSH-3, MSH-4, MSH-10. `code`: the acknowledgement code of the
    verdict; None when nothing can be answered.

    `ack` is what goes out after the commit; `close` ends the connection instead of or after it. `size` is the length as
    received (raw may be only the head of it).
    """

    ACK_KEPT: ClassVar[bool] = True  # in its row, to be answered again: it holds nothing of the content but MSH-10

    raw: bytes
    sha256: bytes
    size: int
    received_at: datetime
    peer: str
    verdict: Verdict = "error"
    header: hl7.Header | None = None
    route: Route | None = None
    key: tuple[str, str, str] = ("", "", "")
    message_type: str = ""
    trigger: str = ""
    codec: str = ""
    event_at: datetime | None = None
    sent_at: datetime | None = None
    facts: tuple[Fact, ...] = ()
    stored: bool = False
    reason: str = ""
    detail: str = ""
    code: str | None = None
    ack: bytes = b""
    close: bool = False

    @property
    def cut(self) -> bool:
        """True when raw is not all that came."""
        return len(self.raw) < self.size

    @property
    def own_time(self) -> datetime:
        """What freshness runs from: the message's own time (MSH-7), else the event's, else receipt."""
        return self.sent_at or self.event_at or self.received_at

    @property
    def counted(self) -> bool:
        """Whether it is a message of its feed: what has no readable header is none."""
        return self.header is not None

    def answered(self) -> Inbound:
        """This, with the acknowledgement that verdict and reason ask for."""
        if self.header is not None:
            self.code = acknowledge.verdict_code(self.header, self.verdict)
            text = self.detail if self.verdict != "accept" else ""
            self.ack = acknowledge.build(
                self.header, self.verdict, reason=self.reason, text=text, sha256=self.sha256, at=self.received_at
            )
        return self

    def refused(self, verdict: Verdict, reason: str, detail: str, *, stored: bool = False) -> Inbound:
        """A copy, refused: to quarantine with a word and a sentence (ASCII, nothing of the content), no facts."""
        changed = replace(self, verdict=verdict, reason=reason, detail=detail, stored=stored, facts=())
        return changed._kept().answered()

    def closing(self, reason: str, detail: str) -> Inbound:
        """A copy of this, refused without an answer: the connection is closed."""
        nothing = replace(self, header=None, code=None, ack=b"", facts=(), stored=False)
        return replace(nothing, reason=reason, detail=detail, close=True)._kept()

    def _kept(self) -> Inbound:
        if self.route is None:
            self.raw = self.raw[:UNKNOWN_BYTES]
        return self


def take(raw: bytes, peer: str, at: datetime, size: int | None = None) -> Inbound:
    """Not judged yet."""
    return Inbound(raw, hashlib.sha256(raw).digest(), len(raw) if size is None else size, at, peer)


def judge(raw: bytes, routes: Routes, peer: str, at: datetime) -> Inbound:
    """The content of a whole frame, judged. Never raises."""
    inbound = take(raw, peer, at)
    try:
        _read_head(inbound, hl7.read_header(raw), routes)
    except hl7.MalformedMessage as error:
        return inbound.closing(error.reason, str(error))
    try:
        return _judged(inbound, routes)
    except hl7.MalformedMessage as error:
        return inbound.refused("error", error.reason, str(error))
    except Exception as error:  # a fault of the mapping must cost one message, not the gateway
        # Where it failed, never what the error says: that may quote the message.
        place = traceback.extract_tb(error.__traceback__)[-1]
        extra = {"sha256": inbound.sha256.hex(), "error": type(error).__name__, "at": f"{place.name}:{place.lineno}"}
        log.error("a message could not be mapped", extra=extra)
        return inbound.refused("error", "not-processed", f"the mapping failed: {type(error).__name__}")


def too_long(head: bytes, size: int, limit: int, routes: Routes, *, peer: str, at: datetime) -> Inbound:
    """A frame over the limit: a negative answer when the header can be read, else the connection is closed."""
    detail = f"the frame has {size} bytes, the limit is {limit}"
    inbound = take(head, peer, at, size)
    try:
        _read_head(inbound, hl7.read_header(head), routes)
    except hl7.MalformedMessage:
        return inbound.closing("too-long", detail)
    return inbound.refused("error", "too-long", detail)


def _read_head(inbound: Inbound, header: hl7.Header, routes: Routes) -> None:
    codec = charset.codec(header.fields[18].decode("ascii", "replace")) or "latin-1"

    def text(number: int) -> str:
        # Only for keys and records; whether the bytes fit the character set is judged over the whole message.
        return header.fields[number].decode(codec, "replace").replace("\0", "\ufffd").strip()

    application, facility = text(3), text(4)
    kind = text(9).split(header.delimiters.component)
    inbound.header, inbound.codec = header, codec
    inbound.key = (application, facility, text(10))
    inbound.message_type = kind[0].strip()[:20]
    inbound.trigger = kind[1].strip()[:20] if len(kind) > 1 else ""
    inbound.route = routes.find(application, facility, header.delimiters.component)


def _judged(inbound: Inbound, routes: Routes) -> Inbound:
    application, facility, control_id = inbound.key
    if max(len(application), len(facility), len(control_id)) > MAX_FIELD:
        return inbound.refused("error", "field-too-long", f"MSH-3, MSH-4 or MSH-10 is over {MAX_FIELD} characters")
    if not control_id:
        return inbound.refused("error", "missing-control-id", "MSH-10 is empty")
    if not inbound.message_type:
        return inbound.refused("reject", "missing-type", "MSH-9 is empty")
    route = inbound.route
    if route is None:
        assert inbound.header is not None  # without one nothing is judged
        why = routes.refusal(application, facility, inbound.header.delimiters.component)
        return inbound.refused("reject", *why)
    message = hl7.parse(inbound.raw, inbound.header)
    zone = route.zone
    inbound.codec = message.codec
    inbound.sent_at, inbound.event_at = adt.sent_time(message, zone), adt.event_time(message, zone)
    reader = READERS.get((inbound.message_type, inbound.trigger))
    if reader is None:
        return inbound.refused("reject", "unknown-trigger", "this trigger is not supported", stored=True)
    facts = reader(message, inbound.trigger, route.profile, inbound.received_at)
    facts += identity.facts(message)
    inbound.facts, inbound.event_at = tuple(facts), orders.newest(facts) or inbound.event_at
    inbound.verdict, inbound.stored = "accept", True
    return inbound.answered()


def unanswered(
    content: bytes, reason: str, detail: str, routes: Routes, *, close: bool, peer: str, at: datetime
) -> Inbound:
    """Bytes that are no whole frame: kept in quarantine, never answered; `close` ends the connection."""
    inbound = take(content, peer, at)
    with contextlib.suppress(hl7.MalformedMessage):  # its feed is not counted for it, but what it sent is kept whole
        _read_head(inbound, hl7.read_header(content), routes)
    refused = inbound.closing(reason, detail)
    refused.close = close
    return refused
