"""Appointments, prescriptions, vaccinations, the contact center and decision support to statements.

A state whose time the resource gives has that time; any other is entered when the source says that this version came to
be (meta.lastUpdated), else at receipt.
"""

from __future__ import annotations

from marsad_center.facts.events import (
    Appointment as Booking,
)
from marsad_center.facts.events import (
    Code,
    Contact,
    Fact,
    Guidance,
    Prescription,
    Vaccination,
)
from marsad_center.gateway.fhir.coordination import Appointment, Communication, GuidanceResponse
from marsad_center.gateway.fhir.references import contained
from marsad_center.gateway.fhir.services import (
    Immunization,
    Medication,
    MedicationDispense,
    MedicationRequest,
)
from marsad_center.gateway.fhir.told import Told, first_code

_TELEMEDICINE = "448337001"  # SNOMED CT, telemedicine consultation
_VIRTUAL_SERVICE = "Appointment.virtualService"  # the extension that brings R5's element to R4 ends so
_BOOKINGS = {
    "booked": "booked",
    "arrived": "arrived",
    "checked-in": "arrived",
    "fulfilled": "completed",
    "cancelled": "cancelled",
    "entered-in-error": "cancelled",
    "noshow": "no_show",
}
_ISSUED = frozenset({"active", "on-hold", "completed"})
_STOPPED = frozenset({"cancelled", "stopped", "entered-in-error"})
_NOT_DISPENSED = frozenset({"cancelled", "declined", "entered-in-error"})
_NO_ORDER = frozenset({"proposal", "plan", "option"})
_GUIDANCE = {
    "in-progress": "requested",
    "success": "success",
    "data-requested": "data-required",
    "data-required": "data-required",
    "failure": "failure",
    "entered-in-error": "deleted",
}


def appointment(told: Told[Appointment]) -> list[Fact]:
    """Booked when it was made, and the state that it is in now. Raises Fault."""
    it = told.resource
    status = _BOOKINGS.get(it.status)
    made_at = told.time(it.created)
    concepts = [*it.service_category, *it.service_type, *([it.appointment_type] if it.appointment_type else [])]
    codes = {code.upper() for concept in concepts for code in concept.codes}
    virtual = bool(codes & (told.profile.virtual_codes | {_TELEMEDICINE}))
    virtual |= any(extension.url.endswith(_VIRTUAL_SERVICE) for extension in it.extension)
    specialty = first_code(it.specialty) or first_code(it.service_type)
    first = Booking(
        **told.common,
        event_at=made_at or told.said_at,
        status="booked" if status is not None else None,
        patient_key=_attending(told),
        starts_at=told.time(it.start),
        specialty=specialty.told() if specialty is not None else None,
        virtual=virtual,
    )
    if status in (None, "booked"):
        return [first]
    now_at = max(told.said_at, made_at or told.said_at)
    now = Booking(**told.common, event_at=now_at, status=status)
    return [first, now]


def _attending(told: Told[Appointment]) -> str | None:
    keys = (
        told.patient(each.actor, f"participant[{n}].actor")
        for n, each in enumerate(told.resource.participant)
        if each.actor is not None and "Patient" in (each.actor.reference or "Patient")
    )
    return next((key for key in keys if key), None)


def medication_request(told: Told[MedicationRequest]) -> list[Fact]:
    """A prescription, issued or taken back. Raises Fault."""
    it = told.resource
    counts = it.intent not in _NO_ORDER
    issued_at = told.time(it.authored_on) or told.said_at
    first = Prescription(
        **told.common,
        event_at=issued_at,
        status="issued" if counts and it.status in _ISSUED | _STOPPED else None,
        patient_key=told.patient(it.subject),
        visit_key=told.reference(it.encounter, "Encounter", "encounter"),
        medication=_medication(told),
    )
    if it.status not in _STOPPED or not counts:
        return [first]
    return [first, Prescription(**told.common, event_at=max(told.said_at, issued_at), status="cancelled")]


