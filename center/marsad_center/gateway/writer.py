"""Group commit: messages of all connections into one transaction, acknowledged only when it is committed.

While one batch commits, the next gathers: the busier the gateway, the larger the batches, with no timer to tune. Once
a whole one has gathered a second connection begins with it, so that the database works while this process does. When
the database is away batches are held and tried again; nothing is answered meanwhile, and what was held too long is let
go unanswered, so that its sender sends it again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from marsad_center import db
from marsad_center.gateway import metrics
from marsad_center.gateway.inbound import Inbound
from marsad_center.gateway.lane import Lane
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.storing import Outcome
from marsad_center.gateway.waiting import Group, Item, Waiting
from marsad_center.keys import Keys
from marsad_center.ops import Readiness

_PING_SECONDS = 5.0


class NotStored(Exception):
    """There was no room for as long as a message may be held: close the connection without an answer."""


class Writer:
    """The only one in this process that writes messages. `run` it as a task; `submit` from connections."""

    def __init__(
        self, connect: Callable[[], Awaitable[db.Connection]], limits: Limits, readiness: Readiness, keys: Keys
    ) -> None:
        self._limits = limits
        self._waiting = Waiting(limits)
        self.elsewhere = asyncio.Event()  # set when the feeds are to be looked up anew: the database may be another
        self._lanes = [Lane(connect, readiness, keys, self.elsewhere) for _ in range(limits.lanes)]
        self._busy = 0
        self._worth_a_look = asyncio.Event()

    async def submit(self, inbounds: Sequence[Inbound]) -> asyncio.Future[list[Outcome | None]]:
        """Queue what one connection brought, waiting while the queue is full (back-pressure to the sender). The future
        gets the outcomes after the commit. Raises NotStored."""
        group = Group(inbounds, asyncio.get_running_loop().time() + self._limits.hold_seconds)
        try:
            await self._waiting.put(group)
        except TimeoutError:
            metrics.NOT_STORED.inc(len(inbounds))
            raise NotStored from None
        metrics.QUEUE_DEPTH.set(self._waiting.depth)
        if self._ready:
            self._worth_a_look.set()
        return group.outcomes

    @property
    def _ready(self) -> bool:
        """Whether a batch is worth its commit: anything is while nothing else is written, else only a whole one."""
        return self._waiting.depth >= self._limits.batch if self._busy else self._waiting.depth > 0

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._serve(lane))

    async def _serve(self, lane: Lane) -> None:
        try:
            while True:
                batch = await self._gather(_PING_SECONDS if lane.connected else 0.2)
                if batch:
                    await self._write(lane, batch)
                    del batch  # may be many MiB, and the next one may be long in coming
                else:
                    await lane.ping()
        finally:
            lane.drop()

    async def _gather(self, seconds: float) -> list[Item]:
        """What waits, up to the limits of a batch; [] after a quiet time."""
        try:
            async with asyncio.timeout(seconds):
                while not self._ready:
                    self._worth_a_look.clear()
                    await self._worth_a_look.wait()
        except TimeoutError:
            return []
        batch = self._waiting.take()
        metrics.QUEUE_DEPTH.set(self._waiting.depth)
        return batch

    async def _write(self, lane: Lane, batch: list[Item]) -> None:
        size = sum(len(item.inbound.raw) for item in batch)
        self._busy += 1
        try:
            await lane.settle(batch)
        finally:
            self._busy -= 1
            for item in batch:
                if item.open:  # only when this task is ended within a batch
                    item.close(None)
            self._waiting.written(size)
            self._worth_a_look.set()
            _tell(batch)


def _tell(batch: Sequence[Item]) -> None:
    codes: Counter[str] = Counter()
    for item in batch:
        outcome = item.outcome
        if outcome is None:
            metrics.NOT_STORED.inc()
            continue
        if outcome.code is not None:
            codes[outcome.code] += 1
        if outcome.result == "duplicate":
            metrics.DUPLICATES.inc()
        if outcome.reason:
            metrics.QUARANTINED.labels(outcome.reason).inc()
    for code, count in codes.items():
        metrics.ACKNOWLEDGED.labels(code).inc(count)
