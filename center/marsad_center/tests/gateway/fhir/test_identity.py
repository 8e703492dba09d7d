"""One person in HL7 v2 and FHIR: by identifier and assigning authority, by links of records, and by nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from marsad_center.facts.events import Fact, Identified, Merge
from marsad_center.gateway.fhir import judging
from marsad_center.gateway.fhir.bundle import Asked
from marsad_center.gateway.fhir.judging import Arrival
from marsad_center.gateway.route import Road, Route, Routes
from marsad_center.keys import load
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import Document, bundle, encounter, put, resource, rows, send
from marsad_center.tests.gateway.playing import gateway, message, sending
from marsad_center.tests.gateway.test_identity import person

TABLE = "http://terminology.hl7.org/CodeSystem/v2-0203"
MOI, MINISTRY = "2.16.682.1.9", "http://moi.example/id"
ROUTES = Routes({("EMR", "KAMC"): Route(1, "KAMC", protocol="FHIR")}).over(Road("FHIR"))


def number(type_: str, system: str, value: str, **more: Any) -> Document:
    """An identifier of table 0203's type."""
    return {"type": {"coding": [{"system": TABLE, "code": type_}]}, "system": system, "value": value} | more


def facts(document: Document) -> list[Fact]:
    """Of a resource that is put under its id."""
    body = json.dumps(document).encode()
    arrival = Arrival(body, {"x-marsad-feed": "EMR|KAMC"}, "peer", datetime(2026, 11, 23, 12, tzinfo=UTC), ROUTES, 10)
    found = judging.resource(arrival, document["resourceType"], Asked("PUT", document["id"]))
    assert found.verdict == "accept", found.detail
    return list(found.facts)


def said(document: Document) -> list[tuple[str, str, bool]]:
    """Whom it identifies, by what, and whether within the facility only."""
    return [
        (each.patient_key, each.identifier, each.within) for each in facts(document) if isinstance(each, Identified)
    ]


@pytest.mark.parametrize(
    ("identifier", "links"),
    [
        (number("NI", f"urn:oid:{MOI}", "109"), [("P1", f"NI^{MOI}^109", False)]),
        (number("ni", MINISTRY, " 109 "), [("P1", f"NI^{MINISTRY}^109", False)]),
        (number("NNSAU", "", "109"), [("P1", "NNSAU^^109", False)]),
        (number("MR", "urn:oid:1.2.3", "7"), [("P1", "1.2.3^7", True)]),
        (number("PI", "urn:uuid:ABCD", "7"), [("P1", "abcd^7", True)]),
        (number("NI", "", "109"), []),
        (number("MR", "", "7"), []),
        (number("DL", MINISTRY, "7"), []),
        (number("NI", MINISTRY, "109", use="old"), []),
        (number("NI", MINISTRY, "109", use="temp"), []),
        ({"system": MINISTRY, "value": "109"}, []),
        ({"system": MINISTRY, "value": "109", "type": {"text": "NI"}}, []),
        ({"system": MINISTRY, "value": "109", "type": {"coding": [{"system": "urn:own", "code": "NI"}]}}, []),
    ],
)
def test_an_identifier_links_by_type_and_authority(identifier: Document, links: list[tuple[str, str, bool]]) -> None:
    identifier = {name: value for name, value in identifier.items() if value}
    assert said(resource("Patient", "P1", identifier=[identifier])) == links


def test_what_a_reference_to_the_patient_says_is_read_too() -> None:
    national = number("NI", MINISTRY, "109")
    link = ("P1", f"NI^{MINISTRY}^109", False)
    named: Document = {"reference": "Patient/P1", "identifier": national}
    assert said(encounter(subject=named)) == [link]
    given: Document = {"status": "completed", "vaccineCode": {"text": "x"}, "occurrenceDateTime": "2026-11-23"}
    assert said(resource("Immunization", "I1", patient=named, **given)) == [link]
    assert said(encounter(subject={"identifier": national})) == [("109", link[1], False)]
    group: Document = {"reference": "Group/G1", "identifier": national}
    assert said(encounter(subject=group)) == [], "a group is nobody"


def test_a_contained_patient_is_known_by_its_identifiers() -> None:
    inside = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [number("NI", MINISTRY, "109"), {"use": "usual", "value": "P1"}],
    }
    visit = encounter(contained=[inside], subject={"reference": "#p"})
    assert said(visit) == [("P1", f"NI^{MINISTRY}^109", False)]
    assert {getattr(each, "patient_key", "P1") for each in facts(visit)} == {"P1"}


async def test_a_contained_patient_without_identifier_is_refused_in_words(database: Database) -> None:
    visit = encounter(contained=[{"resourceType": "Patient", "id": "p"}], subject={"reference": "#p"})
    async with gateway(database) as ports:
        answer = await put(ports, visit)
    sentence = "give the contained Patient an identifier with a value"
    assert (answer.status, answer.issues) == (422, [("not-found", "Encounter.subject", sentence)])


def test_links_between_records_are_merges_or_one_person() -> None:
    def linked(type_: str) -> list[Fact]:
        link = {"other": {"reference": "Patient/P2"}, "type": type_}
        return facts(resource("Patient", "P1", updated="2026-11-23T12:00:00Z", link=[link]))

    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert linked("replaced-by") == [Merge("P1", "P2", noon)]
    assert linked("replaces") == [Merge("P2", "P1", noon)]
    for type_ in ("seealso", "refer"):
        assert linked(type_) == [Identified(each, "link^P1^P2", within=True) for each in ("P1", "P2")]


