"""What was stored is read again as it was read first, and what was refused can be judged again."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marsad_center.gateway.fhir import judging
from marsad_center.gateway.fhir.bundle import Asked
from marsad_center.gateway.fhir.judging import Arrival, again, is_fhir
from marsad_center.gateway.fhir.receiving import FhirInbound
from marsad_center.gateway.fhir.senders import Sender
from marsad_center.gateway.route import Road, Route, Routes
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import Document, bundle, encounter, put, resource, rows, send
from marsad_center.tests.gateway.playing import gateway

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
EMR = Sender("EMR", "KAMC")
KNOWN, NONE = Routes({EMR: Route(1, "KAMC", protocol="FHIR")}).over(Road("FHIR")), Routes()


def arrival(content: Document | bytes, routes: Routes = KNOWN) -> Arrival:
    body = json.dumps(content).encode() if isinstance(content, dict) else content
    return Arrival(body, {"x-marsad-feed": "EMR|KAMC"}, "peer", AT, routes, 5_000)


def same(first: FhirInbound) -> bool:
    assert first.verdict == "accept"
    found = again(first.raw, first.trigger, EMR, KNOWN, peer="", at=first.received_at)
    assert first.number
    assert first.things
    assert (found.number, found.things, found.unversioned) == (first.number, first.things, first.unversioned)
    return (found.facts, found.ack) == (first.facts, first.ack)


@pytest.mark.parametrize("asked", [Asked("POST"), Asked("PUT", "V1"), Asked("PUT?", None, "7")])
def test_one_resource_is_read_again_as_the_same_thing(asked: Asked) -> None:
    visit = encounter(identifier=[{"use": "old", "value": "7"}, {"use": "official", "value": "8"}])
    found = judging.resource(arrival(visit), "Encounter", asked)
    assert same(found)
    assert getattr(found.facts[0], "visit_key", "") == ("V1" if asked.way == "PUT" else "8")


def test_a_transaction_is_read_again_as_it_was() -> None:
    for path in sorted((Path(__file__).parent / "testdata").glob("*.json.gz")):
        found = judging.bundle(arrival(gzip.decompress(path.read_bytes())))
        assert isinstance(found, FhirInbound)
        assert found.facts
        assert same(found)


def test_entries_of_a_batch_are_read_again_one_by_one() -> None:
    found = judging.bundle(
        arrival(bundle("batch", ("PUT Encounter/V1", encounter()), ("POST Encounter", encounter("V2"))))
    )
    assert isinstance(found, list)
    assert all(same(each) for each in found)


async def test_what_was_refused_says_how_it_came_so_that_it_can_be_judged_again(database: Database) -> None:
    async with gateway(database) as ports:
        assert (await put(ports, encounter(), feed="EMR|NEW")).status == 403
        each = bundle("batch", ("POST Patient", resource("Patient", "P2")))
        assert (await send(ports, "POST", "/fhir", each, feed="EMR|NEW")).status == 200
        one = bundle("transaction", ("PUT Patient/P1", resource("Patient", "P1")))
        assert (await send(ports, "POST", "/fhir", one, feed="EMR|NEW")).status == 403
    kept = await rows(database, "SELECT raw, control_id, sending_application, sending_facility FROM quarantine")
    assert {way for _raw, way, _application, _facility in kept} == {"PUT", "POST", "Bundle"}
    declared = Routes({("EMR", "NEW"): Route(1, "KAMC", protocol="FHIR")}).over(Road("FHIR"))
    for raw, way, application, facility in kept:
        assert is_fhir(raw)
        found = again(raw, way, Sender(application, facility), declared, peer="", at=AT)
        assert (found.verdict, found.stored) == ("accept", True)


def test_hl7_is_not_taken_for_fhir() -> None:
    assert not is_fhir(b"MSH|^~\\&|")
    assert not is_fhir(b"")
