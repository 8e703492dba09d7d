"""What OBX segments of an ADT message say of the visit. Which codes say it: PROFILE.md, and the feed's own profile."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from marsad_center.gateway.adt import read_day, read_time
from marsad_center.gateway.coded import TAKEN_BACK
from marsad_center.gateway.hl7 import DELETE, Message, Segment
from marsad_center.gateway.profile import Profile

_LEVEL = re.compile(r"(?:.*\D)?([1-5])(?:\.0*)?")
# OBX-11, HL7 table 0085.
_CORRECTED = "C"
_NOT_ASKED = "N"
_NO = frozenset({"", '""', "N", "NO", "0", "F", "FALSE", "OFF", "NONE"})


def observed(message: Message, profile: Profile, at: datetime) -> dict[str, Any]:
    """Of a Movement: triage_level, triaged_at, seen_at, decided_at, offloaded_at, ventilated, corrects; only what is
    said. `at` is the event's time. Raises MalformedMessage bad-time.
    """
    said: dict[str, Any] = {}
    for obx in message.all("OBX"):
        code, status = obx.text(3).upper(), obx.text(11).upper()
        name = _name(code, profile)
        if name is None or status == _NOT_ASKED:
            continue
        if name == "ventilated":
            said[name] = obx.text(5).upper() not in _NO and status not in TAKEN_BACK
        elif status in TAKEN_BACK or obx.text(5) == DELETE:
            _correct(said, name)
        elif name == "triage_level":
            _triage(said, obx, profile, at, corrected=status == _CORRECTED)
        else:
            _moment(said, name, obx, profile, at, corrected=status == _CORRECTED)
    return said


def _name(code: str, profile: Profile) -> str | None:
    if code in profile.triage_codes:
        return "triage_level"
    if code in profile.physician_contact_codes:
        return "seen_at"
    if code in profile.admit_decision_codes:
        return "decided_at"
    if code in profile.offload_codes:
        return "offloaded_at"
    return "ventilated" if code in profile.ventilated_codes else None


def _correct(said: dict[str, Any], name: str) -> None:
    """Take back what was said of `name`, in this message, too."""
    said.pop(name, None)
    if name == "triage_level":
        said.pop("triaged_at", None)
    names = said.get("corrects", "").split()
    said["corrects"] = " ".join([*names, name] if name not in names else names)


def _triage(said: dict[str, Any], obx: Segment, profile: Profile, at: datetime, *, corrected: bool) -> None:
    match = _LEVEL.fullmatch(obx.text(5))
    if match is None:  # anything else is no level; the visit stays "not triaged" rather than wrong
        return
    if corrected:
        _correct(said, "triage_level")
    said["triage_level"] = int(match[1])
    if (given_at := read_day(obx, 14, profile.zone) or (None if corrected else at)) is not None:
        said["triaged_at"] = given_at


def _moment(said: dict[str, Any], name: str, obx: Segment, profile: Profile, at: datetime, *, corrected: bool) -> None:
    """OBX-5, else OBX-14, else the event's; a correction is not when it happened."""
    moment = read_time(obx, 5, profile.zone) or read_day(obx, 14, profile.zone) or (None if corrected else at)
    if moment is None:
        return
    if corrected:
        _correct(said, name)
    said[name] = moment
