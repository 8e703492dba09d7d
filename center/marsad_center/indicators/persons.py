"""Keeps who is one person, and how many persons are vaccinated, as facts change: the database's function `keep_persons`
works off what its triggers noted (migration 0029), a bounded batch a transaction. Beside the passes of the engine and
on a connection of its own, so that no figure waits for it; the engine is told whose counts changed.

One at a time in the whole center: whoever holds the lock. It is the connection's, taken before any transaction begins,
so that none looks at the moment before another's last one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NamedTuple

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from marsad_center import db
from marsad_center.db import Connection
from marsad_center.hints import Hints
from marsad_center.settings import Settings

log = logging.getLogger(__name__)

APPLICATION = "persons"
BATCH = 500
GATHER_SECONDS = 0.5  # notes within this time share a batch
LOOK_SECONDS = 10.0  # also where no notification came
_LOCK = 0x7065_7273_6F6E  # "person"
_CLUSTER = ""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Kept(NamedTuple):
    """What a batch did: patient numbers looked at, facilities ('' is the cluster) whose counts or their being whole
    changed, and whether there is more to do."""

    numbers: int
    facilities: frozenset[str]
    more: bool


class PersonMetrics:
    """The series of the keeper, in `registry`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.numbers = Counter(
            "marsad_persons_kept", "Patient numbers whose person was looked at again", registry=registry
        )
        self.seconds = Histogram(
            "marsad_persons_batch_seconds", "Duration of a batch", buckets=_SECONDS, registry=registry
        )
        self.failures = Counter(
            "marsad_persons_failures", "Batches that failed and were tried again", registry=registry
        )
        self.common = Gauge(
            "marsad_common_identifiers",
            "Identifiers that too many patient numbers carry to be one person's; they link nobody",
            registry=registry,
        )


class Keeper:
    """Works until cancelled, whatever the database does: figures go on without it, and it makes up for it."""

    def __init__(self, settings: Settings, metrics: PersonMetrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._hints = Hints()

    def wake(self) -> None:
        """Something may have changed."""
        self._hints.anything()

    async def run(self) -> None:
        """Keep, until cancelled."""
        await db.wait_for_schema(self._settings.database, APPLICATION, lambda _sentence: None)
        attempt = 0
        while True:
            try:
                async with db.connected(self._settings.database, APPLICATION) as connection:
                    await self._alone(connection)
                    attempt = 0
                    await self._keep(connection)
            except Exception as error:  # whatever it is: what is noted stays noted, and figures go on
                self._metrics.failures.inc()
                log.warning("persons could not be kept, it is tried again", extra={"reason": db.describe(error)})
            await asyncio.sleep(db.backoff(attempt, most=30.0))
            attempt += 1

    async def _alone(self, connection: Connection) -> None:
        """Wait until no other keeper is there, as while one pod takes another's place."""
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110 - of the database
            await asyncio.sleep(LOOK_SECONDS)

    async def _keep(self, connection: Connection) -> None:
        while True:
            self._hints.take()
            while (done := await self._batch(connection)).more:
                if done.numbers < BATCH // 10:  # it keeps up with what comes in: let more come together
                    await asyncio.sleep(GATHER_SECONDS)
            self._metrics.common.set(await connection.fetchval("SELECT identifiers FROM common_identifiers"))
            if await self._hints.woken(LOOK_SECONDS):
                await asyncio.sleep(GATHER_SECONDS)

    async def _batch(self, connection: Connection) -> Kept:
        started = time.perf_counter()
        done = await keep(connection)
        if done.numbers:
            self._metrics.numbers.inc(done.numbers)
            self._metrics.seconds.observe(time.perf_counter() - started)
        return done


async def keep(connection: Connection, most: int = BATCH) -> Kept:
    """One batch. The engine is told at commit, of everything where only the cluster changed. Raises asyncpg's errors;
    the caller sees to it that nobody else keeps at the same time."""
    async with connection.transaction(isolation="repeatable_read"):
        row = await connection.fetchrow("SELECT * FROM keep_persons($1)", most)
        done = Kept(row["numbers"], frozenset(row["facilities"]), row["more"])
        if done.facilities:
            await db.notify(connection, "facts", (done.facilities - {_CLUSTER}) or None)
    return done
