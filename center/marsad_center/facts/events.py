"""What happened, in the words of the facts and not of any message format: HL7 v2 and FHIR are both read into these.

A visit's movements, orders and merges have tables of their own; everything else is a `Statement`: what one message says
of one thing (an appointment, a referral, a bed...). A thing is derived from all its statements by event time, so the
order in which they arrive does not matter, and reading a message again adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, NamedTuple

Action = Literal["insert", "update", "cancel", "snapshot"]
Kind = Literal["lab", "radiology", "other"]


class Code(NamedTuple):
    """A code as it was said. `system`: the name or URI of the code system as written, '' when none is given."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Movement:
    """One event of a visit. Texts: None says nothing, '' deletes what was known. `event` is the ADT trigger.

    `id` is the row's number once stored; in a list of movements it and `received_at` break ties of `event_at`. `action`
    snapshot: one of the movements that a picture of the visit shows (a FHIR resource); `movement_key` is then what the
    picture is of, an @ and its version as a text that sorts, and only the newest version of each picture counts.
    `corrects`: names of CORRECTABLE fields, with spaces between, whose values here take the place of what was said
    before; one without a value takes it back.
    """

    CORRECTABLE: ClassVar[tuple[str, ...]] = ("triage_level", "seen_at", "decided_at", "offloaded_at")

    visit_key: str
    patient_key: str
    event: str
    event_at: datetime
    received_at: datetime
    id: int = 0
    movement_key: str | None = None
    action: Action = "insert"
    patient_class: str | None = None
    point_of_care: str | None = None
    room: str | None = None
    bed: str | None = None
    arrived_at: datetime | None = None
    discharged_at: datetime | None = None
    disposition: str | None = None
    triage_level: int | None = None
    triaged_at: datetime | None = None
    seen_at: datetime | None = None
    specialty: str | None = None  # PV1-10, the hospital service
    decided_at: datetime | None = None  # decision to admit
    offloaded_at: datetime | None = None  # taken over from the ambulance
    arrival_mode: str | None = None  # "ambulance" or the sender's word
    ventilated: bool | None = None
    corrects: str | None = None


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """What one message says of one order. `kind_stated`: the sender named the section; else it was guessed.

    `specialty`: the one that asked, '' when it is not said; `specialty_asked`: a request says so, not a result.

    Of two that contradict each other the one that was said later holds. `ordered_said_at`: when `ordered_at` was said
    by a request that places the order; None: it is one of the times that are given, of which the earliest holds.
    `placed_at`, `withdrawn_at`: when it was said that the order stands, or that it is cancelled. `retracted_at`: when
    `result_source` took its result back ('': the order has one); `result_said_at`: when it gave it, else `resulted_at`.
    """

    placer: str
    filler: str
    visit_key: str
    kind: Kind
    kind_stated: bool
    code_system: str
    code: str
    display: str
    ordered_at: datetime | None
    resulted_at: datetime | None
    cancelled_at: datetime | None
    source_at: datetime
    specialty: str
    specialty_asked: bool
    ordered_said_at: datetime | None = None
    placed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    result_source: str = ""
    result_said_at: datetime | None = None
    retracted_at: datetime | None = None

    @property
    def key(self) -> str:
        """The placer's number, else the filler's."""
        return self.placer or self.filler


@dataclass(frozen=True, slots=True)
class Merge:
    """Two patient numbers are one person: `merged` goes, `survivor` stays."""

    merged: str
    survivor: str
    event_at: datetime


@dataclass(frozen=True, slots=True)
class Identified:
    """A patient number of the facility belongs to whoever has this identifier, which means the same everywhere, or
    (`within`) in the facility only."""

    patient_key: str
    identifier: str
    within: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one message says of one thing. Fields that are None say nothing; '' deletes what was known.

    `key` identifies the thing within its facility and kind; `status` is the state it entered at `event_at`. `id` is the
    row's number once stored; it and `received_at` break ties of `event_at`.
    """

    KIND: ClassVar[str]
    STATES: ClassVar[tuple[str, ...]]

    key: str
    event_at: datetime
    received_at: datetime
    status: str | None = None
    patient_key: str | None = None
    visit_key: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment(Statement):
    """SIU, FHIR Appointment. `no_show` is said only after the time was due (S26)."""

    KIND = "appointment"
    STATES = ("booked", "arrived", "completed", "cancelled", "no_show")

    starts_at: datetime | None = None
    specialty: Code | None = None
    virtual: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral(Statement):
    """REF and RRI, FHIR ServiceRequest and Task. From and to are codes of declared facilities, else what the sender
    writes; of these the registry knows the level.

    `origin`: the declared facility that refers. `known_as`: names of the referral that both sides call it by
    (facts/referral_sides.py), of all its statements.
    """

    KIND = "referral"
    STATES = ("submitted", "accepted", "refused", "seen", "reported", "cancelled")

    from_facility: str | None = None
    to_facility: str | None = None
    origin: str | None = None
    known_as: tuple[str, ...] | None = None
    specialty: Code | None = None
    urgency: str | None = None
    refusal: Code | None = None  # why it was refused, where a code says so: words are no fact (ADR 0031)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescription(Statement):
    """RDE and RDS, FHIR MedicationRequest and MedicationDispense: one prescribed medicine.

    `dispense`: which dispense of it is told of. Status NOT_DISPENSED, no state, takes back what was said of it.
    """

    KIND = "prescription"
    STATES = ("issued", "dispensed", "cancelled")
    NOT_DISPENSED: ClassVar[str] = "not-dispensed"

    medication: Code | None = None
    dispense: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vaccination(Statement):
    """VXU, FHIR Immunization. `event_at` is when it was said; when it happened may be corrected, later or earlier.

    `period`: of what is known to no day, the year or month (2019, 2019-05), or "unknown"; '' says that a day is known.
    """

    KIND = "vaccination"
    STATES = ("given", "refused", "deleted")

    given_at: datetime | None = None
    refused_at: datetime | None = None
    vaccine: Code | None = None
    dose: str | None = None
    period: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Statement):
    """MDM, FHIR DiagnosticReport that is no result of an order: that a document exists, never its text."""

    KIND = "document"
    STATES = ("created", "final", "replaced", "cancelled")

    category: Code | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed(Statement):
    """A20, FHIR Location: the operational status of one bed. `key` is point of care^room^bed."""

    KIND = "bed"
    STATES = ("occupied", "unoccupied", "housekeeping", "closed", "isolated", "contaminated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Statement):
    """DG1, FHIR Encounter.diagnosis: one code of one visit. `key` is visit and code."""

    KIND = "diagnosis"
    STATES = ("stated", "deleted")

    diagnosis: Code | None = None
    role: str | None = None  # admitting, working, final


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(Statement):
    """FHIR Communication: an event of the contact center."""

    KIND = "contact"
    STATES = ("open", "answered", "completed", "abandoned", "deleted")

    topic: Code | None = None
    medium: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance(Statement):
    """FHIR GuidanceResponse: an answer of clinical decision support."""

    KIND = "guidance"
    STATES = ("requested", "success", "data-required", "failure", "deleted")

    module: str | None = None
    reason: Code | None = None


STATEMENTS: Mapping[str, type[Statement]] = {
    each.KIND: each
    for each in (Appointment, Referral, Prescription, Vaccination, Document, Bed, Diagnosis, Contact, Guidance)
}

Fact = Movement | OrderEvent | Merge | Statement | Identified
