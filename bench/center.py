"""A whole center for benchmarks: its parts as processes on one PostgreSQL that syncs to disk, and what they use."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from e2e.faults.conftest import settings_of
from e2e.faults.processes import Center, Part
from e2e.usage import cpu_seconds, family_cpu_seconds, resident_mib
from marsad_center.facts.migrate import migrate
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.server import PostgresServer

FACILITY, SENDER = "KAMC", "HIS|KAMC"
MIB = 1024 * 1024


@dataclass
class Measured:
    """A running center and its database."""

    parts: Center
    database: Database

    def cpu(self) -> dict[str, float]:
        """Processor seconds used until now, by part; `postgresql` is the server with all its children."""
        named = {
            "gateway": self.parts.gateways[0],
            "analytics": self.parts.analytics,
            "dashboard": self.parts.dashboard,
        }
        used = {name: cpu_seconds(_pid(part)) for name, part in named.items()}
        return used | {"postgresql": family_cpu_seconds(self.database.server.pid)}

    def memory(self) -> dict[str, float]:
        """Resident MiB now, by part."""
        named = {
            "gateway": self.parts.gateways[0],
            "analytics": self.parts.analytics,
            "dashboard": self.parts.dashboard,
        }
        return {name: resident_mib(_pid(part)) for name, part in named.items()}

    async def value(self, query: str) -> float:
        """One number out of the database."""
        async with self.database.connect("postgres") as connection:
            return float(await connection.fetchval(query))

    async def size(self) -> float:
        """Bytes of the database."""
        return await self.value("SELECT pg_database_size(current_database())")


@asynccontextmanager
async def running() -> AsyncIterator[Measured]:
    """A center that serves; gone afterwards."""
    server = PostgresServer(durable=True)
    try:
        server.start({"shared_buffers": "256MB", "max_wal_size": "1GB", "wal_compression": "on"})
        await server.wait()
        await server.make_roles()
        connection = await server.superuser("postgres")
        await connection.execute("CREATE DATABASE center OWNER owner")
        await connection.close()
        await migrate(server.settings("owner", "center"))
        (server.folder / "center.json").write_text(json.dumps(CENTER))
        database = Database(server, "center", server.folder)
        async with Center.of(settings_of(database), server.folder) as parts:
            yield Measured(parts, database)
    finally:
        server.close()


def _pid(part: Part) -> int:
    assert part.process is not None
    return part.process.pid
