"""Patient, Location and Condition: who is one person, which bed is in what state, which code a visit has."""

from __future__ import annotations

from marsad_center.facts.events import Bed, Fact, Merge
from marsad_center.gateway.fhir.told import Told
from marsad_center.gateway.fhir.visit_facts import diagnosis_of
from marsad_center.gateway.fhir.visits import Condition, Location, Patient

# HL7 table 0116, which FHIR binds Location.operationalStatus to.
_BED_STATES = {
    "C": "closed",
    "H": "housekeeping",
    "I": "isolated",
    "K": "contaminated",
    "O": "occupied",
    "U": "unoccupied",
}


def patient(told: Told[Patient]) -> list[Fact]:
    """The merges that its links tell of. Raises Fault."""
    facts: list[Fact] = []
    for number, link in enumerate(told.resource.link):
        other = told.reference(link.other, "Patient", f"link[{number}].other")
        if other is None or other == told.key:
            continue
        if link.type == "replaced-by":
            facts.append(Merge(merged=told.key, survivor=other, event_at=told.said_at))
        elif link.type == "replaces":
            facts.append(Merge(merged=other, survivor=told.key, event_at=told.said_at))
    return facts


def location(told: Told[Location]) -> list[Fact]:
    """The state of a bed; other places have no facts. Raises Fault."""
    it = told.resource
    code = (it.operational_status.code or "").upper() if it.operational_status is not None else ""
    status = "closed" if it.status in ("suspended", "inactive") else _BED_STATES.get(code)
    kinds = it.physical_type.codes if it.physical_type is not None else set()
    if status is None or not (code or "bd" in kinds):
        return []
    ward = told.reference(it.part_of, "Location", "partOf")
    key = told.key if "^" in told.key else f"{ward or told.key}^^{told.key}"
    return [Bed(key=key, event_at=told.said_at, received_at=told.said_at, status=status)]


def condition(told: Told[Condition]) -> list[Fact]:
    """A diagnosis, when it is one of a visit. Raises Fault."""
    it = told.resource
    visit = told.reference(it.encounter, "Encounter", "encounter")
    found = diagnosis_of(told, visit, it, None) if visit is not None else None
    return [found] if found is not None else []
