"""Referrals: a ServiceRequest of that category submits one, and Tasks about it say how it goes on."""

from __future__ import annotations

from collections.abc import Iterable

from marsad_center.facts.events import Fact, Referral
from marsad_center.facts.referral_sides import by_authority, by_facility
from marsad_center.gateway.fhir.coordination import Task
from marsad_center.gateway.fhir.datatypes import Identifier, Reference
from marsad_center.gateway.fhir.references import condition, number_of
from marsad_center.gateway.fhir.services import ServiceRequest
from marsad_center.gateway.fhir.told import Told
from marsad_center.gateway.identity import as_universal

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
    by = told.organization(it.requester, "requester")
    performers = (told.organization(each, f"performer[{n}]") for n, each in enumerate(it.performer))
    to = next((code for code in performers if code), None)
    origin = told.profile.declared.get(by or "")
    number = number_of(it.identifier)
    said = Referral(
        **told.common,
        event_at=authored_at,
        status=None if it.status in ("draft", "unknown") else "submitted",
        patient_key=told.patient(it.subject),
        visit_key=told.reference(it.encounter, "Encounter", "encounter"),
        from_facility=by and told.profile.declared.get(by, by),
        to_facility=to and told.profile.declared.get(to, to),
        origin=origin,
        # A copy of the receiver's has numbers of its own, too; the first of who refers is the one that others repeat.
        known_as=_names(it.identifier, origin, (number or told.key) if origin == told.profile.facility else None),
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
    by, to = told.organization(it.requester, "requester"), told.organization(it.owner, "owner")
    origin = told.profile.declared.get(by or "")
    named = _identifiers(told, about)
    changed_at = told.time(it.last_modified) or told.said_at
    return [
        Referral(
            key=key,
            event_at=(told.time(it.authored_on) or changed_at) if status == "submitted" else changed_at,
            received_at=told.said_at,
            status=status,
            patient_key=told.patient(it.for_, "for"),
            visit_key=told.reference(it.encounter, "Encounter", "encounter"),
            from_facility=by and told.profile.declared.get(by, by),
            to_facility=to and told.profile.declared.get(to, to),
            origin=origin,
            known_as=_names(named, origin, number_of(named)),
            refusal=it.status_reason.coded() if status == "refused" and it.status_reason is not None else None,
        )
    ]


def _names(found: Iterable[Identifier], origin: str | None, number: str | None) -> tuple[str, ...] | None:
    """What both sides call the referral: `number` as the facility `origin` gave it, and each identifier of a system."""
    names = [by_facility(origin, number)] if origin and number else []
    names += [by_authority(as_universal(each.system), each.value) for each in found if each.system and each.value]
    return tuple(dict.fromkeys(names)) or None


def _identifiers(told: Told[Task], about: Reference | None) -> list[Identifier]:
    """Those by which a Task calls what it is about: of the reference, of the condition that stands for it, of the
    entry of the same transaction. An id alone is one of the sender's own server, where others count, too."""
    if about is None:
        return []
    found = [about.identifier] if about.identifier is not None else []
    system, value = condition(about.reference or "")
    if value:
        found.append(Identifier(system=system or None, value=value))
    known = told.index.get(about.reference or "")
    return found + (known.resource.identifier if known is not None else [])
