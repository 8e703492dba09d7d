"""`python -m marsad_center dashboard`: the page, its JSON and its stream on 8000; probes and metrics on 9090."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, MutableMapping, Sequence
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from marsad_center import db, ops
from marsad_center.settings import Settings
from marsad_center.web import api, codes, forecasts, history, pages, problems, recommendations
from marsad_center.web.database import Database
from marsad_center.web.refresh import APPLICATION, Refresher
from marsad_center.web.snapshot import Snapshot
from marsad_center.web.stream import Hub

# Nothing from elsewhere, nothing inline: a name that holds markup stays a name.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Puts the security headers on every response and counts responses by code."""

    def __init__(self, app: ASGIApp, responses: Counter) -> None:
        self._app, self._responses = app, responses
        self._headers = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self._responses.labels(str(message["status"])).inc()
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, guarded)


def application(
    routes: Sequence[BaseRoute], readiness: ops.Readiness, metrics: CollectorRegistry = REGISTRY
) -> ASGIApp:
    """The ASGI application of port 8000."""
    responses = Counter("marsad_http_responses", "Responses by code", ["code"], registry=metrics)
    app = Starlette(
        routes=[*ops.probe_routes(readiness), *routes],
        exception_handlers={
            problems.Problem: problems.on_problem,
            HTTPException: problems.on_http_exception,
            Exception: problems.on_fault,
        },
    )
    return Guard(app, responses)  # around all of it: Starlette answers faults outside of its own middleware


def _routes(
    settings: Settings, snapshot: Snapshot, hub: Hub, database: Database, metrics: CollectorRegistry
) -> list[BaseRoute]:
    return [
        *api.routes(snapshot, hub),
        *history.routes(snapshot, database),
        *forecasts.routes(snapshot, database),
        *codes.routes(snapshot, database),
        *recommendations.routes(snapshot, database, settings.identity_header, metrics),
        *pages.routes(snapshot),
    ]


@contextlib.asynccontextmanager
async def dashboard(settings: Settings, metrics: CollectorRegistry = REGISTRY) -> AsyncIterator[tuple[int, Refresher]]:
    """Serve for the length of the block; yields the HTTP port and the Refresher that must be run within it."""
    snapshot, hub, readiness = Snapshot(), Hub(metrics), ops.Readiness("database")
    refresher = Refresher(settings, snapshot, hub, readiness)
    async with (
        db.create_pool(settings.database, APPLICATION) as pool,
        ops.serving(ops.ops_application(readiness, metrics), settings.bind, settings.metrics_port),
        ops.serving(
            application(_routes(settings, snapshot, hub, Database(pool), metrics), readiness, metrics),
            settings.bind,
            settings.http_port,
        ) as port,
    ):
        try:
            yield port, refresher
        finally:
            hub.close()


async def run(settings: Settings) -> None:
    """The component, until cancelled."""
    async with dashboard(settings) as (_, refresher):
        await refresher.run()
