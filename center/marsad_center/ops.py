"""What operators of the center see: JSON log lines on stdout, and a small HTTP server for probes and metrics.

Every component serves /metrics (Prometheus), /healthz (the process turns) and /readyz (it can do its work; a JSON body
says what is missing). No line and no label ever holds message content or anything about a patient.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import prometheus_client
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

UNREAD_SECONDS = 20.0  # what a client takes no byte of for so long is its last answer: the system ends the connection

# What a LogRecord has by itself; everything else on it came in through `extra=` and is printed as a field.
_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, component, logger, message, then the `extra` fields."""

    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "component": self._component,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _RECORD_FIELDS)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logging(component: str, level: str) -> None:
    """Send every logger of the process to stdout as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(component))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("uvicorn.error", "asyncio"):
        logging.getLogger(noisy).setLevel("WARNING")


class Readiness:
    """What a component needs before it can do its work, each by name with a sentence while it is missing."""

    def __init__(self, *needs: str) -> None:
        self._missing: dict[str, str] = dict.fromkeys(needs, "not checked yet")
        self._needs = needs

    def missing(self, need: str, sentence: str) -> None:
        """`need` is not met; `sentence` says what is waited for."""
        if self._missing.get(need) != sentence:
            logging.getLogger(__name__).info("waiting", extra={"need": need, "reason": sentence})
        self._missing[need] = sentence

    def met(self, need: str) -> None:
        """`need` is met now."""
        if self._missing.pop(need, None) is not None:
            logging.getLogger(__name__).info("met", extra={"need": need})

    @property
    def ready(self) -> bool:
        """True when nothing is missing."""
        return not self._missing

    def document(self) -> dict[str, Any]:
        """{"ready": bool, "needs": {name: "met" or the sentence that says what is waited for}}."""
        return {"ready": self.ready, "needs": {need: self._missing.get(need, "met") for need in self._needs}}


def probe_routes(readiness: Readiness) -> list[Route]:
    """/healthz and /readyz, for every HTTP server of the component."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        return JSONResponse(readiness.document(), status_code=200 if readiness.ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def ops_application(readiness: Readiness, registry: CollectorRegistry = prometheus_client.REGISTRY) -> Starlette:
    """The application of port 9090."""

    async def metrics(_request: Request) -> Response:
        return Response(prometheus_client.generate_latest(registry), media_type=prometheus_client.CONTENT_TYPE_LATEST)

    return Starlette(routes=[*probe_routes(readiness), Route("/metrics", metrics)])


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # __main__ alone answers signals


@dataclass(frozen=True, slots=True)
class Served:
    """A running HTTP server. `connection` makes the protocol of a connection that someone else accepts: the server
    serves and ends it with its own."""

    port: int
    connection: Callable[[], asyncio.Protocol]


def end_unread(connection: socket.socket) -> None:
    """Have the system end a connection (or what a listener accepts) whose peer takes no byte for UNREAD_SECONDS."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_SECONDS * 1000))


@contextlib.asynccontextmanager
async def serving(application: Any, host: str, port: int, *, grace: int = 5) -> AsyncIterator[int]:
    """As `http_server`; yields the port."""
    async with http_server(application, host, port, grace=grace) as served:
        yield served.port


@contextlib.asynccontextmanager
async def http_server(
    application: Any, host: str, port: int, *, grace: int = 5, protocol: type[asyncio.Protocol] | None = None
) -> AsyncIterator[Served]:
    """Serve an ASGI `application` for the length of the block, at any free port when `port` is 0. `protocol`: uvicorn's
    for HTTP, with limits of its own.

    At the end, open requests get `grace` seconds. Raises OSError at once when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end_unread(listener)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=grace,
        server_header=False,
        http=protocol or "auto",
    )
    server = _Server(config)

    def connection() -> asyncio.Protocol:
        if not config.loaded:
            config.load()
        made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg] # as uvicorn calls it
            config=config, server_state=server.server_state, app_state=server.lifespan.state
        )
        return made

    task = asyncio.create_task(server.serve(sockets=[listener]), name=f"http-{port}")
    try:
        yield Served(int(listener.getsockname()[1]), connection)
    finally:
        server.should_exit = True
        await task
        listener.close()
