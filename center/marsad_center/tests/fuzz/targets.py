"""What fuzzing asks of the framer and of reading a message: any bytes, and what must hold for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from marsad_center.gateway import mllp
from marsad_center.gateway.inbound import judge
from marsad_center.gateway.mllp import Framer
from marsad_center.gateway.profile import Profile
from marsad_center.gateway.route import Route, Routes

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROUTES = Routes({("HIS", "KAMC"): Route(1, "KAMC", Profile()), ("FUZZ", "FUZZ"): Route(2, "FUZZ", Profile())})
_CODES = {"AA", "AE", "AR", "CA", "CE", "CR"}


def framer(data: bytes) -> None:
    """Fragments give what the whole gives, and no event is larger than its limit. The first byte chooses the cuts."""
    if not data:
        return
    step, stream = data[0] % 17 + 1, data[1:]
    limits = {"limit": 64, "junk_limit": 32, "head": 16}
    whole = Framer(**limits)
    events = whole.feed(stream) + whole.close()
    cut = Framer(**limits)
    pieces = [event for at in range(0, len(stream), step) for event in cut.feed(stream[at : at + step])]
    assert pieces + cut.close() == events, "fragmentation changes what is read"
    for event in events:
        assert len(event.head if isinstance(event, mllp.TooLong) else event.content) <= limits["limit"]


def message(data: bytes) -> None:
    """Judging never raises; what is refused has a reason in words that quote nothing; what is answered is an answer."""
    inbound = judge(data, ROUTES, "peer", NOW)
    assert inbound.verdict == "accept" or inbound.reason
    assert bool(inbound.reason) == bool(inbound.detail)
    assert inbound.detail.isascii()
    assert inbound.reason != "not-processed", "a fault of the mapping"
    if inbound.close:
        assert not inbound.ack
    elif inbound.ack:
        _answers(inbound.ack)
    if inbound.verdict == "accept":
        assert inbound.route is not None
        assert inbound.stored
        repr(inbound.facts).encode("utf-8", "surrogatepass")
        json.dumps([str(fact) for fact in inbound.facts])


def _answers(ack: bytes) -> None:
    """Every frame of an acknowledgement is a header and an MSA with a code."""
    told = Framer().feed(ack if ack.startswith(b"\x0b") else mllp.wrap(ack))
    assert told
    for event in told:
        assert isinstance(event, mllp.Frame)
        segments = event.content.split(b"\r")
        assert segments[0].startswith(b"MSH")
        separator = segments[0][3:4]
        assert segments[1].split(separator)[1].decode() in _CODES


TARGETS: Mapping[str, Callable[[bytes], None]] = {"framer": framer, "message": message}
