"""What the gateway benchmark is played on: one PostgreSQL that syncs to disk, with a database for each contender."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import asyncpg

from bench.load import laps, templates
from e2e.ports import free_ports
from e2e.usage import family_cpu_seconds
from marsad_center.facts.migrate import migrate
from marsad_center.tests.conftest import Database, make_keys
from marsad_center.tests.environment import environment
from marsad_center.tests.server import PASSWORD, PostgresServer

CONNECTIONS = 8
COPIED = 6000
SERVER = {"shared_buffers": "256MB", "max_wal_size": "2GB"}
CENTER = {
    "name": "bench", "namespace": "bench", "code": "BEN", "displayNames": {"en": "Bench"}, "region": "Bench",
    "release": "0.1.0", "locales": ["en"], "defaultLocale": "en", "freshnessObjectiveSeconds": 120,
    "facilities": [{
        "code": "SFAC", "kind": "Hospital", "level": "City", "displayNames": {"en": "Simulated"},
        "capacity": {"edSpaces": 20, "beds": {"general": 300}}, "platforms": [],
        "feeds": [{"name": "his", "sendingApplication": "SIMHOSP", "sendingFacility": "SFAC", "transport": "MLLP"}],
    }],
}  # fmt: skip


class Stored(NamedTuple):
    """`size`, `written`: bytes of the database, and of its log (WAL)."""

    rows: int
    size: int
    written: int


class Stage:
    """A PostgreSQL server with one database for each contender."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.log = server.folder / "bench.log"

    async def prepare(self) -> None:
        """Databases, roles, the center's schema."""
        await self.server.wait()
        await self.server.make_roles()
        connection = await self.server.superuser("postgres")
        for name in ("center", "peer", "floor"):
            await connection.execute(f"CREATE DATABASE {name} OWNER owner")
        await connection.close()
        await migrate(self.server.settings("owner", "center"))
        floor = await self.server.superuser("floor")
        await floor.execute("CREATE TABLE message (control_id text, raw bytea)")
        await floor.close()

    async def floor(self, name: str) -> float:
        """Messages a second of COPY, from as many connections as there are senders."""
        source = laps(templates(), name)
        rows = [(str(number), next(source)) for number in range(COPIED)]
        connections = [await self.server.superuser("floor") for _ in range(CONNECTIONS)]
        start = time.monotonic()
        copies = (
            connection.copy_records_to_table("message", records=rows[number::CONNECTIONS])
            for number, connection in enumerate(connections)
        )
        await asyncio.gather(*copies)
        seconds = time.monotonic() - start
        for connection in connections:
            await connection.close()
        return COPIED / seconds

    def gateway_settings(self, mllp: int, folder: Path) -> dict[str, str]:
        """The environment of the gateway's process."""
        (folder / "center.json").write_text(json.dumps(CENTER))
        settings = Database(self.server, "center", folder, make_keys(folder / "keys")).settings("gateway")
        http, metrics = free_ports(2)
        return environment(replace(settings, mllp_port=mllp, http_port=http, metrics_port=metrics))

    def peer_settings(self) -> dict[str, str]:
        """The environment of the peer's process."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.server.port), "PGUSER": "postgres",
                "PGPASSWORD": PASSWORD, "PGDATABASE": "peer"}  # fmt: skip

    async def ask(self, database: str, question: str) -> int:
        """The number that a query gives."""
        connection: asyncpg.Connection = await self.server.superuser(database)
        try:
            return int(await connection.fetchval(question))
        finally:
            await connection.close()

    async def stored(self) -> Stored:
        """What the center's database has taken until now."""
        rows = await self.ask("center", "select count(*) from center.message")
        size = await self.ask("center", "select pg_database_size('center')")
        written = await self.ask("center", "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        return Stored(rows, size, written)

    def cpu_seconds(self) -> float:
        """Processor time of PostgreSQL until now: its backends, its writers, all of it."""
        return family_cpu_seconds(self.server.pid)


@contextmanager
def stage() -> Iterator[Stage]:
    """A server that syncs to disk, with the memory that a small center's has."""
    server = PostgresServer(durable=True)
    try:
        server.start(SERVER)
        yield Stage(server)
    finally:
        server.close()
