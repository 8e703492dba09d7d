"""What was kept, judged as it would be today, whichever road it came by."""

from __future__ import annotations

from datetime import datetime

from marsad_center.gateway.fhir import judging
from marsad_center.gateway.fhir.senders import Sender
from marsad_center.gateway.inbound import Inbound, judge
from marsad_center.gateway.route import Protocol, Routes


def readable(raw: bytes) -> bool:
    """Whether it is of a format that is read: HL7 v2 or FHIR."""
    return raw.startswith(b"MSH") or judging.is_fhir(raw)


def protocol(raw: bytes) -> Protocol:
    """By which it came."""
    return "FHIR" if judging.is_fhir(raw) else "MLLP"


def judge_again(raw: bytes, way: str, sender: Sender, routes: Routes, *, peer: str, at: datetime) -> Inbound:
    """`way`: how FHIR came (the trigger of its row in message, the control_id of its row in quarantine); `at`: when it
    was received. Never raises."""
    if judging.is_fhir(raw):
        return judging.again(raw, way, sender, routes, peer=peer, at=at)
    return judge(raw, routes, peer, at)
