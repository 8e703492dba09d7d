"""One HTTP request to the API server: login, time-out, pauses the server asks for, typed errors, streams of lines.

Every request ends within `timeout` seconds (5 by default): the fence of shell/lease.py counts on that.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import aiohttp

from marsad.shell.connection import Connection
from marsad.shell.errors import ApiError, Overloaded, Unreachable, from_status

JSON = "application/json"
ATTEMPTS = 4  # of one request, while the server asks for pauses
LONGEST_PAUSE = 10.0
TOKEN_LIFE = 30.0  # seconds before a token file is read again
QUIET = 75.0  # seconds without even a bookmark, which comes each minute, after which a watch is taken for dead

Guard = Callable[[], None]
"""Raises when this process may not write (any more)."""


class Transport:
    """Requests to one API server. Use as an async context manager."""

    def __init__(self, connection: Connection, *, user_agent: str = "marsad", timeout: float = 5.0) -> None:
        self.timeout = timeout
        self._connection = connection
        self._agent = user_agent
        self._tls = connection.ssl_context()
        self._session: aiohttp.ClientSession | None = None
        self._read_at, self._bearer = float("-inf"), connection.token

    async def __aenter__(self) -> Self:
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(_ask_guard)
        tracing.on_connection_reuseconn.append(_ask_guard)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls if self._tls is not None else True),
            headers={"User-Agent": self._agent},
            trace_configs=[tracing],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = JSON,
        body: Mapping[str, Any] | None = None,
        content: str = JSON,
        guard: Guard | None = None,
    ) -> dict[str, Any]:
        """The answer's JSON. Raises ApiError, and whatever the guard raises before each attempt."""
        data = None if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {"Accept": accept} | ({"Content-Type": content} if data is not None else {})
        timeout = aiohttp.ClientTimeout(total=self.timeout)
        for attempt in range(1, ATTEMPTS + 1):
            if guard is not None:
                guard()
            try:
                sending = self._open(
                    method, path, query=query, headers=headers, timeout=timeout, data=data, guard=guard
                )
                async with sending as response:
                    if response.status < 400:
                        return dict(json.loads(await response.read()))
                    failure = await _failure(response)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:  # no JSON is no answer either
                raise Unreachable(f"{method} {path}: {error or type(error).__name__}") from error
            if failure.status == 401 and attempt == 1 and self._connection.token_path is not None:
                self._read_at = float("-inf")  # the token may have rotated since it was read
            elif isinstance(failure, Overloaded) and failure.retry_after is not None and attempt < ATTEMPTS:
                await asyncio.sleep(min(failure.retry_after, LONGEST_PAUSE) * random.uniform(1.0, 1.25))  # noqa: S311
            else:
                raise failure
        raise AssertionError("the last attempt returns or raises")

    async def stream(self, path: str, *, query: Mapping[str, str], accept: str = JSON) -> AsyncIterator[Any]:
        """The JSON values of a watch, one a line, until the server ends it. Raises ApiError."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.timeout, sock_read=QUIET)
        try:
            async with self._open("GET", path, query=query, headers={"Accept": accept}, timeout=timeout) as response:
                if response.status >= 400:
                    raise await _failure(response)
                async for line in _lines(response.content):
                    yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"GET {path} (watch): {error or type(error).__name__}") from error

    def _open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,
        data: bytes | None = None,
        guard: Guard | None = None,
    ) -> Any:
        if self._session is None:
            raise RuntimeError("the client is used outside its context")
        if bearer := self._token():
            headers = {**headers, "Authorization": f"Bearer {bearer}"}
        return self._session.request(
            method,
            self._connection.server + path,
            params=query,
            headers=headers,
            data=data,
            timeout=timeout,
            server_hostname=self._connection.server_name,
            trace_request_ctx=guard,
        )

    def _token(self) -> str | None:
        if time.monotonic() - self._read_at > TOKEN_LIFE:
            self._read_at, self._bearer = time.monotonic(), self._connection.bearer()
        return self._bearer


async def _ask_guard(_session: aiohttp.ClientSession, context: SimpleNamespace, _parameters: object) -> None:
    """Ask the guard again when a connection is at hand: nothing but the writing of the bytes comes after."""
    if context.trace_request_ctx is not None:
        context.trace_request_ctx()


async def _failure(response: aiohttp.ClientResponse) -> ApiError:
    pause = response.headers.get("Retry-After", "")
    retry_after = float(pause) if pause.isdigit() else None
    text = await response.text(errors="replace")
    try:
        status = json.loads(text)
    except ValueError:
        status = {"message": text.strip()[:500]}
    return from_status(status if isinstance(status, dict) else {}, response.status, retry_after)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length (aiohttp's own reader refuses long ones)."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line
