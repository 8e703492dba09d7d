"""One person is known by national identifiers in all facilities, by merges within one, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from marsad_center.facts.events import Identified
from marsad_center.gateway import hl7, identity
from marsad_center.gateway.identity import Identifier
from marsad_center.keys import load
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.playing import gateway, message, sending


def pid(field: str) -> tuple[hl7.Message, hl7.Segment]:
    parsed = hl7.parse(message("ADT^A28", "1", f"PID|1||{field}").encode())
    segment = parsed.first("PID")
    assert segment is not None
    return parsed, segment


def test_every_repetition_is_read_with_authority_and_type() -> None:
    parsed, segment = pid(r"P\T\1^^^KAMC&2.16.1&ISO^mr~~1098765432^^^&2.16.682&ISO^NI~\"\"^^^X^MR~ ")
    assert identity.identifiers(segment, 3, parsed.header.delimiters)[:2] == [
        Identifier("P&1", "KAMC", "MR", "2.16.1"),
        Identifier("1098765432", "2.16.682", "NI", "2.16.682"),
    ]


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("P1", "P1"),
        ("P1^^^KAMC^MR~109^^^MOI^NI", "P1"),
        ("109^^^MOI^NI~P1^^^KAMC^MR", "P1"),
        ("109^^^MOI^NI~X9^^^KAMC^PI~P1^^^KAMC^MR", "P1"),
        ("109^^^^NNSAU~P1^^^KAMC", "P1"),
        ("109^^^MOI^NI~A12^^^MOFA^PPN", "109"),
        ("", ""),
    ],
)
def test_the_senders_own_number_is_the_key_wherever_it_stands(field: str, key: str) -> None:
    """HL7 v2.5.1 chapter 3.4.2.3: PID-3 repeats, and no order is given."""
    parsed, segment = pid(field)
    assert identity.key(segment, 3, parsed.header.delimiters) == key


@pytest.mark.parametrize(
    ("identifier", "national"),
    [
        (Identifier("1", "MOI", "NI"), True),
        (Identifier("1", "", "NI"), False),
        (Identifier("1", "", "NNSAU"), True),
        (Identifier("1", "KAMC", "MR"), False),
        (Identifier("1", "", ""), False),
        (Identifier("1", "SAU", "PPN"), True),
    ],
)
def test_only_what_means_the_same_everywhere_links(identifier: Identifier, national: bool) -> None:
    assert identifier.national is national


def test_an_authority_is_known_by_its_name_and_by_its_universal_id() -> None:
    field = (
        "P1^^^KAMC&1.2.3&ISO^MR~109^^^MOI&2.16.682&ISO^NI~77^^^MOI^PPN~66^^^^NNSAU~5^^^&urn:oid:2.16&URI^SS~9^^^B^PI"
    )
    parsed, _segment = pid(field)
    found = [each for each in identity.facts(parsed) if isinstance(each, Identified)]
    assert [(each.identifier, each.within) for each in found] == [
        ("1.2.3^P1", True),
        ("NI^MOI^109", False),
        ("NI^2.16.682^109", False),
        ("PPN^MOI^77", False),
        ("NNSAU^^66", False),
        ("SS^2.16^5", False),
    ]


KAMC, ALNOOR = "HIS|KAMC", "HIS|ALNOOR"


def known(control: str, field: str, sender: str = KAMC) -> str:
    return message("ADT^A28", control, f"PID|1||{field}", sender=sender)


async def person(database: Database, facility: str, patient: str) -> set[tuple[str, str]]:
    """Everybody who is the same person, by the numbers of those asked about here."""
    keys = load(database.keys)
    names = {
        (code, keys.token(("patient", code), number)): (code, number)
        for code in ("KAMC", "ALNOOR")
        for number in ("P1", "P2", "P3", "Q1", "Q2")
    }
    async with database.connect("gateway") as connection:
        token = keys.token(("patient", facility), patient)
        rows: list[Any] = await connection.fetch("SELECT * FROM same_person($1, $2)", facility, token)
    return {names[row[0], row[1]] for row in rows}


async def test_one_person_in_two_facilities_is_found_by_the_national_number_and_merges(
    sealed_database: Database,
) -> None:
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        for text in (
            known("1", "P1^^^KAMC^MR~1098765432^^^MOI^NI"),
            known("2", "2098765432^^^MOI^NI~Q2^^^ALNOOR^MR", ALNOOR),
            known("3", "1098765432^^^MOI^NI~Q1^^^ALNOOR^MR", ALNOOR),
            known("4", "P3^^^KAMC^MR~1098765432^^^OTHER^NI"),  # another authority's number is another number
            message("ADT^A40", "5", "PID|1||P1^^^KAMC^MR", "MRG|P2^^^KAMC^MR"),
        ):
            assert await sender.code(text) == "AA"
    everybody = {("KAMC", "P1"), ("KAMC", "P2"), ("ALNOOR", "Q1")}
    assert await person(sealed_database, "KAMC", "P2") == everybody
    assert await person(sealed_database, "ALNOOR", "Q1") == everybody
    assert await person(sealed_database, "ALNOOR", "Q2") == {("ALNOOR", "Q2")}
    assert await person(sealed_database, "KAMC", "P3") == {("KAMC", "P3")}
    async with sealed_database.connect("postgres") as connection:
        text = repr([dict(row) for row in await connection.fetch("SELECT * FROM person_link")])
    assert "1098765432" not in text


async def test_merges_stay_on_record_with_their_time(sealed_database: Database) -> None:
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        for number, (survivor, merged) in enumerate((("P2", "P1"), ("P3", "P2"), ("P1", "P3"))):
            at = f"2026112310{number}000+0300"
            text = message("ADT^A40", str(number), f"EVN|A40|{at}", f"PID|1||{survivor}", f"MRG|{merged}", at=at)
            assert await sender.code(text) == "AA"
    keys = load(sealed_database.keys)
    names = {keys.token(("patient", "KAMC"), number): number for number in ("P1", "P2", "P3")}
    async with sealed_database.connect("gateway") as connection:
        log = await connection.fetch("SELECT merged, survivor FROM patient_merge_log ORDER BY event_at")
        now = await connection.fetch("SELECT merged, stays FROM patient_merge")
    assert [(names[row[0]], names[row[1]]) for row in log] == [("P1", "P2"), ("P2", "P3"), ("P3", "P1")]
    assert {(names[row[0]], names[row[1]]) for row in now} == {("P2", "P1"), ("P3", "P1")}
