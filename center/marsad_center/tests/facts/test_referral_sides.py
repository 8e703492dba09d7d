"""A referral of which both sides tell is one: whoever tells first, of whatever, over however many transactions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from marsad_center.facts.events import Code, Referral
from marsad_center.facts.hiding import hidden
from marsad_center.facts.referral_sides import Place, Side, by_authority, by_facility, referrals, rows
from marsad_center.facts.statements import derive
from marsad_center.facts.writing import Stated, write_facts
from marsad_center.keys import Keys
from marsad_center.tests.conftest import Database

NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
NAME = by_facility("ALNOOR", "R-1")
OID = by_authority("1.2.3", "R-1")


def told(key: str, minute: int, status: str | None, **more: Any) -> Referral:
    at = NOON + timedelta(minutes=minute)
    usual: dict[str, Any] = {"origin": "ALNOOR", "known_as": (NAME,)}
    return Referral(key=key, event_at=at, received_at=at, status=status, **usual | more)


SENT = {"from_facility": "ALNOOR", "to_facility": "KAMC", "specialty": Code("L", "CAR"), "patient_key": "A"}
STORY = [
    ("ALNOOR", told("R-1", 0, "submitted", **SENT)),
    ("KAMC", told("ALNOOR^R-1", 30, "refused", refusal=Code("L", "NO-BED"), specialty=Code("K", "7"), patient_key="K")),
    ("ALNOOR", told("R-1", 40, "submitted")),  # again: who refers has not heard yet
    ("KAMC", told("ALNOOR^R-1", 60, "accepted", refusal=Code("", ""))),
    ("KAMC", told("ALNOOR^R-1", 600, "seen", visit_key="V")),
    ("ALNOOR", told("R-1", 900, "reported")),
]


async def write(database: Database, *facts: tuple[str, Referral], message: int = 1) -> None:
    async with database.connect("gateway") as connection, connection.transaction():
        await write_facts(connection, [Stated(facility, message, fact) for facility, fact in facts])


async def table(database: Database, *more: str) -> list[dict[str, Any]]:
    async with database.connect("postgres") as connection:
        found = await connection.fetch(f"SELECT * FROM referral ORDER BY facility, key{''.join(more)}")
    return [{name: value for name, value in row.items() if name != "updated_at"} for row in found]


async def test_both_sides_rows_say_what_both_told_and_the_senders_counts(database: Database) -> None:
    await write(database, *STORY)
    sender, receiver = await table(database)
    assert [sender["counted"], receiver["counted"]] == [True, False]
    for row in (sender, receiver):
        assert (row["status"], row["refusal_code"], row["from_facility"], row["to_facility"]) == (
            "reported", "", "ALNOOR", "KAMC",
        )  # fmt: skip
        times = [row[f"{state}_at"] for state in ("submitted", "accepted", "seen", "reported", "refused")]
        assert times == [*(NOON + timedelta(minutes=each) for each in (0, 60, 600, 900)), None]
    assert [(row["patient_key"], row["visit_key"], row["specialty_code"]) for row in (sender, receiver)] == [
        ("A", "", "CAR"), ("K", "V", "7"),
    ]  # fmt: skip


async def test_whoever_tells_first_the_rows_are_the_same(database: Database) -> None:
    seen = []
    for order in (STORY, STORY[::-1], random.Random(3).sample(STORY, 6)):
        async with database.connect("postgres") as connection:
            await connection.execute("TRUNCATE referral, statement")
        for each in order:
            await write(database, each)
        seen.append(await table(database))
    assert seen[0] == seen[1] == seen[2]
    assert [row["status"] for row in seen[0]] == ["reported", "reported"]


async def test_two_gateways_that_tell_of_the_two_sides_at_once_lose_nothing(database: Database) -> None:
    for number in range(6):
        name = by_facility("ALNOOR", f"{number}")
        story = [(facility, replace(fact, known_as=(name,), key=f"{fact.key}-{number}")) for facility, fact in STORY]
        await asyncio.gather(*(write(database, each) for each in random.Random(number).sample(story, 6)))
    found = await table(database)
    assert [(row["facility"], row["status"], row["counted"]) for row in found] == [
        *[("ALNOOR", "reported", True)] * 6, *[("KAMC", "reported", False)] * 6,
    ]  # fmt: skip


async def test_of_what_one_side_says_the_other_facility_is_told(database: Database) -> None:
    """Its figures change, though no message of its own came."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with database.connect("analytics") as listening:
        await listening.add_listener("facts", lambda *said: heard.put_nowait(str(said[-1])))
        await write(database, STORY[0])
        await write(database, STORY[1])
        async with asyncio.timeout(30):
            assert "ALNOOR" in await heard.get()


