"""The gateway process: wait for the schema, follow the registry, serve MLLP, and end without losing what was read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as Path_

from marsad_center import db, keys, registry
from marsad_center.facts.registry_sync import ActiveFeed, known, sync
from marsad_center.gateway import key_check, lane, metrics
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.listening import Listening
from marsad_center.gateway.profile import profile
from marsad_center.gateway.route import Route, Routes, zone
from marsad_center.gateway.writer import Writer
from marsad_center.ops import Readiness, ops_application, probe_routes, serving
from marsad_center.settings import Settings

log = logging.getLogger(__name__)

_COMMAND_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the gateway listens (tests ask for any free ports)."""

    mllp: int
    http: int
    metrics: int


def http_application(readiness: Readiness) -> Starlette:
    """Port 8080: probes, and FHIR's place, which says that FHIR is not there yet (RFC 9457)."""

    async def fhir(_request: Request) -> Response:
        problem = {
            "type": "about:blank",
            "title": "Not Implemented",
            "status": 501,
            "detail": "This release takes HL7 v2 over MLLP only; FHIR R4 comes in a later one.",
        }
        return JSONResponse(problem, status_code=501, media_type="application/problem+json")

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    fhir_routes = [Path_("/fhir", fhir, methods=methods), Path_("/fhir/{rest:path}", fhir, methods=methods)]
    return Starlette(routes=[*probe_routes(readiness), *fhir_routes])


async def run(
    settings: Settings, limits: Limits | None = None, started: Callable[[Ports], None] = lambda _ports: None
) -> None:
    """Serve until cancelled. `started` gets the ports once everything listens."""
    limits = limits or Limits()
    sealing = keys.load(settings.keys)
    readiness = Readiness("schema", "database", "registry")
    async with contextlib.AsyncExitStack() as stack:
        ops_port = await stack.enter_async_context(
            serving(ops_application(readiness), settings.bind, settings.metrics_port)
        )
        http_port = await stack.enter_async_context(
            serving(http_application(readiness), settings.bind, settings.http_port)
        )
        await db.wait_for_schema(settings.database, "gateway", lambda reason: readiness.missing("schema", reason))
        readiness.met("schema")
        await db.steadily(settings.database, "gateway", lambda connection: key_check.check(connection, sealing))

        writer = Writer(_connector(settings), limits, readiness, sealing)
        await _background(stack, writer.run(), "writer")
        listening = Listening(writer, limits)
        first = asyncio.Event()

        async def follow(center: registry.Center) -> None:
            try:
                listening.routes = await _routes(settings, center, sync)
                metrics.REGISTRY_REFUSED.set(0)
            except asyncpg.PostgresError as error:  # a value that it does not take: time does not heal it
                metrics.REGISTRY_REFUSED.set(1)
                listening.routes = listening.routes or await _routes(settings, center, known)
                if listening.routes:
                    readiness.met("registry")
                    first.set()
                raise registry.RegistryError(f"the database refuses it: {db.describe(error)}") from error
            readiness.met("registry")
            first.set()

        readiness.missing("registry", f"the registry {settings.center} is not there or not readable")
        await _background(stack, registry.watch(settings.center, follow), "registry")
        await first.wait()  # before that every sender would be unknown, and be told so
        mllp_port = await stack.enter_async_context(listening.serving(settings.bind, settings.mllp_port))
        log.info("serving", extra={"mllp": mllp_port, "http": http_port, "metrics": ops_port})
        started(Ports(mllp_port, http_port, ops_port))
        await asyncio.get_running_loop().create_future()  # until cancelled


def _connector(settings: Settings) -> Callable[[], Awaitable[db.Connection]]:
    async def connect() -> db.Connection:
        return await db.connect(settings.database, "gateway", command_seconds=_COMMAND_SECONDS, session=lane.SESSION)

    return connect


async def _background(stack: contextlib.AsyncExitStack, work: Awaitable[None], name: str) -> None:
    """Run `work` beside the block, and cancel it at the block's end. A fault in it ends the process: Kubernetes starts
    it anew, which is better than a gateway that listens and does not write."""
    owner = asyncio.current_task()
    task = asyncio.ensure_future(work)

    def ended(task: asyncio.Future[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a part of the gateway failed", extra={"part": name}, exc_info=error)
            if owner is not None:
                owner.cancel()

    task.add_done_callback(ended)

    async def stop() -> None:
        task.cancel()
        await asyncio.wait({task})

    stack.push_async_callback(stop)


def routes(feeds: Sequence[ActiveFeed]) -> Routes:
    """Where the messages of these feeds belong, and how they are written."""
    zones = {name: zone(name) for name in {feed.time_zone for feed in feeds}}
    return Routes(
        {
            (feed.sending_application, feed.sending_facility): Route(
                feed.id, feed.facility, profile(feed.profile, zones[feed.time_zone])
            )
            for feed in feeds
        }
    )


async def _routes(
    settings: Settings,
    center: registry.Center,
    feeds_of: Callable[[db.Connection, registry.Center], Awaitable[list[ActiveFeed]]],
) -> Routes:
    """The routes of the feeds that `feeds_of` (sync or known) gives, for as long as it takes."""
    attempt = 0
    while True:
        try:
            async with db.connected(settings.database, "gateway-registry") as connection:
                feeds = await feeds_of(connection, center)
            return routes(feeds)
        except (*db.TRANSIENT, asyncpg.TransactionRollbackError) as error:
            log.info("the registry waits for the database", extra={"reason": db.describe(error)})
        await asyncio.sleep(db.backoff(attempt))
        attempt += 1
