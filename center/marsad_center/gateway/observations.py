"""What OBX segments of an ADT message say of the visit. Which codes say it: PROFILE.md, and the feed's own profile."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from marsad_center.gateway.adt import read_day, read_time
from marsad_center.gateway.hl7 import Message, Segment
from marsad_center.gateway.profile import Profile

_LEVEL = re.compile(r"(?:.*\D)?([1-5])(?:\.0*)?")
_NO_RESULT = frozenset({"D", "W", "X", "N"})
"""OBX-11, HL7 table 0085: deleted, posted as wrong, cannot be obtained, not asked."""
_NO = frozenset({"", '""', "N", "NO", "0", "F", "FALSE", "OFF", "NONE"})


def observed(message: Message, profile: Profile, at: datetime) -> dict[str, Any]:
    """Of a Movement: triage_level, triaged_at, seen_at, decided_at, offloaded_at, ventilated; only what is said.

    `at` is the event's time. Raises MalformedMessage bad-time.
    """
    said: dict[str, Any] = {}
    for obx in message.all("OBX"):
        code = obx.text(3).upper()
        if obx.text(11).upper() in _NO_RESULT:
            continue
        if code in profile.triage_codes:
            match = _LEVEL.fullmatch(obx.text(5))
            if match is not None:  # anything else is no level; the visit stays "not triaged" rather than wrong
                said["triage_level"], said["triaged_at"] = int(match[1]), read_day(obx, 14, profile.zone) or at
        elif code in profile.physician_contact_codes:
            said["seen_at"] = _time(obx, profile, at)
        elif code in profile.admit_decision_codes:
            said["decided_at"] = _time(obx, profile, at)
        elif code in profile.offload_codes:
            said["offloaded_at"] = _time(obx, profile, at)
        elif code in profile.ventilated_codes:
            said["ventilated"] = obx.text(5).upper() not in _NO
    return said


def _time(obx: Segment, profile: Profile, at: datetime) -> datetime:
    """OBX-5, else OBX-14, else the event's."""
    return read_time(obx, 5, profile.zone) or read_day(obx, 14, profile.zone) or at
