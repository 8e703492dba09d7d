"""Keeps the cache true: one list and watch a kind, discovery for kinds that may come and go.

A watch that the server ends in good order is continued where it stopped. Whatever else happens (cut, silence, expired
version, refusal) leads to a relist after a jittered pause, and until that succeeds the kind counts as incomplete.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable
from contextlib import aclosing

from marsad.core.kinds import Kind
from marsad.shell.cache import Cache
from marsad.shell.client import Client
from marsad.shell.errors import ApiError, Gone, NotFound
from marsad.shell.metrics import Metrics

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds, between attempts to list
DISCOVERY = 5.0  # seconds between questions whether an optional kind is offered


class Watches:
    """Lists and watches `kinds` into the cache until cancelled."""

    def __init__(self, client: Client, cache: Cache, kinds: Iterable[Kind], metrics: Metrics) -> None:
        self._client = client
        self._cache = cache
        self._kinds = tuple(kinds)
        self._metrics = metrics
        self._running: dict[Kind, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Watch everything, for ever. Ends only by cancellation, or by a fault of the program."""
        async with asyncio.TaskGroup() as group:
            for kind in self._kinds:
                if not kind.optional:
                    group.create_task(self.follow(kind), name=f"watch {kind.plural}")
            group.create_task(self._discover(group), name="discovery")

    async def follow(self, kind: Kind) -> None:
        """List and watch one kind. Returns when the kind is optional and the server stops offering it."""
        pause = FIRST_PAUSE
        while True:
            try:
                version = await self._list(kind)
                pause = FIRST_PAUSE
                while True:
                    version = await self._watch(kind, version)
            except NotFound:
                if kind.optional:
                    self._cache.forget(kind)
                    return
                log.warning("%s is not served: are the CRDs installed?", kind.plural)
            except Gone:
                log.info("watch of %s expired; listing again", kind.plural)
            except ApiError as error:
                log.warning("watch of %s failed: %s", kind.plural, error)
            self._cache.mark(kind, current=False)
            self._metrics.watch_restarts.labels(kind.kind).inc()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, guards nothing)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _list(self, kind: Kind) -> str:
        listing = await self._client.list(kind, selector=kind.selector)
        self._cache.replace(kind, listing.items, listing.resource_version)
        return listing.resource_version

    async def _watch(self, kind: Kind, version: str) -> str:
        watching = self._client.watch(kind, resource_version=version, selector=kind.selector)
        async with aclosing(watching) as events:
            async for event in events:
                version = event.object["metadata"]["resourceVersion"]
                if event.type != "BOOKMARK":
                    self._cache.hear(kind, event.type, event.object)
        return version

    async def _discover(self, group: asyncio.TaskGroup) -> None:
        optional = [kind for kind in self._kinds if kind.optional]
        while optional:
            for api in sorted({(kind.group, kind.version) for kind in optional}):
                try:
                    offered = await self._client.served(*api)
                except ApiError as error:
                    log.warning("discovery of %s failed: %s", "/".join(api), error)
                    continue
                for kind in optional:
                    if (kind.group, kind.version) == api:
                        self._consider(group, kind, kind.kind in offered)
            await asyncio.sleep(DISCOVERY * random.uniform(0.8, 1.2))  # noqa: S311

    def _consider(self, group: asyncio.TaskGroup, kind: Kind, offered: bool) -> None:
        task = self._running.get(kind)
        if offered and (task is None or task.done()):
            log.info("%s.%s is served; watching it", kind.plural, kind.group)
            self._running[kind] = group.create_task(self.follow(kind), name=f"watch {kind.plural}")
        elif not offered and (task is None or task.done()):
            self._cache.forget(kind)
