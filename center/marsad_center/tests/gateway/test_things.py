"""Appointments, referrals, medicines and the rest through a running gateway: what was told, in whatever order."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import hl7
import pytest

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.playing import adt, code, gateway, message, sending
from marsad_center.tests.gateway.reading import segment

DAY = "20261123"


def utc(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=UTC)


def told(trigger: str, time: str, *segments: str) -> str:
    """A message of patient P1 at `time` (hours and minutes, in Riyadh); its control id is its own time and trigger."""
    at = f"{DAY}{time}00+0300"
    return message(trigger, f"{trigger}-{time}", "PID|1||P1^^^MRN||نورة", *segments, at=at)


def sch(status: str = "", start: str = "") -> str:
    return segment("SCH", f2="A-1", f8="VIDEO", f11=f"^^^{start}" if start else "", f25=status)


def rf1(status: str) -> str:
    return segment("RF1", f1=status, f2="A", f3="394579002^Cardiology^SCT", f6="R-1")


STORY = [
    told("SIU^S12", "0900", sch("Booked", f"{DAY}1400+0300"), segment("PV1", f2="O", f10="CAR")),
    told("SIU^S15", "0930", sch()),
    told("SIU^S13", "1000", sch(start=f"{DAY}1500+0300")),
    told("SIU^S26", "1520", sch()),
    told("SIU^S14", "1530", sch("Started")),  # he came after all
    told("REF^I12", "0900", rf1("P"), segment("PRD", f1="RP", f10="^^PHC-7"), segment("PRD", f1="RT", f10="^^KAMC")),
    told("RRI^I12", "0930", "MSA|AA|1", rf1("R"), "NTE|1||no bed"),
    told("RRI^I13", "1100", "MSA|AA|1", rf1("A")),
    told("REF^I13", "1130", rf1("P")),  # who referred does not know yet
    told("REF^I13", "1200", rf1("SEEN")),
    told("RDE^O11", "0900", f"ORC|NW|RX-1|||||||{DAY}0900+0300", "RXE||1191^Aspirin^RXNORM"),
    told("RDS^O13", "0940", "ORC|RE|RX-1", f"RXD|1|1191^Aspirin^RXNORM|{DAY}0935+0300"),
    told("VXU^V04", "0900", "ORC|RE||VX-1", segment("RXA", f3=f"{DAY}0850+0300", f5="208^COVID-19^CVX", f20="CP")),
    told("MDM^T02", "0900", segment("TXA", f2="DS", f12="D-1", f17="DO")),
    told("MDM^T10", "0930", segment("TXA", f2="DS", f12="D-2", f13="D-1", f17="AU")),
    told("ADT^A20", "0900", "NPU|W5^1^12|O"),
    told("ADT^A20", "1000", "NPU|W5^1^12|H"),
    told("ADT^A20", "1030", "NPU|W5^1^12|U"),
]
QUERIES = {
    "appointment": "status, starts_at, virtual, specialty_code, booked_at, cancelled_at, no_show_at, arrived_at",
    "referral": "status, from_facility, to_facility, specialty_system, urgency, submitted_at, accepted_at,"
    " refused_at, seen_at",
    "prescription": "status, medication_code, issued_at, dispensed_at",
    "vaccination": "status, vaccine_code, given_at",
    "document": "key, status, created_at, final_at, replaced_at",
    "bed": "key, status, since",
}
EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "appointment": [("arrived", utc(12), True, "CAR", utc(6), None, None, utc(12, 30))],
    "referral": [("seen", "PHC-7", "KAMC", "SCT", "asap", utc(6), utc(8), None, utc(9))],
    "prescription": [("dispensed", "1191", utc(6), utc(6, 35))],
    "vaccination": [("given", "208", utc(5, 50))],
    "document": [("D-1", "replaced", utc(6), None, utc(6, 30)), ("D-2", "final", None, utc(6, 30), None)],
    "bed": [("W5^1^12", "unoccupied", utc(7, 30))],
}


async def tables(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    async with database.connect("postgres") as connection:
        found = {
            name: await connection.fetch(f"SELECT {columns} FROM {name} ORDER BY key")
            for name, columns in QUERIES.items()
        }
    return {name: [tuple(row) for row in rows] for name, rows in found.items()}


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
async def test_a_day_comes_to_the_same_in_whatever_order_and_however_often_it_is_told(
    database: Database, seed: int | None
) -> None:
    day = list(STORY)
    if seed is not None:
        random.Random(seed).shuffle(day)
        day += day[::4]  # sent again, byte for byte
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.send(*day)
        assert {code(await sender.receive()) for _ in day} == {"AA"}
    assert await tables(database) == EXPECTED


async def test_the_documents_and_specialties_of_the_shared_file_are_what_the_hl7_library_reads(
    database: Database, simhospital: list[bytes]
) -> None:
    raws = [raw for raw in simhospital if b"|MDM^" in raw or b"|ADT^A01" in raw]
    parsed = [hl7.parse(raw.decode("ascii")) for raw in raws]
    documents = {
        (str(m.segment("TXA")[12]), str(m.segment("TXA")[2]), "created")
        for m in parsed
        if "MDM" in str(m.segment("MSH")[9])
    }
    visits = {
        (str(m.segment("PV1")[19]).split("^")[0], str(m.segment("PV1")[10]) or None)
        for m in parsed
        if "ADT" in str(m.segment("MSH")[9])
    }
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.send(*raws)
        for _ in raws:
            await sender.receive()
    async with database.connect("postgres") as connection:
        assert {tuple(row) for row in await connection.fetch("SELECT key, category_code, status FROM document")} == (
            documents
        )
        assert {tuple(row) for row in await connection.fetch("SELECT visit_key, specialty FROM encounter")} == visits
        listed = await connection.fetch("SELECT system, code, times FROM unmapped_code WHERE kind = 'document'")
    assert {(row["system"], row["code"], row["times"]) for row in listed} == {
        ("", kind, sum(each == kind for _key, each, _status in documents)) for _key, kind, _status in documents
    }


async def test_a_diagnosis_that_is_not_listed_any_more_stays_until_it_is_taken_back(database: Database) -> None:
    """HL7 v2.5.1 2.10.4: action-code mode (PROFILE.md); an admitting diagnosis is not wrong because A03 has another."""
    texts = [
        adt("A01", "1", more=("DG1|1||I21.9^Infarction^I10|||A", "DG1|2||R07.4^Chest pain^I10|||A")),
        adt("A03", "2", at="20261123120000+0300", more=("DG1|1||I21.4^NSTEMI^I10|||F",)),
        adt("A08", "3", at="20261123130000+0300", more=('DG1|1||""',)),
        adt("A08", "4", at="20261123140000+0300", more=(segment("DG1", f1="1", f3="R07.4^^I10", f21="D"),)),
    ]
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.send(*texts)
        assert {code(await sender.receive()) for _ in texts} == {"AA"}
    async with database.connect("postgres") as connection:
        found = await connection.fetch("SELECT diagnosis_code, role, status FROM diagnosis ORDER BY 1")
    assert [tuple(row) for row in found] == [
        ("I21.4", "final", "stated"),
        ("I21.9", "admitting", "stated"),
        ("R07.4", "admitting", "deleted"),
    ]


async def test_an_emergency_visit_says_how_when_and_by_whom(database: Database) -> None:
    """The marks of crowding: offload, first bed, decision, ventilation, and who left unseen (domain.md, ICMED)."""
    moment = "OBX|1|TS|{}^^99MARSAD||20261123{}00+0300||||||F"
    story = [
        adt("A04", "1", place="ED", at=f"{DAY}100000+0300", more=(segment("PV2", f38="A"),)),
        adt("A08", "2", place="ED", at=f"{DAY}101500+0300", more=(moment.format("AMBULANCE-OFFLOAD", "1012"),)),
        adt("A02", "3", place="ED^R1^B1", at=f"{DAY}103000+0300"),
        adt("A08", "4", at=f"{DAY}110000+0300", more=("OBX|1|ST|VENTILATED^^99MARSAD||Y", "DG1|1||J96.0^Failure^I10")),
        adt("A08", "5", at=f"{DAY}120000+0300", more=(moment.format("ADMIT-DECISION", "1150"),)),
        adt("A04", "6", "V2", at=f"{DAY}100000+0300"),
        adt("A03", "7", "V2", at=f"{DAY}113000+0300").replace("|V2|", f"|V2{'|' * 17}LWBS|", 1),
    ]
    async with gateway(database) as ports, sending(ports) as sender:
        for text in reversed(story):
            assert await sender.code(text) == "AA"
    async with database.connect("postgres") as connection:
        first = await connection.fetchrow(
            "SELECT arrival_mode, offloaded_at, bedded_at, ventilated, decided_at FROM encounter WHERE visit_key = 'V1'"
        )
        left = await connection.fetchval("SELECT disposition FROM encounter WHERE visit_key = 'V2'")
        coded = await connection.fetchrow(
            "SELECT visit_key, diagnosis_system, diagnosis_code, stated_at FROM diagnosis"
        )
    assert tuple(first) == ("ambulance", utc(7, 12), utc(7, 30), True, utc(8, 50))
    assert left == "LWBS"
    assert tuple(coded) == ("V1", "I10", "J96.0", utc(8))
