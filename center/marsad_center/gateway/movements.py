"""ADT messages to movements, diagnoses and merges. Where each value is read from: PROFILE.md."""

from __future__ import annotations

from datetime import datetime

from marsad_center.facts.events import Action, Diagnosis, Fact, Merge, Movement
from marsad_center.gateway import identity
from marsad_center.gateway.adt import event_time, patient_key, read_time, visit_key
from marsad_center.gateway.coded import coded, given
from marsad_center.gateway.hl7 import DELETE, MalformedMessage, Message, Segment
from marsad_center.gateway.observations import observed
from marsad_center.gateway.profile import Profile

MOVEMENTS = frozenset({"A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13"})
MERGES = frozenset({"A34", "A40"})
LEFT_UNSEEN = "LWBS"
"""The disposition of whoever left without being seen, whatever his sender calls it."""

_CLASSES = {"ER": "E"}
_ACTIONS: dict[str, Action] = {"UPDATE": "update", "CANCEL": "cancel"}
_ROLES = {"A": "admitting", "W": "working", "F": "final"}  # table 0052


def facts(message: Message, trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """A movement and its diagnoses. Raises MalformedMessage (missing-visit, bad-time)."""
    at = event_time(message, profile.zone) or received_at
    movement = _movement(message, trigger, profile, at, received_at)
    return [movement, *_diagnoses(message, movement)]


def merges(message: Message, _trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """Each pair of PID and MRG. Raises MalformedMessage (bad-time)."""
    at = event_time(message, profile.zone) or received_at
    result: list[Fact] = []
    survivor = ""
    for segment in message.all("PID", "MRG"):  # A40 may repeat them
        if segment.name == "PID":
            survivor = identity.key(segment, 3, message.header.delimiters) or segment.text(2)
        elif survivor:
            merged = identity.key(segment, 1, message.header.delimiters)
            if merged not in ("", survivor):
                result.append(Merge(merged=merged, survivor=survivor, event_at=at))
    return result


def _movement(message: Message, trigger: str, profile: Profile, at: datetime, received_at: datetime) -> Movement:
    pv1, pv2, zbe = message.first("PV1"), message.first("PV2"), message.first("ZBE")
    patient = patient_key(message)
    visit = visit_key(message) or (f"patient:{patient}" if patient else "")
    if pv1 is None or not visit:
        raise MalformedMessage("missing-visit", "no PV1, or neither PV1-19 nor PID-18 nor PID-3")
    said = observed(message, profile, at)
    place, patient_class = pv1.text(3), _patient_class(pv1.text(2))
    expected = pv2 is not None and profile.expected_admission_is_decision and pv2.text(8) not in ("", DELETE)
    if expected and patient_class == "E" and "decided_at" not in said.get("corrects", ""):
        said.setdefault("decided_at", at)
    return Movement(
        visit_key=visit,
        patient_key=patient,
        event=trigger,
        event_at=at,
        received_at=received_at,
        movement_key=(zbe.text(1) or None) if zbe is not None else None,
        action=_ACTIONS.get(zbe.text(4).upper(), "insert") if zbe is not None else "insert",
        patient_class=patient_class,
        point_of_care=given(place),
        # A new point of care without a bed is a patient who has none yet, not one who kept the old bed.
        room=given(pv1.text(3, 2)) if not place else pv1.text(3, 2).replace(DELETE, ""),
        bed=given(pv1.text(3, 3)) if not place else pv1.text(3, 3).replace(DELETE, ""),
        arrived_at=read_time(pv1, 44, profile.zone),
        discharged_at=read_time(pv1, 45, profile.zone),
        disposition=_disposition(pv1, profile),
        specialty=given(pv1.text(10)),
        arrival_mode=_arrival_mode(pv1, pv2, profile),
        **said,
    )


def _patient_class(text: str) -> str | None:
    """One letter: E, I, O... and V for a visit over a distance (VR of HL7's later table 0004)."""
    word = text.upper()
    return _CLASSES.get(word, word[:1]) if word and word != DELETE and word[0].isalpha() else None


def _disposition(pv1: Segment, profile: Profile) -> str | None:
    text = given(pv1.text(36))
    return LEFT_UNSEEN if text and text.upper() in profile.left_unseen_dispositions else text


def _arrival_mode(pv1: Segment, pv2: Segment | None, profile: Profile) -> str | None:
    """PV2-38 (since v2.5), else PV1-4 where it names an ambulance."""
    mode = given(pv2.text(38)) if pv2 is not None else None
    if mode is not None:
        return "ambulance" if mode.upper() in profile.ambulance_modes else mode
    return "ambulance" if pv1.text(4).upper() in profile.ambulance_types else None


def _diagnoses(message: Message, movement: Movement) -> list[Fact]:
    """DG1-3, in the system of DG1-3.3 or (before v2.4) DG1-2. A text without a code is none."""
    result: list[Fact] = []
    for dg1 in message.all("DG1"):
        code = coded(dg1, 3)
        if code is None or not code.code:
            continue
        if not code.system:
            code = code._replace(system=dg1.text(2))
        result.append(
            Diagnosis(
                key=f"{movement.visit_key}^{code.code}",
                event_at=movement.event_at,
                received_at=movement.received_at,
                status="deleted" if dg1.text(21).upper() == "D" else "stated",
                patient_key=movement.patient_key or None,
                visit_key=movement.visit_key,
                diagnosis=code,
                role=_ROLES.get(dg1.text(6).upper()),
            )
        )
    return result
