"""Orders, and the results and reports that answer them, to order events."""

from __future__ import annotations

from datetime import datetime

from marsad_center.facts.events import Code, Document, Fact, Kind, OrderEvent
from marsad_center.gateway.fhir.datatypes import CodeableConcept, Reference
from marsad_center.gateway.fhir.services import DiagnosticReport, Observation, ServiceRequest
from marsad_center.gateway.fhir.told import Told, first_code

# Codes of a category: observation-category, HL7 table 0074, and SNOMED CT's of FHIR's servicerequest-category.
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("laboratory", "LAB", "CH", "HM", "MB", "SR", "BLB", "108252007"), "lab"),
    **dict.fromkeys(("imaging", "RAD", "CT", "NMR", "RUS", "XRC", "RX", "363679005"), "radiology"),
}
_FINAL = frozenset({"final", "amended", "corrected", "appended"})
VOID = frozenset({"cancelled", "entered-in-error"})
_NOTHING = Code("", "")
_REPORT_STATES = {
    **dict.fromkeys(("registered", "partial", "preliminary"), "created"),
    **dict.fromkeys(_FINAL, "final"),
    **dict.fromkeys(VOID, "cancelled"),
}


def diagnostic_report(told: Told[DiagnosticReport]) -> list[Fact]:
    """The result of its orders; without any a document. Raises Fault."""
    it = told.resource
    at = told.time(it.issued) or told.time(it.effective_date_time) or told.start(it.effective_period) or told.said_at
    if it.based_on:
        return list(results(told, it.based_on, it.category, it.code, at=at))
    status = _REPORT_STATES.get(it.status)
    category = first_code(it.category) or it.code
    return [
        Document(
            **told.common,
            event_at=told.said_at if status == "cancelled" else at,
            status=status,
            patient_key=told.patient(it.subject),
            visit_key=told.reference(it.encounter, "Encounter", "encounter"),
            category=category.told(),
        )
    ]


def results(
    told: Told[Observation] | Told[DiagnosticReport],
    based_on: list[Reference],
    category: list[CodeableConcept],
    code: CodeableConcept,
    *,
    at: datetime,
) -> list[OrderEvent]:
    """What it says of each order that it is based on; of none, it is one by itself."""
    it = told.resource
    keys = [told.reference(each, "ServiceRequest", f"basedOn[{n}]") for n, each in enumerate(based_on)]
    placers = [key for key in keys if key]
    kind, stated = _kind(category)
    # A single value does not say what was ordered; a report does.
    said = _NOTHING if placers and isinstance(it, Observation) else (code.told() or _NOTHING)
    visit = told.reference(it.encounter, "Encounter", "encounter") or ""
    void = it.status in VOID
    return [
        OrderEvent(
            placer=placer,
            filler="" if placer else told.key,
            visit_key=visit,
            kind=kind,
            kind_stated=stated,
            code_system=said.system,
            code=said.code,
            display=said.display,
            ordered_at=None,
            resulted_at=at if it.status in _FINAL else None,
            # A value that is taken back takes no order back that another system placed.
            cancelled_at=told.said_at if void and not placer else None,
            source_at=told.said_at if void else at,
            specialty="",
            specialty_asked=False,
            placed_at=told.said_at if not (void or placer) else None,
            result_source=f"{it.TYPE}/{told.digest}",
            result_said_at=told.said_at,
            retracted_at=told.said_at if void else None,
        )
        for placer in placers or [""]
    ]


def order(told: Told[ServiceRequest]) -> list[Fact]:
    """The request of a laboratory, an imaging or another service. Raises Fault."""
    it = told.resource
    if it.intent in ("proposal", "plan", "option") or it.status in ("draft", "unknown"):
        return []
    code = (it.code.told() if it.code is not None else None) or _NOTHING
    kind, stated = _kind(it.category)
    void = it.status in ("revoked", "entered-in-error")
    ordered_at = told.time(it.authored_on) or told.said_at
    return [
        OrderEvent(
            placer=told.key,
            filler="",
            visit_key=told.reference(it.encounter, "Encounter", "encounter") or "",
            kind=kind,
            kind_stated=stated,
            code_system=code.system,
            code=code.code,
            display=code.display,
            ordered_at=None if void else ordered_at,
            resulted_at=None,
            cancelled_at=told.said_at if void else None,
            source_at=told.said_at if void else ordered_at,
            specialty="",  # performerType is who is to do it; who asked is the encounter's serviceType
            specialty_asked=False,
            ordered_said_at=told.said_at if it.authored_on is not None and not void else None,
            placed_at=None if void else told.said_at,
        )
    ]


def _kind(categories: list[CodeableConcept]) -> tuple[Kind, bool]:
    """The kind, and whether a category said so."""
    for category in categories:
        for each in sorted(category.codes):
            if each in _KINDS:
                return _KINDS[each], True
    return "other", bool(categories)