def medication_dispense(told: Told[MedicationDispense]) -> list[Fact]:
    """That the prescription was dispensed; without one, it is a prescription by itself. Raises Fault."""
    it = told.resource
    given = it.authorizing_prescription
    key = told.reference(given[0], "MedicationRequest", "authorizingPrescription[0]") if given else None
    handed_at = told.time(it.when_handed_over) or told.time(it.when_prepared) or told.said_at
    gone = it.status in _NOT_DISPENSED
    return [
        Prescription(
            key=key or told.key,
            event_at=max(told.said_at, handed_at) if gone else handed_at,
            received_at=told.said_at,
            status=Prescription.NOT_DISPENSED if gone else "dispensed" if it.status == "completed" else None,
            patient_key=told.patient(it.subject),
            medication=_medication(told) if key is None else None,
            dispense=told.digest,
        )
    ]


def _medication(told: Told[MedicationRequest] | Told[MedicationDispense]) -> Code | None:
    it = told.resource
    concept, reference = it.medication_codeable_concept, it.medication_reference
    if concept is None and reference is not None:
        found = contained(it, reference, Medication, f"{it.TYPE}.medicationReference")
        named = told.index.get(reference.reference or "")
        if found is None and named is not None and isinstance(named.resource, Medication):
            found = named.resource
        concept = found.code if found is not None else None
    return concept.told() if concept is not None else None


def immunization(told: Told[Immunization]) -> list[Fact]:
    """A vaccination given, refused or taken back. Raises Fault."""
    it = told.resource
    status = {"completed": "given", "not-done": "refused", "entered-in-error": "deleted"}[it.status]
    at = told.time(it.occurrence_date_time)
    doses = [each.dose_number_string or each.dose_number_positive_int for each in it.protocol_applied]
    dose = next((str(dose)[:50] for dose in doses if dose is not None), None)
    return [
        Vaccination(
            **told.common,
            event_at=told.said_at,
            status=status,
            patient_key=told.patient(it.patient, "patient"),
            visit_key=told.reference(it.encounter, "Encounter", "encounter"),
            vaccine=it.vaccine_code.told(),
            dose=dose,
            given_at=at if status == "given" else None,
            refused_at=at if status == "refused" else None,
            period="" if at is not None else it.occurrence_date_time or "unknown",
        )
    ]


def communication(told: Told[Communication]) -> list[Fact]:
    """A contact: open since it was sent, answered when it was received while in progress, completed or abandoned."""
    it = told.resource
    sent_at, received_at = told.time(it.sent), told.time(it.received)
    topic = it.topic or first_code(it.category)
    medium = first_code(it.medium)
    means = medium.coded() if medium is not None else None
    if it.status == "entered-in-error":
        return [Contact(**told.common, event_at=max(told.said_at, sent_at or told.said_at), status="deleted")]
    facts: list[Fact] = [
        Contact(
            **told.common,
            event_at=sent_at or told.said_at,
            status="open" if it.status != "unknown" else None,
            patient_key=told.patient(it.subject),
            visit_key=told.reference(it.encounter, "Encounter", "encounter"),
            topic=topic.coded() if topic is not None else None,
            medium=means.code if means is not None else None,
        )
    ]
    if it.status == "in-progress" and received_at is not None:
        facts.append(Contact(**told.common, event_at=received_at, status="answered"))
    elif it.status == "completed":
        facts.append(Contact(**told.common, event_at=received_at or told.said_at, status="completed"))
    elif it.status in ("stopped", "not-done"):
        facts.append(Contact(**told.common, event_at=told.said_at, status="abandoned"))
    return facts


def guidance_response(told: Told[GuidanceResponse]) -> list[Fact]:
    """What decision support answered. Raises Fault."""
    it = told.resource
    concept = it.module_codeable_concept.coded() if it.module_codeable_concept is not None else None
    reason = first_code(it.reason_code)
    occurred_at = told.time(it.occurrence_date_time) or told.said_at
    return [
        Guidance(
            **told.common,
            event_at=max(told.said_at, occurred_at) if it.status == "entered-in-error" else occurred_at,
            status=_GUIDANCE.get(it.status),
            patient_key=told.patient(it.subject),
            visit_key=told.reference(it.encounter, "Encounter", "encounter"),
            module=it.module_uri or it.module_canonical or (concept and concept.code),
            reason=reason.coded() if reason is not None else None,
        )
    ]
