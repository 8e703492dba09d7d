"""What says no version is a repetition only while it is the newest: a state that comes back is told of again."""

from __future__ import annotations

import asyncio
import json
from itertools import cycle, groupby
from typing import Any, NamedTuple

import pytest

from marsad_center.gateway.service import Ports
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import (
    Answer,
    Document,
    bundle,
    concept,
    encounter,
    put,
    resource,
    rows,
    send,
)
from marsad_center.tests.gateway.playing import gateway
from marsad_center.tests.gateway.test_upkeep import run

REFERRAL: Document = {"focus": {"reference": "ServiceRequest/R1"}, "intent": "order"}


def bed(state: str, id_: str = "B1", **meta: str) -> Document:
    operational = {"system": "http://terminology.hl7.org/CodeSystem/v2-0116", "code": state}
    kind = concept("bd", "http://terminology.hl7.org/CodeSystem/location-physical-type")
    return resource("Location", id_, updated=None, physicalType=kind, operationalStatus=operational, **meta)


class Told(NamedTuple):
    """Two versions of one thing that say no version, and the state that each leaves it in."""

    versions: dict[str, Document]
    states: dict[str, str]
    sql: str


THINGS = {
    "bed": Told(
        {"A": bed("U"), "B": bed("O")}, {"A": "unoccupied", "B": "occupied"}, "SELECT status FROM bed WHERE key ~ 'B1'"
    ),
    "visit": Told(
        {"A": encounter(updated=None), "B": encounter(updated=None, status="cancelled")},
        {"A": "present", "B": "cancelled"},
        "SELECT state FROM encounter WHERE visit_key = 'V1'",
    ),
    "referral": Told(
        {
            "A": resource("Task", "T1", updated=None, status="accepted", **REFERRAL),
            "B": resource("Task", "T1", updated=None, status="rejected", **REFERRAL),
        },
        {"A": "accepted", "B": "refused"},
        "SELECT status FROM referral WHERE key = 'R1'",
    ),
}
COUNTS = "SELECT accepted, duplicate, rejected FROM feed_counter WHERE received > 0"


async def one(ports: Ports, content: Document) -> Answer:
    return await put(ports, content)


async def transaction(ports: Ports, content: Document) -> Answer:
    entry = (f"PUT {content['resourceType']}/{content['id']}", content)
    return await send(ports, "POST", "/fhir", bundle("transaction", entry))


def runs(story: str) -> int:
    """How often the state changes, from none at first."""
    return len(list(groupby(story)))


@pytest.mark.parametrize("name", THINGS)
@pytest.mark.parametrize("say", [one, transaction])
@pytest.mark.parametrize("gateways", [1, 2])
async def test_each_change_is_taken_and_only_the_newest_repeated_is_a_repetition(
    database: Database, name: str, say: Any, gateways: int
) -> None:
    told = THINGS[name]
    async with gateway(database) as first, gateway(database) as second:
        takers = cycle([first, second][:gateways])
        for number, story in enumerate(("A", "AA", "BAA", "BBABABAA")):
            before = await rows(database, "SELECT count(*) FROM message")
            answers = [await say(next(takers), told.versions[letter]) for letter in story]
            assert {each.status for each in answers} == {200}
            assert await rows(database, told.sql) == [(told.states[story[-1]],)]
            after = await rows(database, "SELECT count(*) FROM message")
            new = runs(story) - (number > 0 and story[0] == "A")  # the story before ended with A
            assert after[0][0] - before[0][0] == new
    assert await rows(database, COUNTS) == [(9, 5, 0)]


@pytest.mark.parametrize("name", THINGS)
async def test_within_one_batch_the_order_of_the_entries_holds(database: Database, name: str) -> None:
    told = THINGS[name]
    others = [(f"PUT Patient/P{number}", resource("Patient", f"P{number}")) for number in range(70)]

    def entries(story: str) -> list[tuple[str, Document]]:
        return [(f"PUT {each['resourceType']}/{each['id']}", each) for each in map(told.versions.__getitem__, story)]

    async with gateway(database) as ports:
        for story, stored in (("ABA", 3), ("AABBA", 5), ("BAB", 8)):
            answer = await send(ports, "POST", "/fhir", bundle("batch", *entries(story)))
            assert {each["response"]["status"] for each in answer.body["entry"]} == {"200 OK"}
            assert await rows(database, told.sql) == [(told.states[story[-1]],)], story
            assert await rows(database, "SELECT count(*) FROM message") == [(stored,)]
        far = [*entries("A"), *others[:35], *entries("B"), *others[35:], *entries("A")]
        assert (await send(ports, "POST", "/fhir", bundle("batch", *far))).status == 200
    assert await rows(database, told.sql) == [(told.states["A"],)]


