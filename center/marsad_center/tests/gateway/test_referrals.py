"""Two facilities tell of one referral, each through its own feed: over HL7 v2, over FHIR, and one over each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from marsad_center.facts.events import Referral
from marsad_center.facts.referral_sides import by_authority, by_facility
from marsad_center.gateway.hl7 import parse
from marsad_center.gateway.profile import DEFAULT
from marsad_center.gateway.readers import READERS
from marsad_center.indicators import store
from marsad_center.indicators.engine import Engine
from marsad_center.indicators.figures import CLUSTER
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import Document, concept, put, resource, rows, send, with_fhir
from marsad_center.tests.gateway.playing import gateway, message, sending
from marsad_center.tests.gateway.reading import segment
from marsad_center.tests.gateway.test_reprocess import again, empty, facts

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DECLARED = replace(DEFAULT, facility="KAMC", declared={"KAMC": "KAMC", "ALNOOR": "ALNOOR", "AL NOOR": "ALNOOR"})
PRDS = (segment("PRD", f1="RP", f10="^^ALNOOR"), segment("PRD", f1="RT", f10="^^KAMC"))


def rf1(status: str, number: str = "R-1", own: str = "") -> str:
    return segment("RF1", f1=status, f2="A", f3="394579002^Cardiology^SCT", f6=number, f11=own)


def read(kind: str, *segments: str) -> Referral:
    (fact,) = READERS[kind, "I12"](parse(message(f"{kind}^I12", "1", *segments).encode()), "I12", DECLARED, NOW)
    assert isinstance(fact, Referral)
    return fact


@pytest.mark.parametrize("name", ["ALNOOR", "AL NOOR"])
def test_the_number_belongs_to_the_facility_that_refers_whatever_its_feeds_call_it(name: str) -> None:
    """HL7 v2.5.1 chapter 11.6.1.6: an answer repeats the originating application's identifier."""
    found = read("RRI", rf1("A"), segment("PRD", f1="RP", f10=f"^^{name}"))
    assert (found.key, found.origin, found.from_facility) == ("ALNOOR^R-1", "ALNOOR", "ALNOOR")
    assert found.known_as == (by_facility("ALNOOR", "R-1"),)


def test_who_refers_is_who_sends_the_ref_and_whom_the_rri_goes_to_where_no_prd_says_it() -> None:
    own, answer = read("REF", rf1("P")), read("RRI", rf1("A"))
    assert (own.key, own.origin, own.known_as) == ("R-1", "KAMC", (by_facility("KAMC", "R-1"),))
    assert (answer.key, answer.origin, answer.known_as) == ("R-1", None, None)
    text = message("RRI^I12", "1", rf1("A")).replace("|MARSAD|MKH|", "|HIS|ALNOOR^1.2.3^ISO|")
    (found,) = READERS["RRI", "I12"](parse(text.encode()), "I12", DECLARED, NOW)
    assert isinstance(found, Referral)
    assert found.known_as == (by_facility("ALNOOR", "R-1"),)


def test_a_facility_that_is_not_declared_stays_as_it_was_said() -> None:
    found = read("REF", rf1("P"), segment("PRD", f1="RP", f10="^^PHC-7"), segment("PRD", f1="RT", f10="^^AL NOOR"))
    assert (found.key, found.origin, found.known_as) == ("R-1", None, None)
    assert (found.from_facility, found.to_facility) == ("PHC-7", "ALNOOR")


def test_an_identifier_of_a_universal_authority_is_a_name_and_a_namespace_is_none() -> None:
    assert read("RRI", rf1("A", "R-1^EHALATI^2.16.840.1.9^ISO")).known_as == (by_authority("2.16.840.1.9", "R-1"),)
    assert read("RRI", rf1("A", "R-1^HIS")).known_as is None
    assert read("RRI", rf1("A", "", "K-5")).known_as is None, "RF1-11 is the receiver's own number"


REF = message("REF^I12", "1", rf1("P"), *PRDS, "PID|1||A1^^^MRN", sender="HIS|ALNOOR", at="20261123090000+0300")
RRI = message("RRI^I12", "2", "MSA|AA|1", rf1("A", own="K-5"), *PRDS, "PID|1||K1^^^MRN", at="20261123093000+0300")
WHOLE = [("ALNOOR", "accepted", True), ("KAMC", "accepted", False)]
ROWS = "SELECT facility, status, counted FROM referral ORDER BY 1"


