"""Records of Synthea as input: what the gateway makes of them equals a count of the Bundles by other means."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import rows, send
from marsad_center.tests.gateway.playing import gateway

FOLDER = Path(__file__).parent / "testdata"
_LETTER = {"AMB": "O", "EMER": "E", "IMP": "I", "VR": "V", "HH": "O"}


def bundles() -> list[dict[str, Any]]:
    """One a person."""
    return [json.loads(gzip.decompress(path.read_bytes())) for path in sorted(FOLDER.glob("*.json.gz"))]


def resources(type_: str) -> list[dict[str, Any]]:
    """All of that type."""
    found = (entry["resource"] for bundle in bundles() for entry in bundle["entry"])
    return [each for each in found if each["resourceType"] == type_]


async def test_records_of_synthea_sent_twice_equal_an_independent_count(database: Database) -> None:
    people = bundles()
    assert len(people) == 6
    async with gateway(database) as ports:
        for again in (False, True):
            for person in people:
                answer = await send(ports, "POST", "/fhir", person)
                assert answer.status == 200, answer.raw[:500]
                assert len(answer.body["entry"]) == len(person["entry"]), again
    assert await rows(database, "SELECT accepted, duplicate, rejected FROM feed_counter WHERE received > 0") == [
        (6, 6, 0)
    ]

    encounters = resources("Encounter")
    expected = Counter((_LETTER[each["class"]["code"]], each["status"] == "finished") for each in encounters)
    found = await rows(database, "SELECT class, state = 'departed', count(*) FROM encounter GROUP BY 1, 2")
    assert {(letter, ended): count for letter, ended, count in found} == expected
    starts = {each["identifier"][0]["value"]: each["period"] for each in encounters}
    times = await rows(database, "SELECT visit_key, arrived_at, discharged_at FROM encounter")
    assert len(times) == len(starts)
    for key, arrived, discharged in times:
        assert (arrived, discharged) == tuple(_time(starts[key][name]) for name in ("start", "end")), key

    values, reports, medicines = (resources(name) for name in ("Observation", "DiagnosticReport", "MedicationRequest"))
    assert await rows(database, "SELECT count(*), count(resulted_at) FROM clinical_order") == [(len(values),) * 2]
    assert await rows(database, "SELECT count(*) FROM document") == [(len(reports),)]
    states = ("issued" if each["status"] in ("active", "completed") else "cancelled" for each in medicines)
    assert dict(await rows(database, "SELECT status, count(*) FROM prescription GROUP BY 1")) == Counter(states)
    assert await rows(database, "SELECT count(*) FROM prescription WHERE medication_code = ''") == [(0,)]
    assert await rows(database, "SELECT count(given_at) FROM vaccination") == [(len(resources("Immunization")),)]
    codes = {(each["encounter"]["reference"], each["code"]["coding"][0]["code"]) for each in resources("Condition")}
    assert await rows(database, "SELECT count(*) FROM diagnosis") == [(len(codes),)]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
