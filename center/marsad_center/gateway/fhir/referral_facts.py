"""Referrals: a ServiceRequest of that category submits one, and Tasks about it say how it goes on."""

from __future__ import annotations

from marsad_center.facts.events import Fact, Referral
from marsad_center.gateway.fhir.coordination import Task
from marsad_center.gateway.fhir.services import ServiceRequest
from marsad_center.gateway.fhir.told import Told

# SNOMED CT patient referral and referral to service, and the word.
_CATEGORIES = frozenset({"3457005", "306206005", "referral", "REF"})
_TASK_STATES = {
    **dict.fromkeys(("requested", "received", "ready"), "submitted"),
    **dict.fromkeys(("accepted", "in-progress"), "accepted"),
    "rejected": "refused",
    **dict.fromkeys(("cancelled", "failed", "entered-in-error"), "cancelled"),
}


def is_referral(it: ServiceRequest) -> bool:
    """Whether its category says so."""
    return any(concept.codes & _CATEGORIES for concept in it.category)


def request(told: Told[ServiceRequest]) -> list[Fact]:
    """The referral as it is submitted, seen or taken back. Raises Fault."""
    it = told.resource
    facts: list[Fact] = []
    authored_at = told.time(it.authored_on) or told.said_at
    specialty = it.performer_type or it.code
    said = Referral(
        **told.common,
        event_at=authored_at,
        status=None if it.status in ("draft", "unknown") else "submitted",
        patient_key=told.patient(it.subject),
        visit_key=told.reference(it.encounter, "Encounter", "encounter"),
        from_facility=told.organization(it.requester, "requester"),
        to_facility=next(
            (code for n, each in enumerate(it.performer) if (code := told.organization(each, f"performer[{n}]"))), None
        ),
        specialty=specialty.told() if specialty is not None else None,
        urgency=it.priority,
    )
    facts.append(said)
    later = {"completed": "seen", "revoked": "cancelled", "entered-in-error": "cancelled"}.get(it.status)
    if later is not None:
        facts.append(Referral(**told.common, event_at=max(told.said_at, authored_at), status=later))
    return facts


def task(told: Told[Task]) -> list[Fact]:
    """What it says of the referral that it is about; nothing when that is an order of the same transaction, or when it
    is about none. Raises Fault."""
    it = told.resource
    about = it.focus or (it.based_on[0] if it.based_on else None)
    element = "focus" if it.focus is not None else "basedOn[0]"
    key = told.reference(about, "ServiceRequest", element)
    if key is None:
        return []
    known = told.index.get(f"ServiceRequest/{key}")
    if known is not None and isinstance(known.resource, ServiceRequest) and not is_referral(known.resource):
        return []
    status = _TASK_STATES.get(it.status)
    if it.status == "completed":
        status = "reported" if it.output else "seen"
    changed_at = told.time(it.last_modified) or told.said_at
    return [
        Referral(
            key=key,
            event_at=(told.time(it.authored_on) or changed_at) if status == "submitted" else changed_at,
            received_at=told.said_at,
            status=status,
            patient_key=told.patient(it.for_, "for"),
            visit_key=told.reference(it.encounter, "Encounter", "encounter"),
            from_facility=told.organization(it.requester, "requester"),
            to_facility=told.organization(it.owner, "owner"),
        )
    ]
