"""ADT A20 to the operational status of beds: NPU (HL7 v2.5.1 chapter 3.3.20, table 0116)."""

from __future__ import annotations

from datetime import datetime

from marsad_center.facts.events import Bed, Fact
from marsad_center.gateway.adt import event_time
from marsad_center.gateway.hl7 import MalformedMessage, Message
from marsad_center.gateway.profile import Profile

_STATES = {
    "C": "closed",
    "H": "housekeeping",
    "I": "isolated",
    "K": "contaminated",
    "O": "occupied",
    "U": "unoccupied",
}


def facts(message: Message, _trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """The state of each bed of the message. Raises MalformedMessage (missing-number, bad-time)."""
    at = event_time(message, profile.zone) or received_at
    result: list[Fact] = []
    for npu in message.all("NPU"):
        key = "^".join(npu.text(1, component) for component in (1, 2, 3))
        if not npu.text(1, 3):
            raise MalformedMessage("missing-number", "NPU-1 names no bed")
        result.append(Bed(key=key, event_at=at, received_at=received_at, status=_STATES.get(npu.text(2).upper())))
    if not result:
        raise MalformedMessage("missing-number", "a bed status without NPU")
    return result
