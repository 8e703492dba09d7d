"""Migrations: applied once, by the owner, under a lock, with least privilege as the result."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from marsad_center import db
from marsad_center.facts import schema
from marsad_center.facts.migrate import SchemaTooNew, migrate
from marsad_center.facts.roles import RoleTaken
from marsad_center.tests.conftest import Database
from marsad_center.tests.server import PASSWORD, PostgresServer


async def test_a_second_migration_changes_nothing(database: Database) -> None:
    assert await migrate(database.access("owner")) == 0


async def test_two_migrations_at_once_apply_each_step_once(database: Database) -> None:
    async with database.connect("owner") as owner:
        await owner.execute("DROP SCHEMA center CASCADE")
    counts = await asyncio.gather(*(migrate(database.access("owner")) for _ in range(3)))
    assert sorted(counts) == [0, 0, schema.CODE_VERSION]


async def test_the_schema_is_ready_for_every_role(database: Database) -> None:
    said: list[str] = []
    for role in ("gateway", "analytics", "reader"):
        await asyncio.wait_for(db.wait_for_schema(database.access(role), "test", said.append), 120)
    assert said == []


async def test_who_waits_for_the_schema_says_what_for_and_goes_on_when_it_is_there(database: Database) -> None:
    async with database.connect("owner") as owner:
        await owner.execute("DROP SCHEMA center CASCADE")
    said: list[str] = []
    waited = asyncio.Event()

    def waiting_for(sentence: str) -> None:
        said.append(sentence)
        waited.set()

    waiter = asyncio.create_task(db.wait_for_schema(database.access("gateway"), "test", waiting_for))
    await asyncio.wait_for(waited.wait(), 120)
    await migrate(database.access("owner"))
    await asyncio.wait_for(waiter, 120)
    assert (
        said[0]
        == f"the schema is at version 0, this release needs {schema.CODE_VERSION}: the migrate Job has not finished"
    )


async def test_a_newer_schema_is_refused_only_when_it_breaks_this_release(database: Database) -> None:
    newer = schema.CODE_VERSION + 1
    async with database.connect("owner") as owner:
        await owner.execute("INSERT INTO schema_version VALUES ($1, 'later', '', 0)", newer)
        assert await migrate(database.access("owner")) == 0
        await owner.execute("UPDATE schema_version SET breaks_before = $1 WHERE version = $1", newer)
        with pytest.raises(SchemaTooNew, match=f"works only with releases from schema version {newer} on"):
            await migrate(database.access("owner"))


def test_migrations_are_numbered_without_gaps(tmp_path: Path) -> None:
    (tmp_path / "0002_late.sql").write_text("SELECT 1;")
    with pytest.raises(ValueError, match="numbered 1, 2, 3"):
        schema.migrations(tmp_path)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("gateway", "DELETE FROM message"),
        ("gateway", "UPDATE message SET raw = ''"),
        ("gateway", "SELECT * FROM indicator_value"),
        ("gateway", "CREATE TABLE center.mine (id int)"),
        ("analytics", "SELECT raw FROM message"),
        ("analytics", "SELECT control_id FROM message"),
        ("analytics", "SELECT visit_key FROM encounter"),
        ("analytics", "SELECT patient_key FROM encounter"),
        ("analytics", "SELECT placer FROM clinical_order"),
        ("analytics", "SELECT visit_key FROM clinical_order"),
        ("analytics", "SELECT refusal FROM referral"),
        ("analytics", "SELECT * FROM newest_version"),
        ("analytics", "SELECT forget_answers('{1}')"),
        ("analytics", "SELECT * FROM movement"),
        ("analytics", "SELECT * FROM quarantine"),
        ("analytics", "INSERT INTO facility (code, kind) VALUES ('X', 'Hospital')"),
        ("reader", "SELECT id FROM encounter"),
        ("reader", "SELECT id FROM message"),
        ("reader", "SELECT id FROM clinical_order"),
        ("reader", "SELECT id FROM quarantine"),
        ("reader", "DELETE FROM indicator_value"),
        ("reader", "CREATE TABLE public.mine (id int)"),
    ],
)
async def test_no_role_may_do_more_than_its_work(database: Database, role: str, statement: str) -> None:
    async with database.connect(role) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("analytics", "SELECT facility, state, triage_level FROM encounter"),
        ("analytics", "DELETE FROM unmeasured RETURNING feed_id, event_at"),
        ("analytics", "SELECT id, event_at FROM message"),
        ("reader", "SELECT * FROM indicator_value"),
        ("reader", "SELECT f.*, c.* FROM feed f JOIN feed_counter c ON c.feed_id = f.id"),
        ("reader", "SELECT * FROM freshness, facility"),
    ],
)
async def test_every_role_can_do_its_work(database: Database, role: str, statement: str) -> None:
    async with database.connect(role) as connection:
        await connection.fetch(statement)


@pytest.mark.postgres
async def test_a_center_leaves_roles_alone_that_are_not_its_own(tmp_path: Path) -> None:
    server = PostgresServer()

    def passwords(password: str) -> Path:
        for role in ("gateway", "analytics", "reader"):
            (tmp_path / role).write_text(password)
            (server.credentials[role] / "password").write_text(password)
        return tmp_path

    async def verifiers() -> list[str]:
        superuser = await server.superuser("postgres")
        rows = await superuser.fetch("SELECT rolpassword FROM pg_authid WHERE rolname <> 'postgres' ORDER BY 1")
        await superuser.close()
        return [row[0] for row in rows]

    try:
        server.start()
        await server.wait()
        superuser = await server.superuser("postgres")
        await superuser.execute(f"CREATE ROLE owner LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
        for name in ("one", "other"):
            await superuser.execute(f"CREATE DATABASE {name} OWNER owner")
        await superuser.execute("CREATE ROLE reader LOGIN PASSWORD 'of-somebody-else'")
        before = await verifiers()
        with pytest.raises(RoleTaken, match="the role reader"):
            await migrate(server.settings("owner", "one"), passwords("first"))
        assert await verifiers() == before
        await superuser.execute("DROP ROLE reader")

        await migrate(server.settings("owner", "one"), passwords("first"))
        before = await verifiers()
        with pytest.raises(RoleTaken, match="of this server is not this database's"):
            await migrate(server.settings("owner", "other"), tmp_path)
        assert await verifiers() == before

        await superuser.execute("COMMENT ON ROLE gateway IS NULL")  # as an earlier release left it
        await migrate(server.settings("owner", "one"), passwords("second"))
        async with db.connected(server.settings("gateway", "one"), "test") as connection:
            assert await connection.fetchval("SELECT count(*) FROM feed") == 0
        await superuser.close()
    finally:
        server.close()


@pytest.mark.postgres
async def test_in_an_external_database_the_owner_makes_the_roles_and_renews_their_passwords(tmp_path: Path) -> None:
    server = PostgresServer()
    try:
        server.start()
        await server.wait()
        superuser = await server.superuser("postgres")
        await superuser.execute(f"CREATE ROLE owner LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
        await superuser.execute("CREATE DATABASE center OWNER owner")
        await superuser.close()
        for password in ("first-password", "second-password"):
            for role in ("gateway", "analytics", "reader"):
                (tmp_path / role).write_text(f"{password}\n")
                (server.credentials[role] / "password").write_text(password)
            await migrate(server.settings("owner", "center"), tmp_path)
            for role in ("gateway", "analytics", "reader"):
                async with db.connected(server.settings(role, "center"), "test") as connection:
                    assert await connection.fetchval("SELECT count(*) FROM feed") == 0
    finally:
        server.close()


HOT = ("message", "movement", "encounter", "clinical_order", "statement", "bed", "patient_merge", "patient_merge_log")


async def test_what_grows_is_looked_up_by_one_way_only(database: Database) -> None:
    """Of two indexes that begin with the facility a young table's planner may take the one that finds all of it
    (migration 0020). One with a condition is taken only for what asks for its condition."""
    async with database.connect("owner") as owner:
        found = await owner.fetch(
            """
            SELECT c.relname, count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
            WHERE c.relname = ANY ($1) AND a.attname = 'facility' AND i.indpred IS NULL GROUP BY 1
            """,
            HOT,
        )
    assert found
    assert {row["relname"]: row["count"] for row in found if row["count"] > 1} == {}


async def test_why_referrals_were_refused_goes_from_what_earlier_releases_stored(database: Database) -> None:
    (step,) = (each for each in schema.migrations() if each.name == "no_refusal")
    async with database.connect("postgres") as connection:
        await connection.execute(
            "INSERT INTO referral (facility, key, refusal, source_at) VALUES ('KAMC', 'R', 'Mrs Example', now());"
            "INSERT INTO statement (message_id, facility, kind, key, event_at, received_at, body) VALUES"
            """ (1, 'KAMC', 'referral', 'R', now(), now(), '{"refusal": "Mrs Example", "urgency": "stat"}')"""
        )
        await connection.execute(step.sql)
        assert await connection.fetchval("SELECT refusal FROM referral") == ""
        assert json.loads(await connection.fetchval("SELECT body FROM statement")) == {"urgency": "stat"}
