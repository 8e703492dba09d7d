"""The CapabilityStatement of GET /fhir/metadata: exactly what is served (https://hl7.org/fhir/R4/capabilitystatement.html)."""

from __future__ import annotations

from typing import Any

from marsad_center import __version__
from marsad_center.gateway.fhir.limits import FhirLimits
from marsad_center.gateway.fhir.validating import TYPES

_READ_AS = {
    "Appointment": "Booked, arrived, fulfilled, cancelled and noshow; virtual by code VR or virtualService.",
    "Communication": "An event of the contact center.",
    "Condition": "A diagnosis, when it has an encounter.",
    "DiagnosticReport": "The result of what it is basedOn; without it, a document.",
    "Encounter": "A visit with its movements; each version replaces the one before. Class VR is virtual.",
    "GuidanceResponse": "An answer of clinical decision support.",
    "Immunization": "A vaccination.",
    "Location": "The operationalStatus of a bed.",
    "Medication": "The code of a MedicationRequest or MedicationDispense of the same transaction.",
    "MedicationDispense": "That its authorizingPrescription was dispensed.",
    "MedicationRequest": "A prescription.",
    "Observation": "Acuity (11283-9, 75636-1, 273887006) as triage of its encounter; any other as a result.",
    "Patient": "Which records are one person (identifier, link); nothing else is read.",
    "ServiceRequest": "A referral when its category is 3457005, 306206005 or referral; else an order.",
    "Task": "The state of the referral that it is about (focus).",
}
_SECURITY = (
    "The registry decides who is heard: a feed with transport FHIRS only over mutual TLS (port 8443) and with the "
    "certificate that is declared for it, a feed with transport FHIR also without (port 8080)."
)
_RELEASED = "2026-11-24"


def statement(limits: FhirLimits) -> dict[str, Any]:
    """The document. The same release and limits give the same one."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _RELEASED,
        "kind": "instance",
        "software": {"name": "Marsad gateway", "version": __version__},
        "implementation": {
            "description": "Takes what facilities send. Resources cannot be read back: the dashboard has the figures."
        },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "documentation": (
                    "Idempotent: the same resource in the same version (meta.versionId, meta.lastUpdated) and the same "
                    "bytes is answered again and kept once; other bytes under a version are a conflict (409). The "
                    "sender is named in the header X-Marsad-Feed: APPLICATION|FACILITY or in meta.source as "
                    f"urn:marsad:feed:APPLICATION:FACILITY. A body has at most {limits.body} bytes, "
                    f"a Bundle {limits.entries} entries."
                ),
                "security": {"description": _SECURITY},
                "resource": [_resource(name) for name in TYPES],
                "interaction": [
                    {"code": "transaction", "documentation": "All entries or none, in one commit."},
                    {"code": "batch", "documentation": "Each entry by itself."},
                ],
            }
        ],
    }


def _resource(name: str) -> dict[str, Any]:
    return {
        "type": name,
        "documentation": _READ_AS[name],
        "interaction": [
            {"code": "create", "documentation": "Known by its identifier, else by its id: one of them is needed."},
            {"code": "update", "documentation": "Known by the id that it is put under."},
        ],
        "versioning": "no-version",
        "readHistory": False,
        "updateCreate": True,
        "conditionalCreate": False,
        "conditionalRead": "not-supported",
        "conditionalUpdate": True,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "logical", "local"],
    }
