"""The only road by which objects are written: fenced, counted, and taken into the cache ahead of the watch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from marsad.core.kinds import Kind
from marsad.core.world import Manifest
from marsad.shell.cache import Cache
from marsad.shell.client import Client
from marsad.shell.errors import ApiError
from marsad.shell.lease import Fence
from marsad.shell.metrics import Metrics


class Writer:
    """Writes of the leader. Raises NotLeader once this process may not write, and ApiError."""

    def __init__(self, client: Client, fence: Fence, cache: Cache, metrics: Metrics, *, at_once: int = 24) -> None:
        self._client = client
        self._fence = fence
        self._cache = cache
        self._metrics = metrics
        self._slots = asyncio.Semaphore(at_once)

    async def apply(self, kind: Kind, manifest: Manifest, *, status: bool = False) -> Manifest:
        """Server-side apply; the answer is in the cache when this returns."""
        doing = self._client.apply(kind, manifest, status=status, guard=self._fence.check)
        return await self._heard(kind, "apply-status" if status else "apply", doing)

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create; Conflict when the name is taken."""
        return await self._heard(kind, "create", self._client.create(kind, manifest, guard=self._fence.check))

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any], *, status: bool = False
    ) -> Manifest:
        """JSON merge patch; the answer is in the cache when this returns."""
        doing = self._client.patch(kind, namespace, name, patch, status=status, guard=self._fence.check)
        return await self._heard(kind, "patch-status" if status else "patch", doing)

    async def delete(
        self, kind: Kind, live: Manifest, *, propagation: str = "Background", same_version: bool = True
    ) -> None:
        """Delete this very object. The cache learns of it by the watch, since a finalizer may keep the object."""
        await self._counted(
            kind,
            "delete",
            self._client.delete(
                kind, live, propagation=propagation, same_version=same_version, guard=self._fence.check
            ),
        )

    async def _heard(self, kind: Kind, verb: str, doing: Awaitable[Manifest]) -> Manifest:
        answer: Manifest = await self._counted(kind, verb, doing)
        self._cache.wrote(kind, answer)
        return answer

    async def _counted(self, kind: Kind, verb: str, doing: Awaitable[Any]) -> Any:
        async with self._slots:
            try:
                answer = await doing
            except ApiError as error:
                self._metrics.write_errors.labels(kind.kind, verb, str(error.status)).inc()
                raise
        self._metrics.writes.labels(kind.kind, verb).inc()
        return answer
