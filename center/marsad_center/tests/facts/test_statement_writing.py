"""Statements in the database: the tables say what the log comes to, and codes that nobody has mapped are listed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from marsad_center.facts.code_maps import Used, used
from marsad_center.facts.events import (
    STATEMENTS,
    Appointment,
    Bed,
    Code,
    Diagnosis,
    Fact,
    Movement,
    OrderEvent,
    Referral,
)
from marsad_center.facts.registry_sync import sync
from marsad_center.facts.statements import derive
from marsad_center.facts.writing import Stated, write_facts
from marsad_center.registry import Center
from marsad_center.tests.conftest import CENTER, Database

NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
CARDIOLOGY = Code("L", "CARD", "قلب")


def minute(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def referral(at: float, status: str | None, **more: Any) -> Referral:
    return Referral(key="R1", event_at=minute(at), received_at=minute(at), status=status, **more)


async def write(database: Database, *facts: Fact, facility: str = "KAMC") -> None:
    async with database.connect("gateway") as connection, connection.transaction():
        await write_facts(connection, [Stated(facility, 1, fact) for fact in facts])


async def rows(database: Database, sql: str) -> list[dict[str, Any]]:
    async with database.connect("postgres") as connection:
        return [dict(row) for row in await connection.fetch(sql)]


async def test_every_kind_has_its_table_and_a_row_for_the_thing(database: Database) -> None:
    facts = [
        kind(key="K", event_at=minute(n), received_at=minute(n), status=state)
        for kind in STATEMENTS.values()
        for n, state in enumerate(kind.STATES)
    ]
    await write(database, *facts)
    for name in STATEMENTS:
        (row,) = await rows(database, f"SELECT * FROM {name}")
        assert (row["facility"], row["key"], row["source_at"] >= NOON) == ("KAMC", "K", True)
        assert row["status"] in STATEMENTS[name].STATES


async def test_the_order_of_arrival_over_several_transactions_does_not_matter(database: Database) -> None:
    story = [
        referral(0, "submitted", from_facility="PHC-7", to_facility="KAMC", specialty=CARDIOLOGY, urgency="urgent"),
        referral(30, "refused"),
        referral(60, "accepted"),
        referral(600, "seen", visit_key="V1"),
        referral(900, "reported"),
    ]
    seen = []
    for number, order in enumerate((story, story[::-1], random.Random(4).sample(story, 5))):
        for fact in order:
            await write(database, replace(fact, key=f"R{number}"))
        (row,) = await rows(database, f"SELECT * FROM referral WHERE key = 'R{number}'")
        seen.append({name: value for name, value in row.items() if name not in ("key", "updated_at")})
    assert seen[0] == seen[1] == seen[2]
    assert (seen[0]["status"], seen[0]["accepted_at"], seen[0]["refused_at"]) == ("reported", minute(60), None)
    assert (seen[0]["specialty_system"], seen[0]["specialty_code"], seen[0]["specialty_display"]) == CARDIOLOGY
    assert seen[0]["urgency"] == "urgent"


async def test_two_gateways_that_speak_of_one_thing_at_once_lose_nothing(database: Database) -> None:
    beds = [Bed(key="ED^R1^B1", event_at=minute(n), received_at=minute(n), status=Bed.STATES[n % 3]) for n in range(12)]
    await asyncio.gather(*(write(database, bed) for bed in random.Random(1).sample(beds, 12)))
    (bed,) = await rows(database, "SELECT status, since, source_at FROM bed")
    assert bed == {"status": Bed.STATES[11 % 3], "since": minute(11), "source_at": minute(11)}


async def test_of_a_bed_only_the_newest_is_read_again_and_it_comes_to_the_same(database: Database) -> None:
    chance = random.Random(7)
    beds = [
        Bed(key="W5^1^12", event_at=minute(chance.randrange(15)), received_at=minute(n), status=chance.choice("abc"))
        for n in range(40)
    ]
    named = [replace(bed, status={"a": "occupied", "b": "housekeeping", "c": None}[bed.status or "c"]) for bed in beds]
    for number, bed in enumerate(named, start=1):
        await write(database, bed)
        (row,) = await rows(database, "SELECT status, since FROM bed")
        whole = derive(replace(each, id=id_) for id_, each in enumerate(named[:number]))
        assert (row["status"], row["since"]) == (whole.status, whole.since)


async def test_a_code_of_no_standard_system_is_counted_and_listed_until_it_is_mapped(database: Database) -> None:
    async with database.connect("gateway") as connection:
        await sync(connection, Center.model_validate(CENTER))
    order = OrderEvent("O1", "", "", "lab", False, "WinPath", "us-0003", "Urea", NOON, None, None, NOON, "", False)
    standard = Diagnosis(key="V1^I21", event_at=NOON, received_at=NOON, status="stated", diagnosis=Code("I10", "I21"))
    visits = [
        Appointment(key=f"A{n}", event_at=minute(n), received_at=minute(n), specialty=CARDIOLOGY) for n in range(3)
    ]
    assert used("KAMC", Movement("V1", "P1", "A04", NOON, NOON, specialty="CAR")) == [
        Used("KAMC", "encounter", Code("", "CAR"), NOON)
    ]
    await write(database, order, standard, *visits)
    await write(database, *visits[:1])
    listed = "SELECT facility, kind, system, code, display, times, first_at, last_at FROM unmapped_code ORDER BY kind"
    assert [tuple(row.values()) for row in await rows(database, listed)] == [
        ("KAMC", "appointment", "L", "CARD", "قلب", 4, NOON, minute(2)),
        ("KAMC", "order", "WinPath", "us-0003", "Urea", 1, NOON, NOON),
    ]
    mapping = {"localSystem": "L", "localCode": "CARD", "system": "SCT", "code": "394579002", "display": "Cardiology"}
    for_all = {"localSystem": "WinPath", "localCode": "us-0003", "system": "LN", "code": "24320-4"}
    facilities = [dict(facility, codes=[mapping]) for facility in CENTER["facilities"]]
    mapped = CENTER | {"facilities": facilities, "codes": [for_all]}
    async with database.connect("gateway") as connection:
        await sync(connection, Center.model_validate(mapped))
    await write(database, order, *visits)
    assert await rows(database, listed) == []
    assert [row["facility"] for row in await rows(database, "SELECT facility FROM code_map ORDER BY 1")] == [
        "", "ALNOOR", "KAMC", "SFAC",
    ]  # fmt: skip


async def test_a_mapping_that_was_taken_back_is_no_longer_in_force(database: Database) -> None:
    mapping = {"localSystem": "L", "localCode": "CARD", "system": "SCT", "code": "394579002"}
    async with database.connect("gateway") as connection:
        await sync(connection, Center.model_validate(CENTER | {"codes": [mapping]}))
        await sync(connection, Center.model_validate(CENTER))
    await write(database, Appointment(key="A", event_at=NOON, received_at=NOON, specialty=CARDIOLOGY))
    assert [row["code"] for row in await rows(database, "SELECT code FROM unmapped_code")] == ["CARD"]
