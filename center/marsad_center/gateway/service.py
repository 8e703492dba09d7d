"""The gateway process: wait for the schema, follow the registry, serve MLLP and FHIR, and end without losing any."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

import asyncpg
from starlette.applications import Starlette

from marsad_center import db, keys, registry
from marsad_center.facts.registry_sync import ActiveFeed, known, names, sync
from marsad_center.gateway import key_check, lane, metrics
from marsad_center.gateway.certificate import Guard, guard
from marsad_center.gateway.credentials import Credentials
from marsad_center.gateway.fhir.connections import bounded
from marsad_center.gateway.fhir.intake import Intake
from marsad_center.gateway.fhir.limits import FhirLimits
from marsad_center.gateway.handshakes import Handshakes
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.listening import Listening
from marsad_center.gateway.profile import profile
from marsad_center.gateway.route import OVER_TLS, PROTOCOLS, Route, Routes, zone
from marsad_center.gateway.writer import Writer
from marsad_center.ops import Readiness, Served, http_server, ops_application, probe_routes, serving
from marsad_center.settings import Settings

log = logging.getLogger(__name__)

_COMMAND_SECONDS = 10.0
_UNREAD_HTTP = 64 * 1024  # bytes of a connection over TLS that may wait in the kernel


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the gateway listens (tests ask for any free ports)."""

    mllp: int | None
    http: int
    metrics: int
    mllps: int | None = None
    https: int | None = None


def http_application(readiness: Readiness, intake: Intake | None) -> Starlette:
    """Ports 8080 and 8443: probes, and FHIR where it is heard. Metrics are not served here: facilities reach these
    ports."""
    return Starlette(routes=[*probe_routes(readiness), *(intake.paths() if intake is not None else [])])


async def run(
    settings: Settings,
    limits: Limits | None = None,
    started: Callable[[Ports], None] = lambda _ports: None,
    fhir_limits: FhirLimits | None = None,
) -> None:
    """Serve until cancelled. `started` gets the ports once everything listens."""
    limits, fhir_limits = limits or Limits(), fhir_limits or FhirLimits()
    _open_files(limits.connections + fhir_limits.connections + 128)  # and databases, probes, logs
    sealing = keys.load(settings.keys)
    readiness = Readiness("schema", "database", "registry")
    writer = Writer(_connector(settings, sealing), limits, readiness, sealing)
    listening = Listening(writer, limits)
    first = asyncio.Event()
    intake = Intake(writer, fhir_limits, lambda: listening.routes if first.is_set() else None)
    async with contextlib.AsyncExitStack() as stack:
        ops_port = await stack.enter_async_context(
            serving(ops_application(readiness), settings.bind, settings.metrics_port)
        )
        http = await stack.enter_async_context(
            http_server(
                http_application(readiness, intake if "fhir" in settings.pipelines else None),
                settings.bind,
                settings.http_port,
                protocol=bounded(fhir_limits),
            )
        )
        await db.wait_for_schema(settings.database, "gateway", lambda reason: readiness.missing("schema", reason))
        readiness.met("schema")
        await db.steadily(settings.database, "gateway", lambda connection: key_check.check(connection, sealing))

        await _background(stack, writer.run(), "writer")

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
        await _background(stack, registry.watch(settings.center, follow, anew=writer.elsewhere), "registry")
        await first.wait()  # before that every sender would be unknown, and be told so
        stack.push_async_callback(intake.drain)
        mllp_port = None
        if "hl7" in settings.pipelines:
            mllp_port = await stack.enter_async_context(listening.serving(settings.bind, settings.mllp_port))
        over_tls = await _tls(stack, settings, limits, listening, http)
        ports = Ports(mllp_port, http.port, ops_port, *over_tls)
        log.info("serving", extra=asdict(ports))
        started(ports)
        await asyncio.get_running_loop().create_future()  # until cancelled


def _open_files(needed: int) -> None:
    """Some container runtimes give a process 1,024 unless it asks for what it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < needed:
        log.warning("fewer files may be open than connections are allowed", extra={"files": wanted, "needed": needed})


async def _tls(
    stack: contextlib.AsyncExitStack, settings: Settings, limits: Limits, listening: Listening, http: Served
) -> tuple[int | None, ...]:
    """Listen over TLS, where the settings say with what; the ports of MLLP and HTTP. Files that cannot be used hold up
    nothing else."""
    if settings.tls is None:
        return ()
    mllps = https = None
    credentials = Credentials(settings.tls)
    credentials.renew()
    await _background(stack, credentials.follow(), "credentials")
    if "hl7" in settings.pipelines:
        mllps = await stack.enter_async_context(listening.serving_tls(settings.bind, settings.mllps_port, credentials))
    if "fhir" in settings.pipelines:
        handshakes = Handshakes(credentials, limits, http.connection, "https")
        https = await stack.enter_async_context(handshakes.serving(settings.bind, settings.https_port, _UNREAD_HTTP))
    return mllps, https


def _connector(settings: Settings, sealing: keys.Keys) -> Callable[[], Awaitable[db.Connection]]:
    """Connections to store with: to a database that was written with these keys, whatever it was that answered."""

    async def connect() -> db.Connection:
        connection = await db.connect(
            settings.database, "gateway", command_seconds=_COMMAND_SECONDS, session=lane.SESSION
        )
        try:
            await key_check.check(connection, sealing)
        except BaseException:
            connection.terminate()
            raise
        return connection

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
    """Where the messages of these feeds belong, how they are written, and how they come."""
    zones = {name: zone(name) for name in {feed.time_zone for feed in feeds}}
    declared = names(feeds)
    for feed in feeds:
        if feed.declared.transport not in PROTOCOLS:
            extra = {"facility": feed.facility, "feed": feed.declared.name, "transport": feed.declared.transport}
            log.error("this release does not hear the transport of a feed, which is left out", extra=extra)
    return Routes(
        {
            (feed.sending_application, feed.sending_facility): Route(
                feed.id,
                feed.facility,
                profile(feed.declared.profile, zones[feed.time_zone], feed.facility, declared),
                PROTOCOLS[feed.declared.transport],
                _guard(feed.declared),
                feed.declared.name,
            )
            for feed in feeds
            if feed.declared.transport in PROTOCOLS
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


def _guard(feed: registry.Feed) -> Guard | None:
    """What the feed asks of a certificate: a feed over TLS without a declared one admits nobody."""
    if feed.transport not in OVER_TLS:
        return None
    declared = feed.certificate or registry.ClientCertificate()
    return guard(declared.name, declared.fingerprints)
