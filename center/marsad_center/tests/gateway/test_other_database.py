"""The database under a running gateway becomes another one, in which the same feeds have other ids: nothing may land on
a wrong feed, and nothing that was acknowledged may be missing from the database that acknowledged it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from marsad_center.analytics import run as analytics
from marsad_center.facts import schema
from marsad_center.facts.migrate import migrate
from marsad_center.gateway import metrics
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.gateway.playing import adt, code, gateway, sending

FEEDS = [(one["code"], feed) for one in CENTER["facilities"] for feed in one["feeds"]]
SENDERS = [f"{feed['sendingApplication']}|{feed['sendingFacility']}" for _facility, feed in FEEDS]


async def reversed_feeds(connection: asyncpg.Connection) -> None:
    """Declare the feeds there in the other order, so that each gets another one's id."""
    for number, (facility, feed) in enumerate(reversed(FEEDS)):
        await connection.execute("INSERT INTO facility (code, kind) VALUES ($1, 'Hospital')", facility)
        await connection.execute(
            "INSERT INTO feed (facility, name, sending_application, sending_facility, transport)"
            " VALUES ($1, $2, $3, $4, 'MLLP')",
            facility,
            feed["name"],
            feed["sendingApplication"],
            feed["sendingFacility"],
        )
        assert await connection.fetchval("SELECT max(id) FROM feed") == number + 1


@contextlib.asynccontextmanager
async def another(database: Database) -> AsyncIterator[Database]:
    """A second database of the server, with the feeds under other ids."""
    superuser = await database.server.superuser("postgres")
    other = replace(database, name=f"{database.name}_other")
    await superuser.execute(f"CREATE DATABASE {other.name} OWNER owner")
    await migrate(other.access("owner"))
    async with other.connect("owner") as owner:
        await reversed_feeds(owner)
    try:
        yield other
    finally:
        await superuser.execute(f"DROP DATABASE IF EXISTS {other.name} WITH (FORCE)")
        await superuser.close()


async def swap(one: Database, other: Database) -> None:
    """Give each the other's name: whoever is connected is cut, as when a server is replaced."""
    superuser = await one.server.superuser("postgres")
    for before, after in ((one.name, "aside"), (other.name, one.name), ("aside", other.name)):
        for _try in range(500):
            await superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", before)
            with contextlib.suppress(asyncpg.ObjectInUseError):  # somebody is back already
                await superuser.execute(f"ALTER DATABASE {before} RENAME TO {after}")
                break
        else:
            pytest.fail(f"{before} cannot be renamed")
    await superuser.close()


async def restore_another(database: Database) -> None:
    """Replace the whole schema at once, under the connections of those who write, who hold locks in another order."""
    async with database.connect("owner") as owner:
        for _try in range(50):
            with contextlib.suppress(asyncpg.DeadlockDetectedError):
                async with owner.transaction():
                    await owner.execute("DROP SCHEMA center CASCADE")
                    for step in schema.migrations():
                        await owner.execute(step.sql)
                    await reversed_feeds(owner)
                return
    pytest.fail("the schema cannot be dropped")


class Traffic:
    """A stubborn sender a feed: each sends a message until it is accepted, then the next."""

    def __init__(self, port: Any) -> None:
        self._ports = port
        self.acknowledged: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Traffic:
        self._tasks = [asyncio.create_task(self._play(sender)) for sender in SENDERS]
        return self

    async def __aexit__(self, *_fault: object) -> None:
        for task in self._tasks:
            task.cancel()
        done = await asyncio.gather(*self._tasks, return_exceptions=True)
        assert [each for each in done if not isinstance(each, asyncio.CancelledError)] == []

    async def more(self, count: int, eventually: Any) -> None:
        """Return when so many more were acknowledged of each sender."""
        wanted = {sender: self._of(sender) + count for sender in SENDERS}

        async def there() -> bool:
            return all(self._of(sender) >= least for sender, least in wanted.items())

        await eventually(there)

    def _of(self, sender: str) -> int:
        return sum(one.startswith(sender) for one in self.acknowledged)

    async def _play(self, sender: str) -> None:
        number = 0
        while True:
            with contextlib.suppress(OSError):
                async with sending(self._ports) as connection:
                    while True:
                        name = f"{sender.replace('|', '-')}-{number}"
                        answer = code(await connection.ask(adt("A04", name, name, sender=sender)))
                        if not answer:
                            break
                        assert answer == "AA"
                        self.acknowledged.append(f"{sender}-{number}")
                        number += 1
            await asyncio.sleep(0.02)  # not a wait for anything: a refused sender must not spin