def test_a_link_to_a_related_person_is_none_to_a_patient() -> None:
    link = {"other": {"reference": "RelatedPerson/R1"}, "type": "seealso"}
    assert facts(resource("Patient", "P1", link=[link])) == []


def hl7(control: str, field: str, sender: str = "HIS|KAMC") -> str:
    return message("ADT^A28", control, f"PID|1||{field}", sender=sender)


async def test_one_person_is_known_across_hl7_and_fhir_and_facilities(
    database: Database, sealed_database: Database
) -> None:
    """HL7 v2 names an authority by its OID, FHIR by urn:oid:. P3 and Q2 have the number of another authority."""
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        for text in (
            hl7("1", f"P1^^^KAMC^MR~109^^^MOI&{MOI}&ISO^NI"),
            hl7("2", "P3^^^KAMC^MR~109^^^OTHER&2.16.682.1.8&ISO^NI"),
        ):
            assert await sender.code(text) == "AA"
        national = number("NI", f"urn:oid:{MOI}", "109")
        others = number("NI", "urn:oid:2.16.682.1.7", "109")
        whole = bundle(
            "transaction",
            ("PUT Patient/Q1", resource("Patient", "Q1", identifier=[national]), "urn:uuid:p"),
            ("PUT Patient/Q2", resource("Patient", "Q2", identifier=[others])),
            ("PUT Encounter/V1", encounter("V1", subject={"reference": "urn:uuid:p"})),
        )
        assert (await send(ports, "POST", "/fhir", whole, feed="EMR|ALNOOR")).status == 200
        replaced = {"other": {"reference": "Patient/P1"}, "type": "replaced-by"}
        assert (await put(ports, resource("Patient", "P2", link=[replaced]))).status == 200
    everybody = {("KAMC", "P1"), ("KAMC", "P2"), ("ALNOOR", "Q1")}
    assert await person(sealed_database, "ALNOOR", "Q1") == everybody
    assert await person(sealed_database, "KAMC", "P2") == everybody
    assert await person(sealed_database, "KAMC", "P3") == {("KAMC", "P3")}
    assert await person(sealed_database, "ALNOOR", "Q2") == {("ALNOOR", "Q2")}


async def test_the_record_number_of_one_authority_links_within_a_facility_only(
    database: Database, sealed_database: Database
) -> None:
    """Record numbers of vendors whose OID is the same in all hospitals must not make one person of two."""
    record = number("MR", "urn:oid:1.2.3", "P1")
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        assert await sender.code(hl7("1", "P1^^^KAMC&1.2.3&ISO^MR")) == "AA"
        assert (await put(ports, resource("Patient", "P2", identifier=[record]))).status == 200
        other = await put(ports, resource("Patient", "Q1", identifier=[record]), feed="EMR|ALNOOR")
        assert other.status == 200
    assert await person(sealed_database, "KAMC", "P1") == {("KAMC", "P1"), ("KAMC", "P2")}
    assert await person(sealed_database, "ALNOOR", "Q1") == {("ALNOOR", "Q1")}


async def test_no_identifier_stands_in_the_clear(database: Database, sealed_database: Database) -> None:
    secrets = ("SECRET-109", "SECRET-P1", "SECRET-P2", "SECRET-MR")
    identifiers = [number("NI", f"urn:oid:{MOI}", "SECRET-109"), number("MR", "urn:oid:1.2.3", "SECRET-MR")]
    links = [{"other": {"reference": "Patient/SECRET-P2"}, "type": kind} for kind in ("seealso", "replaces")]
    async with gateway(sealed_database) as ports:
        sent = await put(ports, resource("Patient", "SECRET-P1", identifier=identifiers, link=links))
        assert sent.status == 200
        subject = {"identifier": identifiers[0]}
        assert (await put(ports, encounter("V1", subject=subject))).status == 200
        refused = bundle("transaction", ("PUT Claim/C1", {"resourceType": "Claim", "id": "C1", "patient": subject}))
        assert (await send(ports, "POST", "/fhir", refused)).status == 404
    tables = await rows(
        sealed_database,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'center'::regnamespace",
    )
    found = ""
    for (table,) in tables:
        found += repr(await rows(sealed_database, f"SELECT * FROM {table}"))
    assert "person_link" in {table for (table,) in tables}
    assert len(await rows(sealed_database, "SELECT * FROM person_link")) == 5
    for secret in secrets:
        assert secret not in found
        assert secret.encode().hex() not in found


async def test_what_was_stored_is_read_again_with_its_links(database: Database, sealed_database: Database) -> None:
    from marsad_center.gateway.reprocess import Range, reprocess

    async with gateway(sealed_database) as ports:
        known = resource(
            "Patient", "P1", identifier=[number("NI", MINISTRY, "109"), number("MR", "urn:oid:1.2.3", "1")]
        )
        assert (await put(ports, known)).status == 200
    before = await rows(sealed_database, "SELECT * FROM person_link ORDER BY 1, 2, 3")
    assert len(before) == 2
    async with sealed_database.connect("postgres") as connection:
        await connection.execute("DELETE FROM person_link")
    settings = sealed_database.settings("gateway")
    async for _progress in reprocess(settings, load(sealed_database.keys), Range()):
        pass
    assert await rows(sealed_database, "SELECT * FROM person_link ORDER BY 1, 2, 3") == before
