"""A plain client of an API server: what a script of a few lines would use, and the floor of the converge benchmark."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp

from e2e.apiserver import ApiServer
from marsad.core.kinds import Kind, kind_of
from marsad.core.world import Key, Manifest

AT_ONCE = 24  # requests under way; the operator's own bound, so that neither has more of the server than the other
APPLY = "application/apply-patch+yaml"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class Api:
    """Requests as the administrator, at most AT_ONCE at a time. Use as an async context manager."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._server.context)
        headers = {"Authorization": f"Bearer {self._server.token}", "Content-Type": "application/json"}
        self._session = aiohttp.ClientSession(self._server.url, connector=connector, headers=headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, method: str, path: str, body: Any = None, content: str = "application/json") -> dict[str, Any]:
        """The JSON answer. Raises AssertionError with the server's words when it refuses."""
        assert self._session is not None
        data = None if body is None else json.dumps(body)
        async with (
            self._slots,
            self._session.request(method, path, data=data, headers={"Content-Type": content}) as answer,
        ):
            text = await answer.text()
            assert answer.status < 300 or (method == "DELETE" and answer.status == 404), text
            return dict(json.loads(text))

    async def apply_all(self, manifests: Iterable[Manifest]) -> None:
        """Server-side apply of every manifest: the raw script."""
        await asyncio.gather(*(self._apply(manifest) for manifest in manifests))

    async def _apply(self, manifest: Manifest) -> None:
        await self.ask("PATCH", f"{path(manifest)}?fieldManager=bench&force=true", manifest, APPLY)

    async def watch(self, kind: Kind) -> AsyncIterator[bytes]:
        """A line for each change of any object of a kind, from now on; its metadata only."""
        assert self._session is not None
        answer = await self.ask("GET", f"{folder(kind, '')}?limit=1")
        start = f"?watch=1&resourceVersion={answer['metadata']['resourceVersion']}"
        timeout = aiohttp.ClientTimeout(total=None)
        headers = {"Accept": METADATA}
        async with self._session.get(folder(kind, "") + start, headers=headers, timeout=timeout) as stream:
            async for line in stream.content:
                yield line

    async def list(self, kind: Kind, namespace: str = "") -> Sequence[Manifest]:
        """All objects of a kind."""
        answer = await self.ask("GET", folder(kind, namespace))
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in answer["items"]]


def folder(kind: Kind, namespace: str) -> str:
    """Where the objects of a kind lie."""
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    return f"{root}/namespaces/{namespace}/{kind.plural}" if namespace else f"{root}/{kind.plural}"


def path(manifest: Manifest) -> str:
    """Where a manifest belongs."""
    key = Key.of(manifest)
    return f"{folder(kind_of(key.group, key.kind), key.namespace)}/{key.name}"