@pytest.mark.parametrize("story", [(REF, RRI), (RRI, REF)])
async def test_the_cluster_counts_a_referral_once_where_it_was_sent(
    sealed_database: Database, story: tuple[str, ...]
) -> None:
    database = sealed_database
    async with gateway(database) as ports, sending(ports) as sender:
        for text in story:
            assert await sender.code(text) == "AA"
    assert await rows(database, ROWS) == WHOLE
    async with database.connect("analytics") as analytics:
        await Engine().full(analytics, NOW)
        written = await store.written(analytics)
    figures = {facility: written["referral.acceptance", facility] for facility in (CLUSTER, "ALNOOR", "KAMC")}
    assert {facility: (each.value, each.denominator) for facility, each in figures.items()} == {
        CLUSTER: (1.0, 1), "ALNOOR": (1.0, 1), "KAMC": (None, None),
    }  # fmt: skip
    assert [*(figures[CLUSTER].dimensions or {})["tier"]] == ["City > City"]


async def test_messages_that_are_read_again_give_the_same_sides(sealed_database: Database) -> None:
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        for text in (RRI, REF):
            assert await sender.code(text) == "AA"
    before = await facts(sealed_database)
    assert (await again(sealed_database)).changed == 0
    await empty(sealed_database, "referral", "statement")
    await again(sealed_database)
    assert await facts(sealed_database) == before


SYSTEM = "https://alnoor.example/referrals"
NUMBER = {"system": SYSTEM, "value": "R-1"}


def request(**more: Any) -> Document:
    usual: Document = {
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/P1"},
        "category": [concept("3457005")],
        "authoredOn": "2026-11-23T09:00:00+03:00",
        "identifier": [NUMBER],
        "requester": {"reference": "Organization/ALNOOR"},
    }
    return resource("ServiceRequest", "41", **usual | more)


def answer(focus: Document, requester: str | None = "ALNOOR") -> Document:
    by: Document = {"requester": {"reference": f"Organization/{requester}"}} if requester else {}
    return resource("Task", "T1", status="accepted", intent="order", focus=focus, **by)


PERSON = {"reference": "Practitioner/7"}


@pytest.mark.parametrize(
    ("sent", "focus", "requester"),
    [
        ({}, {"identifier": NUMBER}, "ALNOOR"),
        ({}, {"identifier": {"value": "R-1"}}, "ALNOOR"),  # the number of who refers, as in RF1-6
        ({}, {"reference": f"ServiceRequest?identifier={SYSTEM}|R-1"}, None),
        ({}, {"reference": "ServiceRequest/77", "identifier": NUMBER}, None),
        ({"requester": PERSON}, {"identifier": NUMBER}, None),
    ],
)
async def test_a_task_of_the_receiver_answers_the_request_of_who_refers(
    database: Database, sent: Document, focus: Document, requester: str | None
) -> None:
    async with gateway(with_fhir(database)) as ports:
        assert (await put(ports, request(**sent), feed="EMR|ALNOOR")).status == 200
        assert (await put(ports, answer(focus, requester))).status == 200
    assert await rows(database, ROWS) == WHOLE


async def test_an_id_of_a_server_is_no_name_of_a_referral_of_another(database: Database) -> None:
    """Each server counts from 1: 41 of KAMC's is something else than 41 of ALNOOR's."""
    async with gateway(with_fhir(database)) as ports:
        await put(ports, request(), feed="EMR|ALNOOR")
        await put(ports, answer({"reference": "ServiceRequest/41"}, None))
    assert await rows(database, ROWS) == [("ALNOOR", "submitted", True), ("KAMC", "accepted", True)]


async def test_a_request_over_fhir_is_answered_over_hl7(database: Database) -> None:
    async with gateway(with_fhir(database)) as ports, sending(ports) as sender:
        assert (await send(ports, "POST", "/fhir/ServiceRequest", request(), feed="EMR|ALNOOR")).status == 201
        assert await sender.code(RRI) == "AA"
    assert await rows(database, ROWS) == WHOLE
