"""Observations: what is said of a visit (acuity, first contact, decision to admit...), else a result.

Which codes say what of a visit: the feed's profile, as for OBX in HL7 v2 (gateway/profile.py).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from marsad_center.facts.events import Fact, Movement
from marsad_center.gateway.fhir.faults import fault
from marsad_center.gateway.fhir.order_facts import VOID, results
from marsad_center.gateway.fhir.services import Observation
from marsad_center.gateway.fhir.told import Told

_LEVEL = re.compile(r"(?:.*\D)?([1-5])(?:\.0*)?")
_NO = frozenset({"N", "NO", "0", "0.0", "F", "FALSE", "OFF", "NONE"})
_LONGEST_LEVEL = 20


def observation(told: Told[Observation]) -> list[Fact]:
    """A movement of its visit, or a result. Raises Fault."""
    it = told.resource
    effective = told.time(it.effective_date_time or it.effective_instant) or told.start(it.effective_period)
    issued = told.time(it.issued)
    at = effective or issued or told.said_at
    said = _of_visit(told, at)
    if said is None:
        return list(results(told, it.based_on, it.category, it.code, at=issued or at))
    visit = told.reference(it.encounter, "Encounter", "encounter")
    if visit is None:
        text = "Observation.encounter is required for what is said of a visit (acuity, first contact...): add it"
        raise fault("missing-visit", text, "Observation.encounter")
    return [
        Movement(
            visit_key=visit,
            patient_key=told.patient(it.subject) or "",
            event="A08",
            event_at=at,
            received_at=told.at,
            movement_key=told.snapshot(whole=False),
            action="snapshot",
            **({} if it.status in VOID else said),
        )
    ]


def _of_visit(told: Told[Observation], at: datetime) -> dict[str, Any] | None:
    """Of a Movement, what the observation says; None when it is no observation of that kind."""
    it, profile = told.resource, told.profile
    codes = {code.upper() for code in it.code.codes}
    time = told.time(it.value_date_time) or at
    if codes & profile.triage_codes:
        level = _level(it)
        return {"triage_level": level, "triaged_at": at if level is not None else None}
    if codes & profile.physician_contact_codes:
        return {"seen_at": time}
    if codes & profile.admit_decision_codes:
        return {"decided_at": time}
    if codes & profile.offload_codes:
        return {"offloaded_at": time}
    if codes & profile.ventilated_codes:
        told_no = it.value_boolean is False or any(text.upper() in _NO for text in _texts(it))
        return {"ventilated": not told_no}
    return None


def _level(it: Observation) -> int | None:
    """1 to 5; anything else is no level: the visit stays "not triaged" rather than wrong (as in HL7 v2)."""
    for text in _texts(it):
        if len(text) <= _LONGEST_LEVEL and (match := _LEVEL.fullmatch(text)) is not None:
            return int(match[1])
    return None


def _texts(it: Observation) -> list[str]:
    """The value in every way it is written."""
    number = it.value_quantity.value if it.value_quantity is not None else it.value_integer
    texts = [str(number)] if number is not None else []
    if it.value_codeable_concept is not None:
        for coding in it.value_codeable_concept.coding:
            texts += [coding.code or "", coding.display or ""]
        texts.append(it.value_codeable_concept.text or "")
    texts.append(it.value_string or "")
    return [text for text in texts if text]
