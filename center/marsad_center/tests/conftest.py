"""Fixtures of the center's tests: a real PostgreSQL server, and a freshly migrated database for each test.

    @pytest.mark.postgres
    async def test_something(database: Database) -> None:
        async with database.connect("gateway") as connection: ...
        settings = database.settings("analytics")        # a Settings of that component, ports 0, its own center.json

Roles are owner, gateway, analytics, reader (with the grants of the migrations) and postgres (superuser).
Tests that use `database` are marked postgres automatically.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from marsad_center import db
from marsad_center.facts.migrate import migrate
from marsad_center.settings import Component, DatabaseSettings, Settings
from marsad_center.tests.server import PostgresServer

REPOSITORY = Path(__file__).resolve().parents[3]
_TEMPLATE = "template_center"
_numbers = itertools.count(1)

CENTER: dict[str, Any] = {
    "name": "makkah",
    "namespace": "makkah",
    "code": "MKH",
    "displayNames": {"ar": "تجمع مكة المكرمة الصحي", "en": "Makkah Health Cluster"},
    "region": "Makkah",
    "release": "0.1.0",
    "locales": ["ar", "en"],
    "defaultLocale": "ar",
    "freshnessObjectiveSeconds": 120,
    "facilities": [
        {
            "code": code,
            "kind": "Hospital",
            "level": "City",
            "displayNames": {"ar": arabic, "en": english},
            "capacity": {"edSpaces": spaces, "beds": {"general": general, "icu": icu}},
            "feeds": [{"name": "his", "sendingApplication": app, "sendingFacility": code, "transport": "MLLP"}],
            "platforms": [],
        }
        for code, arabic, english, app, spaces, general, icu in (
            ("KAMC", "مدينة الملك عبدالله الطبية", "King Abdullah Medical City", "HIS", 40, 120, 20),
            ("ALNOOR", "مستشفى النور", "Al Noor Hospital", "HIS", 30, 80, 10),
            ("SFAC", "مستشفى المحاكاة", "Simulated Hospital", "SIMHOSP", 20, 300, 12),
        )
    ],
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever uses a server is marked, so that `-m "not postgres"` runs without one."""
    for item in items:
        if {"database", "sealed_database", "postgres_server", "durable_database"} & set(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.postgres)


@dataclass(frozen=True)
class Database:
    """One database of the test server. `folder` holds the center.json that `settings` points to; edit it at will.

    `keys`: the folder of the center's keys; None stores in clear, so that tests can ask for V1 by its name.
    """

    server: PostgresServer
    name: str
    folder: Path
    keys: Path | None = None

    def access(self, role: str) -> DatabaseSettings:
        """Database settings for `role`."""
        return self.server.settings(role, self.name)

    @contextlib.asynccontextmanager
    async def connect(self, role: str) -> AsyncIterator[asyncpg.Connection]:
        """A connection as `role`, search_path center, made by the product's own db.connect."""
        async with db.connected(self.access(role), f"test-{role}") as connection:
            yield connection

    def settings(self, component: Component) -> Settings:
        """Settings of `component` with the role that it has in the cluster, on free loopback ports."""
        role = {"migrate": "owner", "gateway": "gateway", "analytics": "analytics", "dashboard": "reader"}[component]
        return Settings(
            component=component,
            database=self.access(role),
            center=self.folder / "center.json",
            bind="127.0.0.1",
            mllp_port=0,
            http_port=0,
            metrics_port=0,
            log_level="INFO",
            keys=self.keys,
        )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server a test process, with the roles and a migrated template database. fsync is off: not for faults."""
    server = PostgresServer()
    try:
        server.start()
        asyncio.run(_prepare(server))
        yield server
    finally:
        server.close()


async def _prepare(server: PostgresServer) -> None:
    await server.wait()
    await server.make_roles()
    connection = await server.superuser("postgres")
    await connection.execute(f"CREATE DATABASE {_TEMPLATE} OWNER owner")
    await connection.close()
    await migrate(server.settings("owner", _TEMPLATE))


@pytest.fixture
async def database(postgres_server: PostgresServer, tmp_path: Path) -> AsyncIterator[Database]:
    """A freshly migrated database of its own (a copy of the template, made in about 50 ms), dropped at the end."""
    name = f"center_{next(_numbers)}"
    connection = await postgres_server.superuser("postgres")
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} OWNER owner")
    (tmp_path / "center.json").write_text(json.dumps(CENTER))
    yield Database(postgres_server, name, tmp_path)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
def sealed_database(database: Database, tmp_path: Path) -> Database:
    """The same, with keys, as every center has them in the cluster."""
    return replace(database, keys=make_keys(tmp_path / "keys"))


def make_keys(folder: Path, *numbers: int) -> Path:
    """A folder with `tokens` and the sealing keys of `numbers` (or 1), as the operator's Secret has it."""
    folder.mkdir(exist_ok=True)
    for name in ("tokens", *map(str, numbers or (1,))):
        if not (folder / name).exists():
            (folder / name).write_text(secrets.token_urlsafe(32))
    return folder


@pytest.fixture
async def durable_database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database on a server of its own with fsync on, which the test may kill and start again."""
    server = PostgresServer(durable=True)
    try:
        server.start()
        await _prepare(server)
        (tmp_path / "center.json").write_text(json.dumps(CENTER))
        yield Database(server, _TEMPLATE, tmp_path)
    finally:
        server.close()


@pytest.fixture(scope="session")
def simhospital() -> list[bytes]:
    """The shared file's messages, each as its sender would frame it (segments end in CR)."""
    shared = Path(os.environ.get("MARSAD_SHARED", REPOSITORY.parent / "shared"))
    path = shared / "data" / "simhospital.hl7"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine (set MARSAD_SHARED)")
    return [part.strip(b"\n") for part in path.read_bytes().split(b"\n\n") if part.strip()]


@pytest.fixture
def eventually() -> Callable[..., Awaitable[Any]]:
    """`await eventually(condition)`: call the (async) condition until it is true, and return what it gave."""

    async def wait(condition: Callable[[], Awaitable[Any]], seconds: float = 120) -> Any:
        deadline = time.monotonic() + seconds
        while not (result := await condition()):
            assert time.monotonic() < deadline, f"still not so after {seconds} s: {condition.__name__}"
            await asyncio.sleep(0.02)
        return result

    return wait
