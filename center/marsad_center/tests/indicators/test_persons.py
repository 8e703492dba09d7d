"""Persons and their vaccinations are kept as links, merges, vaccinations and declarations change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from marsad_center.indicators.persons import Keeper, PersonMetrics, keep
from marsad_center.tests.conftest import Database
from marsad_center.tests.indicators.everybody import TABLES, differences, persons, rows, settle
from marsad_center.tests.indicators.rows import Rows

NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)
PLACES = ("KAMC", "ALNOOR")
KEYS = [f"P{number}" for number in range(6)]
LINK = "INSERT INTO person_link VALUES ($1, $2, $3, 1) ON CONFLICT DO NOTHING"
UNLINK = "DELETE FROM person_link WHERE (facility, patient_key, identifier) = ($1, $2, $3)"
MERGE = """
INSERT INTO patient_merge (facility, merged, survivor, event_at, message_id) VALUES ($1, $2, $3, now(), 1)
ON CONFLICT (facility, merged) DO UPDATE SET survivor = excluded.survivor"""
UNMERGE = "DELETE FROM patient_merge WHERE facility = $1 AND merged = $2"
VACCINATE = """
INSERT INTO vaccination (facility, key, patient_key, vaccine_system, vaccine_code, status, source_at)
VALUES ($1, $2, $3, $4, $5, $6, now()) ON CONFLICT (facility, key) DO UPDATE SET patient_key = excluded.patient_key,
    vaccine_system = excluded.vaccine_system, vaccine_code = excluded.vaccine_code, status = excluded.status"""
UNVACCINATE = "DELETE FROM vaccination WHERE facility = $1 AND key = $2"
MAP = """
INSERT INTO code_map VALUES ($1, $2, $3, $4, $5) ON CONFLICT (facility, local_system, local_code) DO UPDATE
    SET (system, code) = (excluded.system, excluded.code)"""
UNMAP = "DELETE FROM code_map WHERE (facility, local_system, local_code) = ($1, $2, $3)"
DECLARE = "UPDATE facility SET vaccination = $2 WHERE code = $1"
ACTIVE = "UPDATE facility SET active = $2 WHERE code = $1"

Change = tuple[str, tuple[Any, ...]]


def group(name: str = "measles", *codes: str, population: int = 100) -> dict[str, Any]:
    return {"name": name, "codes": [{"system": "CVX", "code": code} for code in codes or ("03",)]} | {
        "population": population
    }


async def declare(connection: asyncpg.Connection, facility: str, *groups: dict[str, Any]) -> None:
    await connection.execute(DECLARE, facility, json.dumps(groups))


async def vaccinate(connection: asyncpg.Connection, facility: str, patient: str, code: str = "03") -> None:
    await connection.execute(VACCINATE, facility, f"{patient}-{code}", patient, "CVX", code, "given")


async def counts(connection: asyncpg.Connection) -> dict[tuple[str, str], int]:
    return {(f, g): n for f, g, n in await rows(connection, "SELECT * FROM vaccinated_count")}


_place, _key = st.sampled_from(PLACES), st.sampled_from(KEYS)
_vaccine = st.sampled_from([("CVX", "03"), ("CVX", "94"), ("L", "MMR"), ("L", "VZ")])
_groups = st.lists(
    st.builds(
        lambda name, codes: {"name": name, "population": 9, "codes": [{"system": s, "code": c} for s, c in codes]},
        st.sampled_from(["measles", "varicella"]),
        st.lists(_vaccine, min_size=1, max_size=3, unique=True),
    ),
    max_size=2,
    unique_by=lambda each: each["name"],
)


def _change(sql: str, *values: st.SearchStrategy[Any]) -> st.SearchStrategy[Change]:
    return st.tuples(st.just(sql), st.tuples(*values))


_link = _change(LINK, _place, _key, st.sampled_from(["A", "B", "C", "D"]))
_vaccination = st.builds(
    lambda facility, key, patient, vaccine, status: (VACCINATE, (facility, key, patient, *vaccine, status)),
    _place,
    st.sampled_from(["V1", "V2", "V3", "V4"]),
    st.one_of(_key, _key, _key, st.just("")),
    _vaccine,
    st.sampled_from(["given", "given", "given", "refused", "deleted", None]),
)
_changes = st.one_of(
    _link,
    _link,
    _change(UNLINK, _place, _key, st.sampled_from(["A", "B", "C", "D"])),
    _change(MERGE, _place, _key, _key).filter(lambda change: change[1][1] != change[1][2]),
    _change(UNMERGE, _place, _key),
    _vaccination,
    _vaccination,
    _change(UNVACCINATE, _place, st.sampled_from(["V1", "V2", "V3"])),
    _change(DECLARE, _place, _groups.map(json.dumps)),
    _change(ACTIVE, _place, st.booleans()),
    st.builds(
        lambda facility, local, vaccine: (MAP, (facility, *local, *vaccine)),
        st.sampled_from(["", *PLACES]),
        _vaccine,
        _vaccine,
    ),
    st.builds(
        lambda facility, local: (UNMAP, (facility, *local)),
        st.sampled_from(["", *PLACES]),
        _vaccine,
    ),
)


@given(
    first=st.tuples(_groups, _groups),
    steps=st.lists(st.tuples(st.lists(_changes, max_size=12), st.integers(0, 3)), min_size=1, max_size=8),
    most=st.sampled_from([1, 2, 5, 500]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_what_is_kept_is_what_everything_at_once_gives(
    database: Database, first: Any, steps: list[tuple[list[Change], int]], most: int
) -> None:
    """`steps`: what is committed together, and how many batches are kept after it; now and then all that is left."""
    async with (
        database.connect("owner") as owner,
        database.connect("gateway") as gateway,
        database.connect("analytics") as analytics,
    ):
        await owner.execute(f"TRUNCATE {', '.join(TABLES)}, facility, feed, feed_counter CASCADE")
        await owner.execute("ALTER TABLE patient_merge DROP CONSTRAINT IF EXISTS patient_merge_message_id_fkey")
        await Rows(gateway).registry()
        for facility, declared in zip(PLACES, first, strict=True):
            await gateway.execute(DECLARE, facility, json.dumps(declared))
        for changes, batches in steps:
            async with gateway.transaction():
                for sql, values in changes:
                    await gateway.execute(sql, *values)
            for _ in range(batches):
                await keep(analytics, most)
            if batches == 3:
                await settle(analytics, most)
                assert await differences(owner) == {}
        await settle(analytics, most)
        assert await differences(owner) == {}
        assert (
            await rows(owner, "SELECT * FROM vaccination_recount UNION SELECT 'x', true, '', 1 FROM person_work") == []
        )


async def test_who_was_vaccinated_in_two_facilities_counts_once_in_the_cluster(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        for facility in PLACES:
            await declare(gateway, facility, group())
            await vaccinate(gateway, facility, "P1")
            await vaccinate(gateway, facility, "P2")
            await gateway.execute(LINK, facility, "P1", "national")
        await settle(analytics)
        assert await counts(analytics) == {("KAMC", "measles"): 2, ("ALNOOR", "measles"): 2, ("", "measles"): 3}
        await gateway.execute(UNLINK, "KAMC", "P1", "national")
        await settle(analytics)
        assert (await counts(analytics))["", "measles"] == 4


async def test_a_dummy_identifier_makes_nobody_one_person(database: Database) -> None:
    """64 numbers may be one person's, 65 are nobody's; on the way over and back all are looked at again."""
    async with (
        database.connect("owner") as owner,
        database.connect("gateway") as gateway,
        database.connect("analytics") as analytics,
    ):
        await Rows(gateway).registry()
        await declare(gateway, "KAMC", group())
        for number in range(64):
            await vaccinate(gateway, "KAMC", f"P{number}")
            await gateway.execute(LINK, "KAMC", f"P{number}", "0000000000")
        await settle(analytics)
        assert await counts(analytics) == {("KAMC", "measles"): 1, ("", "measles"): 1}
        for most in (500, 3):
            await gateway.execute(LINK, "ALNOOR", "Q", "0000000000")
            assert (await settle(analytics, most)).numbers > 64
            assert await differences(owner) == {}
            assert await counts(analytics) == {("KAMC", "measles"): 64, ("", "measles"): 64}
            assert await analytics.fetchval("SELECT identifiers FROM common_identifiers") == 1
            assert await rows(gateway, "SELECT * FROM same_person('KAMC', 'P1')") == [("KAMC", "P1")]
            await gateway.execute(UNLINK, "ALNOOR", "Q", "0000000000")
            await settle(analytics, most)
            assert await differences(owner) == {}
            assert (await counts(analytics))["", "measles"] == 1
            assert await analytics.fetchval("SELECT identifiers FROM common_identifiers") == 0
            assert len(await rows(gateway, "SELECT * FROM same_person('KAMC', 'P1')")) == 64


@pytest.mark.parametrize("most", [1, 500])
async def test_a_long_chain_of_numbers_is_one_person_and_falls_apart_where_it_is_cut(
    database: Database, most: int
) -> None:
    async with (
        database.connect("owner") as owner,
        database.connect("gateway") as gateway,
        database.connect("analytics") as analytics,
    ):
        for number in range(120):
            for identifier in (number, number + 1):
                await gateway.execute(LINK, PLACES[number % 2], f"P{number}", f"N{identifier}")
        await settle(analytics, most)
        assert await differences(owner) == {}
        assert set((await persons(owner)).values()) == {("ALNOOR", "P1")}
        await gateway.execute(UNLINK, "KAMC", "P60", "N60")
        await settle(analytics, most)
        assert await differences(owner) == {}
        assert len(set((await persons(owner)).values())) == 2


async def test_what_is_counted_anew_is_not_whole_until_it_is_done(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        for number in range(5):
            await vaccinate(gateway, "KAMC", f"P{number}")
        await declare(gateway, "KAMC", group())
        for _ in range(5):
            assert await rows(analytics, "SELECT facility FROM vaccination_recount") == [("KAMC",)]
            assert (await keep(analytics, 1)).more
        last = await keep(analytics, 1)
        assert (last.facilities, last.more) == (frozenset({"KAMC"}), False)
        assert await rows(analytics, "SELECT facility FROM vaccination_recount") == []
        assert (await counts(analytics))["KAMC", "measles"] == 5


async def test_another_population_alone_counts_nobody_anew(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        await vaccinate(gateway, "KAMC", "P1")
        await declare(gateway, "KAMC", group())
        await settle(analytics)
        await declare(gateway, "KAMC", group(population=7))
        done = await keep(analytics)
        assert (done.numbers, done.facilities, done.more) == (0, frozenset({"KAMC"}), False)


async def test_only_the_keepers_function_sees_whose_numbers_are_one(database: Database) -> None:
    async with database.connect("analytics") as analytics:
        for table in ("person_changed", "person_member", "vaccinated", "person_work", "common_identifier"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await analytics.fetch(f"SELECT * FROM {table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await analytics.fetch("SELECT keep_work()")
        with pytest.raises(asyncpg.InvalidTransactionStateError):
            await analytics.fetch("SELECT keep_persons(1)")


async def test_a_keeper_waits_for_another_and_loses_nothing(
    database: Database, eventually: Callable[..., Awaitable[Any]]
) -> None:
    async def counted() -> bool:
        return (await counts(analytics)).get(("", "measles")) == len(given)

    async with (
        database.connect("gateway") as gateway,
        database.connect("analytics") as analytics,
        asyncio.TaskGroup() as group_,
    ):
        given: list[str] = []
        await Rows(gateway).registry()
        await declare(gateway, "KAMC", group())
        keepers = [Keeper(database.settings("analytics"), PersonMetrics(CollectorRegistry())) for _ in range(2)]
        tasks = [group_.create_task(keeper.run()) for keeper in keepers]
        for task in tasks:
            given.append(f"P{len(given)}")
            await vaccinate(gateway, "KAMC", given[-1])
            for keeper in keepers:
                keeper.wake()
            await eventually(counted)
            task.cancel()


GROWING = ("person_link", "person_member", "patient_merge", "vaccination", "vaccinated", "common_identifier")
MANY = 5000
PAST = """
    SET session_replication_role = replica;
    INSERT INTO person_link SELECT 'KAMC', 'past' || n, 'past' || n / 2, 1 FROM generate_series(1, $1) n;
    INSERT INTO person_link SELECT 'KAMC', 'past' || n, 'dummy', 1 FROM generate_series(1, $1) n;
    INSERT INTO common_identifier VALUES ('dummy');
    INSERT INTO common_identifier SELECT 'common' || n FROM generate_series(1, $1) n;
    INSERT INTO person_member SELECT 'KAMC', 'past' || n, 'KAMC', 'past' || n / 2 FROM generate_series(1, $1) n;
    INSERT INTO patient_merge (facility, merged, survivor, stays, event_at, message_id)
        SELECT 'KAMC', 'past' || n, 'other' || n, 'other' || n, now(), 1 FROM generate_series(1, $1) n;
    INSERT INTO vaccination (facility, key, patient_key, vaccine_system, vaccine_code, status, source_at)
        SELECT 'KAMC', 'past' || n, 'past' || n, 'CVX', '03', 'given', now() FROM generate_series(1, $1) n;
    INSERT INTO vaccinated SELECT 'KAMC', 'past' || n, 'KAMC', 'measles' FROM generate_series(1, $1) n
