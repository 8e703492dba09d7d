"""What a resource is read with: who it is, which version of it this is, and who is who around it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from marsad_center.gateway.fhir.datatypes import CodeableConcept, Period, Reference, Resource
from marsad_center.gateway.fhir.faults import fault
from marsad_center.gateway.fhir.primitives import moment
from marsad_center.gateway.fhir.references import Named, contained, fitting, number_of, resolve, target
from marsad_center.gateway.fhir.visits import Patient
from marsad_center.gateway.profile import Profile

R_co = TypeVar("R_co", bound=Resource, covariant=True)


@dataclass(frozen=True)
class Told(Generic[R_co]):
    """`resource` as the thing `key`, received at `at`. `profile`: how its feed writes."""

    resource: R_co
    key: str
    at: datetime
    profile: Profile
    index: Mapping[str, Named]

    @property
    def said_at(self) -> datetime:
        """When the source says that this version came to be (meta.lastUpdated), else receipt."""
        return self.time(self.resource.meta.last_updated) or self.at

    @property
    def version(self) -> str:
        """Sorts as the versions follow each other."""
        number = self.resource.meta.version_id or ""
        return f"{self.said_at.isoformat(timespec='microseconds')}#{number.zfill(12) if number.isdigit() else number}"

    @property
    def common(self) -> dict[str, Any]:
        """Of every statement. What one thing is told of twice for one moment is decided by the version, not by the
        order in which the two arrive: that is what received_at says here."""
        return {"key": self.key, "received_at": self.said_at}

    @property
    def digest(self) -> str:
        """Tells this thing from others where its key must not stand."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:16]

    def snapshot(self, *, whole: bool) -> str:
        """The movement_key of an action "snapshot". `whole`: of the visit itself, else of one resource about it, which
        is not named: a movement key is not hidden as other identifiers are."""
        number = "" if whole else f"/{self.digest}"
        return f"{self.resource.TYPE}{number}@{self.version}"

    def time(self, text: str | None) -> datetime | None:
        """A time of the resource in UTC."""
        return moment(text, self.profile.zone)

    def start(self, period: Period | None) -> datetime | None:
        """When the period began."""
        return self.time(period.start) if period is not None else None

    def reference(self, reference: Reference | None, type_: str, element: str) -> str | None:
        """The key of the `type_` that `element` refers to. Raises Fault."""
        return target(reference, type_, f"{self.resource.TYPE}.{element}", self.index)

    def patient(self, reference: Reference | None, element: str = "subject") -> str | None:
        """The key of the patient; None also where the subject is something else (a group, a device). Raises Fault."""
        place = f"{self.resource.TYPE}.{element}"
        if (inside := contained(self.resource, reference, Patient, place)) is not None:
            if (number := number_of(inside.identifier)) is None:
                raise fault("unresolved", "give the contained Patient an identifier with a value", place)
            return fitting(number, place)
        found = resolve(reference, place, self.index)
        return found[1] if found is not None and found[0] in ("", "Patient") else None

    def organization(self, reference: Reference | None, element: str) -> str | None:
        """The code of a facility: an Organization or a Location. Who refers as a person says nothing of it."""
        if reference is not None and (reference.reference or "").startswith(("urn:", "#")):
            return None  # organisations are no entries here
        found = resolve(reference, f"{self.resource.TYPE}.{element}", self.index)
        return found[1] if found is not None and found[0] in ("", "Organization", "Location") else None


def first_code(concepts: list[CodeableConcept]) -> CodeableConcept | None:
    """The first of them."""
    return concepts[0] if concepts else None
