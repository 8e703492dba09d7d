"""Observations, orders, reports and medicines (https://hl7.org/fhir/R4/resourcelist.html, clinical)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from marsad_center.gateway.fhir.datatypes import MANY, CodeableConcept, Element, Period, Reference, Resource
from marsad_center.gateway.fhir.primitives import DateTime, Instant, PositiveInt, Text

ObservationStatus = Literal[
    "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"
]
ReportStatus = Literal[
    "registered",
    "partial",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "appended",
    "cancelled",
    "entered-in-error",
    "unknown",
]
Intent = Literal[
    "proposal",
    "plan",
    "directive",
    "order",
    "original-order",
    "reflex-order",
    "filler-order",
    "instance-order",
    "option",
]


class Quantity(Element):
    """A number; its unit is not read."""

    value: float | None = None


class Observation(Resource):
    """A triage level, a first contact, or a result."""

    TYPE: ClassVar[str] = "Observation"

    status: ObservationStatus
    code: CodeableConcept
    category: list[CodeableConcept] = Field(default=[], max_length=MANY)
    based_on: list[Reference] = Field(default=[], max_length=MANY)
    subject: Reference | None = None
    encounter: Reference | None = None
    effective_date_time: DateTime | None = None
    effective_period: Period | None = None
    effective_instant: Instant | None = None
    issued: Instant | None = None
    value_integer: int | None = None
    value_quantity: Quantity | None = None
    value_boolean: bool | None = None
    value_string: Text | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_date_time: DateTime | None = None


class DiagnosticReport(Resource):
    """The result of an order, or a document."""

    TYPE: ClassVar[str] = "DiagnosticReport"

    status: ReportStatus
    code: CodeableConcept
    category: list[CodeableConcept] = Field(default=[], max_length=MANY)
    based_on: list[Reference] = Field(default=[], max_length=MANY)
    subject: Reference | None = None
    encounter: Reference | None = None
    effective_date_time: DateTime | None = None
    effective_period: Period | None = None
    issued: Instant | None = None


class ServiceRequest(Resource):
    """A referral when its category says so, else an order."""

    TYPE: ClassVar[str] = "ServiceRequest"

    status: Literal["draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"]
    intent: Intent
    category: list[CodeableConcept] = Field(default=[], max_length=MANY)
    priority: Literal["routine", "urgent", "asap", "stat"] | None = None
    code: CodeableConcept | None = None
    subject: Reference
    encounter: Reference | None = None
    authored_on: DateTime | None = None
    requester: Reference | None = None
    performer_type: CodeableConcept | None = None
    performer: list[Reference] = Field(default=[], max_length=MANY)


class Medication(Resource):
    """Contained in what refers to it, or in the same transaction."""

    TYPE: ClassVar[str] = "Medication"

    code: CodeableConcept | None = None


class Medicated(Resource):
    """What prescriptions and dispenses have in common."""

    CHOICES: ClassVar[tuple[str, ...]] = ("medicationCodeableConcept", "medicationReference")

    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None


class MedicationRequest(Medicated):
    """A prescription of one medicine."""

    TYPE: ClassVar[str] = "MedicationRequest"

    status: Literal["active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"]
    intent: Intent
    subject: Reference
    encounter: Reference | None = None
    authored_on: DateTime | None = None


class MedicationDispense(Medicated):
    """What was given out for it."""

    TYPE: ClassVar[str] = "MedicationDispense"

    status: Literal[
        "preparation",
        "in-progress",
        "cancelled",
        "on-hold",
        "completed",
        "entered-in-error",
        "stopped",
        "declined",
        "unknown",
    ]
    subject: Reference | None = None
    authorizing_prescription: list[Reference] = Field(default=[], max_length=MANY)
    when_prepared: DateTime | None = None
    when_handed_over: DateTime | None = None


class ProtocolApplied(Element):
    """Which dose of the series."""

    dose_number_positive_int: PositiveInt | None = None
    dose_number_string: Text | None = None


class Immunization(Resource):
    """A vaccination."""

    TYPE: ClassVar[str] = "Immunization"
    CHOICES: ClassVar[tuple[str, ...]] = ("occurrenceDateTime", "occurrenceString")

    status: Literal["completed", "entered-in-error", "not-done"]
    vaccine_code: CodeableConcept
    patient: Reference
    encounter: Reference | None = None
    occurrence_date_time: DateTime | None = None
    occurrence_string: Text | None = None
    protocol_applied: list[ProtocolApplied] = Field(default=[], max_length=MANY)