"""


async def test_what_came_before_is_not_read_again(database: Database) -> None:
    """No statistics are taken, as in a center's first minutes, in which the plans are made that it keeps. The dummy is
    carried by all who came before, and by some of those who change."""
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        await Rows(gateway).registry()
        await declare(gateway, "KAMC", group())
        await settle(analytics)
        for lap in range(14):
            if lap == 10:
                async with database.connect("postgres") as past:
                    for statement in PAST.replace("$1", str(MANY)).split(";"):
                        await past.execute(statement)
            for number in range(10):
                await gateway.execute(LINK, PLACES[number % 2], f"{lap}-{number}", f"{lap}-{number // 2}")
                await vaccinate(gateway, PLACES[number % 2], f"{lap}-{number}")
            await gateway.execute(LINK, "ALNOOR", f"{lap}-3", "dummy")
            await gateway.execute(UNLINK, "KAMC", f"{lap}-0", f"{lap}-0")
            assert (await settle(analytics)).numbers == 22
    async with database.connect("postgres") as connection:
        tables = await rows(
            connection, f"SELECT relname, seq_scan, n_tup_ins FROM pg_stat_user_tables WHERE relname IN {GROWING}"
        )
        read = await rows(
            connection,
            f"SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes WHERE relname IN {GROWING}",
        )
    assert {name: written for name, _scans, written in tables}["person_link"] >= 2 * MANY, "what was done is counted"
    assert {name: scans for name, scans, _written in tables if scans} == {}
    assert {name: found for name, found in read if found >= MANY} == {}
