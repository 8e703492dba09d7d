"""Which resource is read by what: the one table to extend when a resource gets facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marsad_center.facts.events import Fact
from marsad_center.gateway.fhir import (
    observation_facts,
    order_facts,
    referral_facts,
    statement_facts,
    subject_facts,
    visit_facts,
)
from marsad_center.gateway.fhir.services import ServiceRequest
from marsad_center.gateway.fhir.told import Told


def _service_request(told: Told[ServiceRequest]) -> list[Fact]:
    return referral_facts.request(told) if referral_facts.is_referral(told.resource) else order_facts.order(told)


_READERS: Mapping[str, Callable[[Told[Any]], list[Fact]]] = {
    "Appointment": statement_facts.appointment,
    "Communication": statement_facts.communication,
    "Condition": subject_facts.condition,
    "DiagnosticReport": order_facts.diagnostic_report,
    "Encounter": visit_facts.encounter,
    "GuidanceResponse": statement_facts.guidance_response,
    "Immunization": statement_facts.immunization,
    "Location": subject_facts.location,
    "Medication": lambda _told: [],  # the code of what refers to it
    "MedicationDispense": statement_facts.medication_dispense,
    "MedicationRequest": statement_facts.medication_request,
    "Observation": observation_facts.observation,
    "Patient": subject_facts.patient,
    "ServiceRequest": _service_request,
    "Task": referral_facts.task,
}


def facts(told: Told[Any]) -> list[Fact]:
    """The facts of a resource, and who its patient is. Raises Fault."""
    return [*_READERS[told.resource.TYPE](told), *subject_facts.who(told)]
