"""Patient, Location and Condition: who is one person, which bed is in what state, which code a visit has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marsad_center.facts.events import Bed, Fact, Identified, Merge
from marsad_center.gateway import identity
from marsad_center.gateway.fhir.datatypes import Identifier, Reference
from marsad_center.gateway.fhir.references import contained
from marsad_center.gateway.fhir.told import Told
from marsad_center.gateway.fhir.visit_facts import diagnosis_of
from marsad_center.gateway.fhir.visits import Condition, Location, Patient

# HL7 table 0203, which Identifier.type is bound to (https://hl7.org/fhir/R4/datatypes.html#Identifier), in R4 and STU3.
_TABLE_0203 = ("http://terminology.hl7.org/CodeSystem/v2-0203", "http://hl7.org/fhir/v2/0203")
_NO_MORE = ("old", "temp")  # uses of an identifier that is not, or not for long, this patient's

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
    """Who this is: by its identifiers, and by the merges and further records that its links tell of. Raises Fault."""
    facts = identity.links(told.key, _identifiers(told.resource.identifier))
    for number, link in enumerate(told.resource.link):
        other = told.patient(link.other, f"link[{number}].other")  # None: a RelatedPerson
        if other is None or other == told.key:
            continue
        if link.type == "replaced-by":
            facts.append(Merge(merged=told.key, survivor=other, event_at=told.said_at))
        elif link.type == "replaces":
            facts.append(Merge(merged=other, survivor=told.key, event_at=told.said_at))
        else:  # refer and seealso: both records stay, of one person
            pair = "link^" + "^".join(sorted((told.key, other)))
            facts += (Identified(each, pair, within=True) for each in (told.key, other))
    return facts


def who(told: Told[Any]) -> list[Fact]:
    """Who the patient of another resource is, where it says more than a number: an identifier of the reference, or a
    Patient that it contains. Raises Fault."""
    for element, name in (("subject", "subject"), ("patient", "patient"), ("for_", "for")):
        reference: Reference | None = getattr(told.resource, element, None)
        if reference is None:
            continue
        found = [reference.identifier] if reference.identifier is not None else []
        inside = contained(told.resource, reference, Patient, f"{told.resource.TYPE}.{name}")
        found += inside.identifier if inside is not None else []
        said = list(_identifiers(found))
        if said and (key := told.patient(reference, name)) is not None:
            return identity.links(key, said)
    return []


def _identifiers(found: Iterable[Identifier]) -> Iterable[identity.Identifier]:
    """Those whose type and value are told, as HL7 v2 would tell them."""
    for each in found:
        if not each.value or each.type is None or each.use in _NO_MORE:
            continue
        authority = identity.as_universal(each.system or "")
        for coding in each.type.coding:
            if coding.system in _TABLE_0203 and coding.code:
                yield identity.Identifier(each.value.strip(), authority, coding.code.upper(), authority)


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
