"""A whole center for benchmarks: its parts as processes on one PostgreSQL that syncs to disk, and what they use."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.process import cpu_seconds
from e2e.faults.conftest import settings_of
from e2e.faults.processes import Center, Part
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
        return used | {"postgresql": sum(_family_seconds(self.database.server.pid))}

    def memory(self) -> dict[str, float]:
        """Resident MiB now, by part."""
        named = {
            "gateway": self.parts.gateways[0],
            "analytics": self.parts.analytics,
            "dashboard": self.parts.dashboard,
        }
        return {name: _resident(_pid(part)) for name, part in named.items()}

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


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def _family_seconds(pid: int) -> list[float]:
    """Of a process, of its children that are there, and of those that were (the kernel adds them to their parent)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return [cpu_seconds(pid), ended, *(cpu_seconds(int(child)) for child in children)]
