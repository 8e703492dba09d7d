"""Objects that the tests of this folder start from; each call gives fresh ones."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from marsad.api.names import API_VERSION

JSON = dict[str, Any]

_HEALTHCLUSTER: JSON = {
    "apiVersion": API_VERSION,
    "kind": "HealthCluster",
    "metadata": {"name": "makkah"},
    "spec": {
        "displayNames": {"ar": "مكة", "en": "Makkah"},
        "code": "MKH",
        "region": "Makkah",
        "security": {"residency": {"country": "SA"}},
    },
}

_FULL: JSON = {
    "release": "0.1.0",
    "timeZone": "America/Argentina/Buenos_Aires",
    "size": "large",
    "overrides": {
        "gateway": {"replicas": 3, "requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": 2}},
        "analytics": {"limits": {"memory": "1Gi"}},
        "dashboard": {"replicas": 1},
    },
    "database": {
        "engine": "cloudnative-pg",
        "instances": 3,
        "storage": {"size": "20Gi", "storageClassName": "fast"},
        "parameters": {"max_connections": "200"},
    },
    "pipelines": {
        "hl7": {
            "enabled": True,
            "tls": {"clientAuthority": {"configMapName": "facilities"}, "names": ["hl7.makkah.example", "10.20.0.7"]},
        },
        "fhir": {"enabled": True},
    },
    "codes": [{"localSystem": "L", "localCode": "HB", "system": "LN", "code": "718-7", "display": "Haemoglobin"}],
    "indicators": [{"id": "ed.occupancy", "target": 0.9, "ok": 0.8, "watch": 0.95}, {"id": "ed.nedocs", "watch": 100}],
    "recommendations": [
        {"id": "results.chase", "enabled": False},
        {
            "id": "feed.silent",
            "holdsForSeconds": 0,
            "releasedForSeconds": 86400,
            "when": [{"figure": "feed.freshness.p95", "part": "silent", "threshold": 2, "release": 1}],
        },
        {
            "id": "ed.divert",
            "when": [{"figure": "ed.nedocs", "threshold": 180}, {"figure": "ed.occupancy", "threshold": 1.5}],
        },
    ],
    "history": {"minuteDays": 1, "hourDays": 62, "dayDays": 36525},
    "dashboards": {"locales": [{"locale": "fr", "default": True}, {"locale": "zh"}]},
    "freshness": {"objectiveSeconds": 60},
    "security": {
        "residency": {"country": "SA", "allowedJurisdictions": ["AE"]},
        "allowedEgress": [
            {"name": "referrals", "cidr": "10.9.0.0/16", "ports": [{"port": 443}, {"port": 514, "protocol": "UDP"}]},
            {"name": "registry", "cidr": "fd00::/48", "ports": [{"port": 443}], "jurisdiction": "AE"},
        ],
        "allowedIngress": {"gateway": ["10.20.0.0/16"], "dashboard": ["10.20.0.7/32"]},
        "identityHeader": "X-Forwarded-User",
    },
    "national": {"reporting": True},
    "paused": True,
    "deletionPolicy": "Delete",
}

_FACILITY: JSON = {
    "apiVersion": API_VERSION,
    "kind": "Facility",
    "metadata": {"name": "general-hospital"},
    "spec": {
        "code": "KAMC",
        "kind": "Hospital",
        "displayNames": {"en": "General Hospital"},
        "level": "City",
        "location": {"latitude": 21.4, "longitude": 39.8},
        "capacity": {"edSpaces": 40, "beds": {"general": 120, "icu": 20}},
        "feeds": [
            {"name": "his", "sendingApplication": "HIS", "sendingFacility": "KAMC"},
            {
                "name": "lis",
                "sendingApplication": "LIS",
                "sendingFacility": "KAMC",
                "transport": "MLLPS",
                "certificate": {"name": "lis.kamc.example", "fingerprints": [":".join(["AB"] * 32), "cd" * 32]},
                "timeZone": "UTC",
                "profile": {
                    "triageCodes": ["TRIAGE"],
                    "lwbsDispositions": ["LWBS", "07"],
                    "expectedAdmissionIsDecision": False,
                    "appointmentSpecialty": ["PV1-10", "AIS-3"],
                    "orderSpecialty": ["ORC-17", "PV1-10"],
                },
            },
            {
                "name": "emr",
                "sendingApplication": "EMR",
                "sendingFacility": "KAMC",
                "transport": "FHIRS",
                "certificate": {"name": "emr.kamc.example"},
            },
        ],
        "platforms": ["appointments", "archive"],
        "codes": [
            {"localSystem": "L", "localCode": "HB", "system": "LN", "code": "718-7", "display": "Haemoglobin"},
            {"localSystem": "", "localCode": "HB", "system": "LN", "code": "718-7"},
        ],
        "vaccination": [
            {
                "name": "measles",
                "displayNames": {"en": "Measles", "ar": "الحصبة"},
                "codes": [{"system": "CVX", "code": "03"}, {"system": "CVX", "code": "94"}],
                "population": 4200,
            },
            {"name": "influenza", "codes": [{"system": "CVX", "code": "88"}], "population": 1},
        ],
    },
}


def healthcluster(name: str = "makkah") -> JSON:
    """A HealthCluster that says the least it has to."""
    made = deepcopy(_HEALTHCLUSTER)
    made["metadata"]["name"] = name
    return made


def full_healthcluster(name: str = "makkah") -> JSON:
    """A HealthCluster that says everything but an external database."""
    made = healthcluster(name)
    made["spec"] |= deepcopy(_FULL)
    return made


def facility(name: str = "general-hospital") -> JSON:
    """A Facility with two feeds."""
    made = deepcopy(_FACILITY)
    made["metadata"]["name"] = name
    return made


def changed(obj: JSON, path: str, value: Any) -> JSON:
    """The object with the value at a dotted path, numbers being list indexes and None removing what is there."""
    made = deepcopy(obj)
    at: Any = made
    *parents, last = path.split(".")
    for step in parents:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
    if value is None:
        del at[last]
    elif isinstance(at, list):
        at[int(last)] = value
    else:
        at[last] = value
    return made
