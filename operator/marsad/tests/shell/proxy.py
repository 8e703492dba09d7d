"""A proxy before the API server that can be told to fail: what a bad network or a sick server does to an operator."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web

from e2e.apiserver import ApiServer
from marsad.shell.connection import Connection

LONGEST = 2**24  # bytes of a watch's line
Answer = Callable[[web.Request], web.Response | None]


@dataclass
class Proxy:
    """Forwards to the API server, as its administrator or with `token`. `fault` may answer in the server's place.

    `edit` changes the JSON of an answer, and of each object that a watch tells of. `cut()` ends the watches that are
    open; while `deaf` is set new watches are refused and open ones pass nothing on.
    """

    server: ApiServer
    fault: Answer = lambda _request: None
    edit: Callable[[str, dict[str, Any]], None] | None = None
    deaf: bool = False
    token: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)  # paths that an apply found empty
    _watches: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self.server.context)
        self._session = aiohttp.ClientSession(connector=connector, read_bufsize=LONGEST)
        application = web.Application(client_max_size=2**24)
        application.router.add_route("*", "/{tail:.*}", self._forward)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.cut()
        await self._runner.cleanup()
        await self._session.close()

    @property
    def connection(self) -> Connection:
        return Connection(f"http://127.0.0.1:{self._port}", token=self.token or self.server.token)

    def writes(self, namespace: str = "") -> list[tuple[str, str]]:
        """(method, path) of what was written so far (into a namespace), other than Leases."""
        within = f"/namespaces/{namespace}"
        return [
            (method, path)
            for method, path in self.seen
            if method != "GET" and "/leases" not in path and (not namespace or within in path)
        ]

    def cut(self) -> None:
        """End every open watch without a word."""
        for task in self._watches:
            task.cancel()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path_qs))
        self.agents.append(request.headers.get("User-Agent", ""))
        if (answer := self.fault(request)) is not None:
            return answer
        headers = {name: value for name, value in request.headers.items() if name not in ("Host", "Accept-Encoding")}
        url = self.server.url + request.path_qs
        async with self._session.request(
            request.method,
            url,
            data=await request.read() or None,
            headers=headers,
            skip_auto_headers=["Content-Type"],
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answered:
            if answered.status == 201 and request.method == "PATCH":
                self.made.append(request.path)
            if request.query.get("watch") != "1":
                if answered.content_type != "application/json":
                    return web.Response(status=answered.status, body=await answered.read())
                body = await answered.json()
                if self.edit is not None:
                    self.edit(request.path, body)
                return web.json_response(body, status=answered.status)
            return await self._watch(request, answered)

    async def _watch(self, request: web.Request, answered: aiohttp.ClientResponse) -> web.StreamResponse:
        if self.deaf:
            return problem(503, "deaf")
        response = web.StreamResponse(status=answered.status)
        await response.prepare(request)
        task = asyncio.create_task(self._pump(request.path, answered, response))
        self._watches.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self._watches.discard(task)
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _pump(self, path: str, answered: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        with contextlib.suppress(ConnectionResetError):  # the operator ended its watch
            async for line in answered.content:
                if not self.deaf:
                    await response.write(line if self.edit is None else self._edited(path, line))

    def _edited(self, path: str, line: bytes) -> bytes:
        assert self.edit is not None
        event = json.loads(line)
        self.edit(path, event["object"])
        return json.dumps(event).encode() + b"\n"


def problem(code: int, message: str, *, reason: str = "", retry_after: int | None = None) -> web.Response:
    """A refusal as the API server words it."""
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.Response(
        status=code, text=json.dumps(status | {"reason": reason}), content_type="application/json", headers=headers
    )