async def landed(databases: Sequence[Database]) -> tuple[list[str], int]:
    """What is stored in these databases, and how much of it under a feed that is not its sender's."""
    found: list[str] = []
    wrong = 0
    for database in databases:
        async with database.connect("postgres") as connection:
            rows = await connection.fetch("SELECT sending_application, sending_facility, control_id FROM message")
            found += [f"{row[0]}|{row[1]}-{row[2].rpartition('-')[2]}" for row in rows]
            wrong += await connection.fetchval(
                "SELECT count(*) FROM message m LEFT JOIN feed f ON f.id = m.feed_id"
                " WHERE (f.facility, f.sending_application, f.sending_facility)"
                " IS DISTINCT FROM (m.facility, m.sending_application, m.sending_facility)"
            )
            counted = await connection.fetchval(
                "SELECT count(*) FROM feed LEFT JOIN feed_counter c ON c.feed_id = id WHERE coalesce(c.accepted, 0)"
                " <> (SELECT count(*) FROM message m WHERE (m.sending_application, m.sending_facility)"
                " = (feed.sending_application, feed.sending_facility))"
            )
            assert counted == 0, "counters stand under the feed that sent"
            assert await connection.fetchval("SELECT count(*) FROM quarantine") == 0
    return found, wrong


async def test_a_database_that_is_swapped_under_traffic_gets_nothing_under_a_foreign_feed(
    database: Database, eventually: Any
) -> None:
    async with another(database) as other, gateway(database) as ports, Traffic(ports) as traffic:
        for _there_and_back in range(2):
            await traffic.more(20, eventually)
            await swap(database, other)
        await traffic.more(20, eventually)
        async with database.connect("postgres") as connection:
            assert await connection.fetchval("SELECT count(*) FROM message") > 0
        acknowledged = list(traffic.acknowledged)
        await traffic.__aexit__()
        found, wrong = await landed([database, other])
        async with other.connect("postgres") as connection:
            assert await connection.fetchval("SELECT count(*) FROM message") > 0, "both have had traffic"
    assert wrong == 0
    assert set(acknowledged) - set(found) == set()


async def test_a_schema_that_is_made_anew_under_living_connections_is_noticed_by_the_first_batch(
    database: Database, eventually: Any
) -> None:
    """No connection is cut: somebody restores over the schema, and the gateway goes on."""
    before = metrics.OTHER_DATABASE._value.get()
    async with gateway(database) as ports, Traffic(ports) as traffic:
        await traffic.more(20, eventually)
        await restore_another(database)
        known = len(traffic.acknowledged)
        await traffic.more(20, eventually)
        acknowledged = traffic.acknowledged[known + len(SENDERS) :]  # of those in flight some were of the old schema
        await traffic.__aexit__()
        found, wrong = await landed([database])
    assert wrong == 0
    assert set(acknowledged) - set(found) == set()
    assert metrics.OTHER_DATABASE._value.get() > before


@pytest.mark.parametrize("foreign", ["other id", "no id"])
async def test_one_batch_that_was_judged_for_other_feeds_is_let_go_and_its_sender_comes_again(
    database: Database, foreign: str, eventually: Any
) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(adt("A04", "1", "V1")) == "AA"
        async with database.connect("postgres") as connection:
            await connection.execute("SET session_replication_role = replica")  # no foreign keys while ids change
            await connection.execute("ALTER TABLE feed ALTER id SET GENERATED BY DEFAULT")
            places = {"other id": "4 - id", "no id": "id + 100"}[foreign]
            await connection.execute(
                f"ALTER TABLE feed DROP CONSTRAINT feed_pkey CASCADE; UPDATE feed SET id = {places}"
            )
            await connection.execute("ALTER TABLE feed ADD PRIMARY KEY (id)")
        assert await sender.code(adt("A04", "2", "V2")) == "", "no answer: it is to be sent again"

        async def accepted() -> bool:
            async with sending(ports) as second:
                return await second.code(adt("A04", "2", "V2")) == "AA"

        await eventually(accepted)
        async with database.connect("postgres") as connection:
            stored = await connection.fetch(
                "SELECT control_id, f.facility FROM message m JOIN feed f ON f.id = m.feed_id WHERE control_id = '2'"
            )
    assert [tuple(row) for row in stored] == [("2", "KAMC")]


async def test_analytics_makes_all_figures_in_the_database_that_came_instead(
    database: Database, eventually: Any
) -> None:
    async def complete() -> bool:
        async with database.connect("postgres") as connection:
            codes = await connection.fetch("SELECT facility FROM indicator_value WHERE id = 'ed.census'")
        return {row[0] for row in codes} >= {facility for facility, _feed in FEEDS}

    async with another(database) as other, gateway(database):
        task = asyncio.create_task(analytics(database.settings("analytics"), metrics_registry=CollectorRegistry()))
        await eventually(complete)
        await swap(database, other)
        await eventually(complete)
        assert not task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
