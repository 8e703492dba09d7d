"""Encounter and what it stands on: Patient, Location, Condition (https://hl7.org/fhir/R4/encounter.html)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from marsad_center.gateway.fhir.datatypes import (
    MANY,
    CodeableConcept,
    Coding,
    Element,
    Period,
    Reference,
    Resource,
)
from marsad_center.gateway.fhir.primitives import DateTime, Text

EncounterStatus = Literal[
    "planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", "entered-in-error", "unknown"
]


class StatusHistory(Element):
    """It was in this state for that time."""

    status: EncounterStatus
    period: Period


class ClassHistory(Element):
    """It was of this class for that time."""

    class_: Coding = Field(alias="class")
    period: Period


class EncounterLocation(Element):
    """Where, and when."""

    location: Reference
    status: Literal["planned", "active", "reserved", "completed"] | None = None
    physical_type: CodeableConcept | None = None
    period: Period = Period()


class EncounterDiagnosis(Element):
    """Which condition, and as what."""

    condition: Reference
    use: CodeableConcept | None = None


class Hospitalization(Element):
    """How it began and ended."""

    discharge_disposition: CodeableConcept | None = None


class Encounter(Resource):
    """A visit. Class VR is a virtual consultation."""

    TYPE: ClassVar[str] = "Encounter"

    status: EncounterStatus
    class_: Coding = Field(alias="class")
    status_history: list[StatusHistory] = Field(default=[], max_length=MANY)
    class_history: list[ClassHistory] = Field(default=[], max_length=MANY)
    service_type: CodeableConcept | None = None
    subject: Reference | None = None
    period: Period = Period()
    diagnosis: list[EncounterDiagnosis] = Field(default=[], max_length=MANY)
    hospitalization: Hospitalization = Hospitalization()
    location: list[EncounterLocation] = Field(default=[], max_length=MANY)


class PatientLink(Element):
    """Another record of the same person."""

    other: Reference
    type: Literal["replaced-by", "replaces", "refer", "seealso"]


class Patient(Resource):
    """Only who it is: names, addresses and dates of birth are not read."""

    TYPE: ClassVar[str] = "Patient"

    link: list[PatientLink] = Field(default=[], max_length=MANY)


class Location(Resource):
    """A place; a bed when its physicalType is bd or it has an operationalStatus."""

    TYPE: ClassVar[str] = "Location"

    status: Literal["active", "suspended", "inactive"] | None = None
    operational_status: Coding | None = None
    name: Text | None = None
    physical_type: CodeableConcept | None = None
    part_of: Reference | None = None


class Condition(Resource):
    """A diagnosis, when it is one of an encounter."""

    TYPE: ClassVar[str] = "Condition"

    code: CodeableConcept | None = None
    subject: Reference
    encounter: Reference | None = None
    verification_status: CodeableConcept | None = None
    recorded_date: DateTime | None = None