async def test_a_name_that_was_wrong_and_is_put_right_leaves_two_referrals(database: Database) -> None:
    """As when a stored message is read again (facts/replacing.py)."""
    await write(database, STORY[0])
    await write(database, STORY[1], message=2)
    async with database.connect("gateway") as connection, connection.transaction():
        await connection.execute("DELETE FROM statement WHERE message_id = 2")
        wrong = replace(STORY[1][1], known_as=(by_facility("ALNOOR", "R-2"),))
        await write_facts(connection, [Stated("KAMC", 2, wrong)])
    sender, receiver = await table(database)
    assert [(row["status"], row["counted"], row["submitted_at"]) for row in (sender, receiver)] == [
        ("submitted", True, NOON), ("refused", True, None),
    ]  # fmt: skip


def sides(*told_by: tuple[str, Referral]) -> list[Side]:
    logs: dict[Place, list[Referral]] = {}
    for facility, fact in told_by:
        logs.setdefault((facility, "referral", fact.key), []).append(fact)
    return [Side(place, log, derive(log)) for place, log in sorted(logs.items())]


def joined(*told_by: tuple[str, Referral]) -> list[list[str]]:
    return [[side.own.key for side in each] for each in referrals(sides(*told_by))]


def test_a_universal_identifier_joins_where_nobody_says_who_refers() -> None:
    nobody: dict[str, Any] = {"origin": None, "known_as": (OID,)}
    assert joined(("ALNOOR", told("a", 0, "submitted", **nobody)), ("KAMC", told("k", 1, "accepted", **nobody))) == [
        ["a", "k"]
    ]


def test_a_vendors_identifier_that_is_the_same_in_two_hospitals_joins_nothing() -> None:
    own = told("a", 0, "submitted", known_as=(NAME, OID))
    others = told("k", 1, "submitted", origin="KAMC", known_as=(by_facility("KAMC", "R-1"), OID))
    assert joined(("ALNOOR", own), ("KAMC", others)) == [["a"], ["k"]]
    answer = told("ka", 2, "accepted", known_as=(NAME, OID))
    assert joined(("ALNOOR", own), ("KAMC", others), ("KAMC", answer)) == [["a", "ka"], ["k"]]


def test_names_that_lead_from_one_who_refers_to_another_join_nothing() -> None:
    first = told("a", 0, "submitted")
    other = told("k", 0, "submitted", origin="KAMC", known_as=("x",))
    between = told("s", 1, "accepted", origin=None, known_as=(NAME, "x"))
    assert joined(("ALNOOR", first), ("KAMC", other), ("SFAC", between)) == [["a"], ["k"], ["s"]]


def test_where_who_refers_does_not_tell_the_first_to_tell_counts() -> None:
    logs: Mapping[Place, Sequence[Referral]] = {
        ("KAMC", "referral", "k"): [told("k", 5, "submitted")],
        ("SFAC", "referral", "s"): [told("s", 1, "submitted")],
    }
    assert [(row["facility"], row["counted"]) for row in rows(logs)] == [("KAMC", False), ("SFAC", True)]


def test_the_names_are_tokens_that_all_facilities_share_and_the_numbers_are_not() -> None:
    keys = Keys({1: "s" * 32}, "t" * 32)
    here, there = (hidden(STORY[0][1], facility, keys) for facility in ("ALNOOR", "KAMC"))
    assert isinstance(here, Referral)
    assert isinstance(there, Referral)
    assert here.known_as == there.known_as != (NAME,)
    assert here.key != there.key


_STATES = st.sampled_from([*Referral.STATES, None])


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 50), _STATES), min_size=1, max_size=9, unique_by=lambda e: e[1]),
    st.randoms(use_true_random=False),
)
def test_whatever_the_two_tell_both_rows_stand_as_if_one_had_told_it(
    story: list[tuple[bool, int, str | None]], chance: random.Random
) -> None:
    """A second way: all of it as one facility's, which is what a referral was before it had sides."""
    alone = derive(told("R-1", minute, status) for _mine, minute, status in story)
    logs: dict[Place, list[Referral]] = {}
    for mine, minute, status in chance.sample(story, len(story)):
        facility, key = ("ALNOOR", "R-1") if mine else ("KAMC", "ALNOOR^R-1")
        logs.setdefault((facility, "referral", key), []).append(told(key, minute, status))
    found = rows(logs)
    assert sum(row["counted"] for row in found) == 1
    for row in found:
        assert row["status"] == alone.status
        for state in Referral.STATES:
            entered = alone.entered.get(state)
            assert row[f"{state}_at"] == (entered and entered.isoformat())
