"""A whole center but its gateway: analytics and dashboard on a real database, in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from marsad_center import ops
from marsad_center.indicators.metrics import Metrics
from marsad_center.indicators.service import Analytics
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.indicators.rows import Rows
from marsad_center.web.service import dashboard


@contextlib.asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    """Run a coroutine beside the block; a fault in it fails the test."""
    task = asyncio.create_task(work)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@dataclass
class Center:
    """`port` of the dashboard, `rows` to write facts by, as the gateway would."""

    database: Database
    rows: Rows
    port: int
    readiness: ops.Readiness

    @property
    def url(self) -> str:
        """Where a browser goes."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def analytics(database: Database, *, tick_seconds: float = 10.0) -> AsyncIterator[Analytics]:
    """The engine's service at work."""
    service = Analytics(database.settings("analytics"), Metrics(CollectorRegistry()), tick_seconds=tick_seconds)
    async with running(service.run()):
        yield service


@contextlib.asynccontextmanager
async def serving(database: Database, port: int = 0) -> AsyncIterator[int]:
    """The dashboard at work; yields its port."""
    settings = replace(database.settings("dashboard"), http_port=port)
    async with dashboard(settings, CollectorRegistry()) as (bound, refresher), running(refresher.run()):
        yield bound


async def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers (lower case) and body of a GET, over a real socket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode())
    raw = await asyncio.wait_for(reader.read(), 120)
    writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    found = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return int(first.split()[1]), found, body.decode()


async def get_json(port: int, path: str) -> Any:
    """The JSON of a GET that succeeds."""
    status, _, body = await get(port, path)
    assert status == 200, body
    return json.loads(body)


@pytest.fixture
async def center(database: Database) -> AsyncIterator[Center]:
    """Registry of conftest.CENTER in the database; analytics and dashboard running; nothing received yet."""
    async with database.connect("gateway") as gateway:
        rows = await Rows(gateway).registry(CENTER)
        async with analytics(database) as service, serving(database) as port:
            await loaded(port)
            yield Center(database, rows, port, service.readiness)


async def loaded(port: int) -> None:
    """Return when the dashboard serves figures."""
    async with asyncio.timeout(120):
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                status, _, body = await get(port, "/api/v1/indicators")
                if status == 200 and json.loads(body):
                    return
            await asyncio.sleep(0.05)
