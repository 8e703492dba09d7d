"""Server-sent events: from a committed fact to every client, and no client at another's expense."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from marsad_center import ops
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.indicators.rows import Rows
from marsad_center.tests.web.conftest import Center, analytics, get, get_json, loaded, serving
from marsad_center.web import stream as streams
from marsad_center.web.stream import QUEUE_CHUNKS, Hub

Event = tuple[str, dict[str, Any]]


@contextlib.asynccontextmanager
async def listening(port: int) -> AsyncIterator[AsyncIterator[Event]]:
    """Events of /api/v1/stream, read from the socket by the rules of the format."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")

    async def events() -> AsyncIterator[Event]:
        name = ""
        while line := await reader.readline():
            text = line.decode().rstrip("\r\n")
            if text.startswith("event: "):
                name = text[7:]
            elif text.startswith("data: "):
                yield name, json.loads(text[6:])

    try:
        yield events()
    finally:
        writer.close()


async def until(events: AsyncIterator[Event], wanted: Any, seconds: float = 120) -> dict[str, Any]:
    """The first event for which `wanted(name, data)`."""
    async with asyncio.timeout(seconds):
        async for name, data in events:
            if wanted(name, data):
                return data
    raise AssertionError("the stream ended")


async def test_a_new_client_first_gets_everything_there_is(center: Center) -> None:
    known = await get_json(center.port, "/api/v1/indicators")
    seen: list[Event] = []
    async with listening(center.port) as events:
        async for name, data in events:
            if name == "status":
                break
            seen.append((name, data))
    assert seen[0][0] == "center"
    assert [data["id"] for name, data in seen if name == "indicator"] == [each["id"] for each in known]
    assert {data["facility"] for name, data in seen if name == "feed"} == {"KAMC", "ALNOOR", "SFAC"}


async def test_a_committed_fact_reaches_every_client_as_the_object_of_the_api(center: Center) -> None:
    async with listening(center.port) as first, listening(center.port) as second:
        for events in (first, second):
            await until(events, lambda name, _: name == "status")
        await center.rows.visit("KAMC", ed_arrived_at=datetime.now(UTC), triage_level=3)
        await center.rows.event("KAMC", datetime.now(UTC))
        await center.rows.hint("KAMC")
        for events in (first, second):
            pushed = await until(
                events,
                lambda name, data: name == "indicator" and (data["id"], data["facility"]) == ("ed.census", "KAMC"),
            )
            assert pushed["value"] == 1
    (asked,) = await get_json(center.port, "/api/v1/indicators?facility=KAMC&id=ed.census")
    assert asked == pushed


async def test_a_feed_that_reports_for_the_first_time_is_pushed_as_live(center: Center) -> None:
    async with listening(center.port) as events:
        await center.rows.event("ALNOOR", datetime.now(UTC))
        await center.rows.hint("ALNOOR")
        pushed = await until(events, lambda name, data: name == "feed" and data["state"] == "live")
    assert pushed["facility"] == "ALNOOR"


async def test_a_lost_notification_is_made_up_by_the_next_tick(database: Database) -> None:
    async with database.connect("gateway") as gateway:
        rows = await Rows(gateway).registry(CENTER)
        async with analytics(database, tick_seconds=0.3), serving(database) as port:
            await loaded(port)
            async with listening(port) as events:
                await rows.visit("SFAC")
                await rows.event("SFAC", datetime.now(UTC))  # and no hint
                await until(
                    events,
                    lambda name, data: (
                        name == "indicator"
                        and (data["id"], data["facility"], data["value"]) == ("ed.census", "SFAC", 1)
                    ),
                )


async def test_cut_connections_are_made_up_for_without_a_restart(center: Center) -> None:
    async with listening(center.port) as events:
        await until(events, lambda name, _: name == "status")
        superuser = await center.database.server.superuser("postgres")
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name IN ('analytics', 'dashboard')"
        )
        await superuser.close()
        await center.rows.visit("KAMC")
        await center.rows.event("KAMC", datetime.now(UTC))
        await center.rows.hint("KAMC")
        pushed = await until(
            events, lambda name, data: name == "indicator" and (data["id"], data["facility"]) == ("ed.census", "KAMC")
        )
    assert pushed["value"] == 1


async def test_a_registry_that_changes_is_told(center: Center) -> None:
    async with listening(center.port) as events:
        await until(events, lambda name, _: name == "status")
        changed = {**CENTER, "freshnessObjectiveSeconds": 60}
        (center.database.folder / "center.json").write_text(json.dumps(changed))
        told = await until(events, lambda name, _: name == "center")
        assert told["freshnessObjectiveSeconds"] == 60
        await until(events, lambda name, data: name == "indicator" and data["target"] == 60)


async def test_a_slow_client_is_dropped_and_the_others_miss_nothing() -> None:
    hub = Hub(CollectorRegistry())
    slow, quick = hub.open([]), hub.open([])
    for stream in (slow, quick):
        await anext(stream)
    for number in range(QUEUE_CHUNKS + 1):
        hub.publish([("status", {"number": number})])
        assert f'{{"number":{number}}}'.encode() in await anext(quick)
    with pytest.raises(StopAsyncIteration):
        await anext(slow)


async def test_what_waits_for_slow_clients_is_in_memory_once() -> None:
    hub = Hub(CollectorRegistry())
    one, other = hub.open([]), hub.open([])
    for stream in (one, other):
        await anext(stream)
    hub.publish([("status", {"number": 1})])
    assert await anext(one) is await anext(other)


async def test_more_clients_than_the_limit_are_told_to_come_again(
    center: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_CLIENTS", 1)
    async with listening(center.port) as events:
        await until(events, lambda name, _: name == "status")
        status, headers, body = await get(center.port, "/api/v1/stream")
    assert (status, headers["retry-after"], json.loads(body)["type"]) == (503, "2", "/problems/too-many-streams")


async def test_a_client_that_never_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch, eventually: Any) -> None:
    monkeypatch.setattr(ops, "UNREAD_SECONDS", 0.5)
    ended = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)
        finally:
            ended.set()

    async def answer(_request: Request) -> Response:
        return StreamingResponse(body())

    async with ops.serving(Starlette(routes=[Route("/", answer)]), "127.0.0.1", 0) as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

            async def connected() -> bool:  # the port is bound before anybody listens
                return client.connect_ex(("127.0.0.1", port)) == 0

            await eventually(connected)
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.wait_for(ended.wait(), 240)


async def test_a_quiet_stream_is_kept_alive_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_SECONDS", 0.01)
    stream = Hub(CollectorRegistry()).open([])
    assert (await anext(stream)).startswith(b"retry: ")
    assert await anext(stream) == b": keep-alive\n\n"


async def test_a_server_that_stops_ends_its_streams() -> None:
    hub = Hub(CollectorRegistry())
    before = hub.open([])
    await anext(before)
    hub.close()
    after = hub.open([])
    await anext(after)
    for stream in (before, after):
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
