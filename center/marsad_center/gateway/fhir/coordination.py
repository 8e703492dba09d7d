"""Tasks, appointments, the contact center and decision support (https://hl7.org/fhir/R4/resourcelist.html)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from marsad_center.gateway.fhir.datatypes import MANY, CodeableConcept, Element, Identifier, Reference, Resource
from marsad_center.gateway.fhir.primitives import DateTime, Instant, Uri


class Task(Resource):
    """The state of a referral."""

    TYPE: ClassVar[str] = "Task"

    status: Literal[
        "draft",
        "requested",
        "received",
        "accepted",
        "rejected",
        "ready",
        "cancelled",
        "in-progress",
        "on-hold",
        "failed",
        "completed",
        "entered-in-error",
    ]
    status_reason: CodeableConcept | None = None
    intent: Literal[
        "unknown",
        "proposal",
        "plan",
        "order",
        "original-order",
        "reflex-order",
        "filler-order",
        "instance-order",
        "option",
    ]
    focus: Reference | None = None
    based_on: list[Reference] = Field(default=[], max_length=MANY)
    for_: Reference | None = Field(default=None, alias="for")
    encounter: Reference | None = None
    authored_on: DateTime | None = None
    last_modified: DateTime | None = None
    requester: Reference | None = None
    owner: Reference | None = None
    output: list[dict[str, Any]] = Field(default=[], max_length=MANY)


class Participant(Element):
    """Who takes part."""

    actor: Reference | None = None
    status: Literal["accepted", "declined", "tentative", "needs-action"]


class Extension(Element):
    """Only that it is there."""

    url: Uri


class Appointment(Resource):
    """A booked time."""

    TYPE: ClassVar[str] = "Appointment"

    status: Literal[
        "proposed",
        "pending",
        "booked",
        "arrived",
        "fulfilled",
        "cancelled",
        "noshow",
        "entered-in-error",
        "checked-in",
        "waitlist",
    ]
    service_category: list[CodeableConcept] = Field(default=[], max_length=MANY)
    service_type: list[CodeableConcept] = Field(default=[], max_length=MANY)
    specialty: list[CodeableConcept] = Field(default=[], max_length=MANY)
    appointment_type: CodeableConcept | None = None
    start: Instant | None = None
    created: DateTime | None = None
    participant: list[Participant] = Field(min_length=1, max_length=MANY)
    extension: list[Extension] = Field(default=[], max_length=MANY)


class Communication(Resource):
    """An event of the contact center."""

    TYPE: ClassVar[str] = "Communication"

    status: Literal[
        "preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown"
    ]
    category: list[CodeableConcept] = Field(default=[], max_length=MANY)
    medium: list[CodeableConcept] = Field(default=[], max_length=MANY)
    subject: Reference | None = None
    topic: CodeableConcept | None = None
    encounter: Reference | None = None
    sent: DateTime | None = None
    received: DateTime | None = None


class GuidanceResponse(Resource):
    """An answer of clinical decision support."""

    TYPE: ClassVar[str] = "GuidanceResponse"
    CHOICES: ClassVar[tuple[str, ...]] = ("moduleUri", "moduleCanonical", "moduleCodeableConcept")

    request_identifier: Identifier | None = None
    module_uri: Uri | None = None
    module_canonical: Uri | None = None
    module_codeable_concept: CodeableConcept | None = None
    status: Literal["success", "data-requested", "data-required", "in-progress", "failure", "entered-in-error"]
    subject: Reference | None = None
    encounter: Reference | None = None
    occurrence_date_time: DateTime | None = None
    reason_code: list[CodeableConcept] = Field(default=[], max_length=MANY)