async def test_two_gateways_at_once_store_what_is_the_same_once_and_what_is_not_both(database: Database) -> None:
    told = THINGS["bed"]
    async with gateway(database) as first, gateway(database) as second:
        both = [first, second]
        answers = await asyncio.gather(*(one(ports, told.versions["A"]) for ports in both * 4))
        assert {each.status for each in answers} == {200}
        assert await rows(database, COUNTS) == [(1, 7, 0)]
        for _round in range(3):
            turns = [one(ports, told.versions[letter]) for ports, letter in zip(both * 3, "BABABA", strict=True)]
            assert {each.status for each in await asyncio.gather(*turns)} == {200}
            for letter in "BA":
                await one(second, told.versions[letter])
                assert await rows(database, told.sql) == [(told.states[letter],)]


async def test_a_transaction_is_repeated_only_while_it_is_the_newest_of_all_its_things(database: Database) -> None:
    both = bundle("transaction", ("PUT Location/B1", bed("O")), ("PUT Location/B2", bed("O", "B2")))
    async with gateway(database) as ports:
        first = await send(ports, "POST", "/fhir", both)
        again = await send(ports, "POST", "/fhir", both)
        assert again.raw == first.raw
        assert await rows(database, COUNTS) == [(1, 1, 0)]
        assert (await put(ports, bed("U"))).status == 200
        assert (await send(ports, "POST", "/fhir", both)).raw == first.raw
    assert await rows(database, COUNTS) == [(3, 1, 0)]
    assert await rows(database, "SELECT status FROM bed") == [("occupied",)] * 2


async def test_a_version_in_between_is_newer_than_what_said_none_before_it(database: Database) -> None:
    numbered = bundle("transaction", ("PUT Location/B1", bed("O")), identifier={"value": "N1"}, meta={"versionId": "1"})
    async with gateway(database) as ports:
        await put(ports, bed("U"))
        for _again in range(2):
            await send(ports, "POST", "/fhir", numbered)
        await put(ports, bed("U"))
        await send(ports, "POST", "/fhir", numbered)  # known by its version for ever
    assert await rows(database, COUNTS) == [(3, 2, 0)]
    assert await rows(database, "SELECT status FROM bed") == [("unoccupied",)]


async def test_what_says_its_version_is_one_message_for_ever(database: Database) -> None:
    old = encounter(version="1")
    new = encounter(version="2", updated="2026-11-23T13:00:00+03:00", status="cancelled")
    async with gateway(database) as ports:
        for each in (old, new, old):
            assert (await put(ports, each)).status == 200
            assert (await transaction(ports, each)).status == 200
    assert await rows(database, COUNTS) == [(4, 2, 0)]
    assert await rows(database, "SELECT state FROM encounter") == [("cancelled",)]
    assert await rows(database, "SELECT count(*) FROM newest_version") == [(0,)], "kept of what says no version only"


async def test_of_senders_each_repeats_itself(database: Database) -> None:
    told = THINGS["visit"]
    async with gateway(database) as ports:
        for feed in ("EMR|KAMC", "EMR|ALNOOR"):
            for _again in range(2):
                assert (await put(ports, told.versions["A"], feed=feed)).status == 200
    assert await rows(database, COUNTS) == [(1, 1, 0)] * 2


async def test_what_is_replayed_is_as_old_as_its_receipt(sealed_database: Database) -> None:
    """It was refused first, and what came since is newer: when it is said again after that, it is a change."""
    told = THINGS["bed"]

    async def say(letter: str) -> int:
        async with gateway(sealed_database) as ports:
            return (await put(ports, told.versions[letter], feed="EMR|NEW")).status

    assert await say("A") == 403
    path = sealed_database.folder / "center.json"
    center = json.loads(path.read_text())
    feed = {"name": "new", "sendingApplication": "EMR", "sendingFacility": "NEW", "transport": "FHIR"}
    center["facilities"][0]["feeds"].append(feed)
    path.write_text(json.dumps(center))
    assert await say("B") == 200
    ran = await run(sealed_database, "quarantine", "replay", "--all", "--json")
    assert [each["outcome"] for each in ran.json["outcomes"]] == ["stored"]
    assert await rows(sealed_database, "SELECT status FROM bed") == [("occupied",)]
    for letter, stored, status in (("B", 2, "occupied"), ("A", 3, "unoccupied")):
        assert await say(letter) == 200
        assert await rows(sealed_database, "SELECT count(*) FROM message") == [(stored,)]
        assert await rows(sealed_database, "SELECT status FROM bed") == [(status,)]
