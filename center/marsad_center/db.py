"""Connections to the center's PostgreSQL: credentials that rotate, TLS that verifies, fail-over that is survived.

A process may start before its database, before its role or before the schema; and a CloudNativePG fail-over ends every
connection. So nothing here is fatal that time can heal: `TRANSIENT` names those errors, `describe` says them in words.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import asyncpg

from marsad_center.facts import schema
from marsad_center.settings import DatabaseSettings

log = logging.getLogger(__name__)

Connection: TypeAlias = asyncpg.Connection  # asyncpg ships no types: Any to the checker

T = TypeVar("T")

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 30.0
_NOTIFY_BYTES = 7900  # PostgreSQL refuses payloads of 8000 bytes, and with them the transaction

# Errors that pass: no route, no server yet, no role or database yet, a primary that stops or has become a replica.
TRANSIENT: tuple[type[BaseException], ...] = (
    OSError,  # includes refused, reset, unreachable, TLS faults, a credentials file not there yet, and TimeoutError
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # asyncpg lost its place: the server ended the connection at a bad moment
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.exceptions.TargetServerAttributeNotMatched,
)


def describe(error: BaseException) -> str:
    """One line for people: what kind of error it was and what it said. Holds no secret (asyncpg never prints one)."""
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


async def connect(
    settings: DatabaseSettings,
    application: str,
    *,
    writable: bool = True,
    command_seconds: float = COMMAND_SECONDS,
    session: Mapping[str, str] | None = None,
) -> Connection:
    """A new connection as the role of the credentials folder, search_path `center`; `session`: more of its settings.

    `writable` refuses a server that is a replica, which is what an old primary is for a moment after a fail-over.
    Raises one of TRANSIENT when it cannot be had now.
    """
    username = (settings.credentials / "username").read_text().strip()
    password = (settings.credentials / "password").read_text().strip()
    tls: ssl.SSLContext | bool = False
    if settings.ca is not None:
        tls = ssl.create_default_context(cafile=str(settings.ca))  # checks host name and chain: verify-full
    return await asyncpg.connect(
        host=settings.host,
        port=settings.port,
        database=settings.name,
        user=username,
        password=password,
        ssl=tls,
        timeout=CONNECT_SECONDS,
        command_timeout=command_seconds,
        target_session_attrs="read-write" if writable else "any",
        server_settings={
            "application_name": application,
            "search_path": "center",
            # The server, too, must notice a client that vanished, or its locks would outlive it.
            "tcp_keepalives_idle": "15",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            "idle_in_transaction_session_timeout": "30000",
            **(session or {}),
        },
    )


def create_pool(settings: DatabaseSettings, application: str, *, size: int = 4, writable: bool = True) -> asyncpg.Pool:
    """A pool that opens connections only when asked (so it can be made before the database is there).

    Use as `async with create_pool(...) as pool`.
    """

    async def opened(*_arguments: Any, **_keywords: Any) -> Connection:
        return await connect(settings, application, writable=writable)

    return asyncpg.create_pool(
        min_size=0,
        max_size=size,
        connect=opened,
        max_inactive_connection_lifetime=60.0,
        command_timeout=COMMAND_SECONDS,
    )


def backoff(attempt: int, *, first: float = 0.1, most: float = 3.0) -> float:
    """Seconds to wait before try number `attempt` (from 0): doubling, capped, with half of it random."""
    return min(most, first * 2.0 ** min(attempt, 16)) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load only


async def wait_for_schema(
    settings: DatabaseSettings, application: str, waiting_for: Callable[[str], None], *, writable: bool = True
) -> None:
    """Return when the database answers and its schema is one this release can work with.

    Until then `waiting_for` is called with a sentence that says what is missing (give it `Readiness.missing`).
    """
    attempt = 0
    while True:
        try:
            connection = await connect(settings, application, writable=writable)
            try:
                fault = schema.fault(await schema.applied(connection))
            finally:
                await close(connection)
            if fault is None:
                return
            waiting_for(fault)
        except TRANSIENT as error:
            waiting_for(f"the database {settings.name} at {settings.host} does not answer ({describe(error)})")
        await asyncio.sleep(backoff(attempt))
        attempt += 1


async def close(connection: Connection) -> None:
    """Close politely for two seconds, then drop. Never raises: the connection may be dead already."""
    try:
        await connection.close(timeout=2)
    except (*TRANSIENT, asyncpg.PostgresError):
        connection.terminate()


@contextlib.asynccontextmanager
async def connected(
    settings: DatabaseSettings, application: str, *, writable: bool = True
) -> AsyncIterator[Connection]:
    """One connection for the length of the block."""
    connection = await connect(settings, application, writable=writable)
    try:
        yield connection
    finally:
        await close(connection)


def payload(facilities: Iterable[str]) -> str:
    """What a notification says of the facilities touched. More codes than it bears are said as "{}": anything."""
    text = json.dumps({"facilities": sorted(facilities)})
    return text if len(text.encode()) <= _NOTIFY_BYTES else "{}"


async def steadily(settings: DatabaseSettings, application: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """What `work` gives on a connection of its own, tried again while the database is away or another was first."""
    attempt = 0
    while True:
        try:
            async with connected(settings, application) as connection:
                return await work(connection)
        except (*TRANSIENT, asyncpg.TransactionRollbackError) as error:
            log.info("tried again", extra={"reason": describe(error)})
        await asyncio.sleep(backoff(attempt))
        attempt += 1


async def notify(connection: Connection, channel: str, facilities: Iterable[str] | None) -> None:
    """Say at commit which facilities were touched; None where anything may have been."""
    said = "{}" if facilities is None else payload(facilities)
    await connection.execute("SELECT pg_notify($1, $2)", channel, said)


class Listener:
    """LISTEN that outlives its connection: reconnects with backoff and says so, so that the caller can reload.

    Notifications are hints that are lost while disconnected; `on_connect` is therefore awaited after every (re)connect,
    *after* LISTEN took effect, and must reload everything. A dead peer is found by a `SELECT 1` every `check_seconds`.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        application: str,
        channels: Sequence[str],
        on_connect: Callable[[], Awaitable[None]],
        on_notification: Callable[[str, str], None],
        *,
        on_lost: Callable[[str], None] = lambda _reason: None,
        check_seconds: float = 5.0,
    ) -> None:
        self._settings, self._application, self._channels = settings, application, tuple(channels)
        self._on_connect, self._on_notification, self._on_lost = on_connect, on_notification, on_lost
        self._check_seconds = check_seconds
        self.connected = False

    async def run(self) -> None:
        """Listen until cancelled. `on_lost(reason)` once a connection ended or could not be had."""
        attempt = 0
        while True:
            try:
                async with connected(self._settings, self._application) as connection:
                    for channel in self._channels:
                        await connection.add_listener(channel, self._notified)
                    await self._on_connect()
                    self.connected, attempt = True, 0
                    await self._until_lost(connection)
            except TRANSIENT as error:
                self.connected = False
                self._on_lost(describe(error))
            await asyncio.sleep(backoff(attempt))
            attempt += 1

    async def _until_lost(self, connection: Connection) -> None:
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _connection: ended.set())
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._check_seconds):
                    await ended.wait()
            if not ended.is_set():
                await connection.execute("SELECT 1", timeout=self._check_seconds)
        raise ConnectionResetError("the server closed the connection")

    def _notified(self, _connection: Any, _process: int, channel: str, said: object) -> None:
        self._on_notification(channel, str(said))
