"""Group commit: messages of all connections into one transaction, acknowledged only when it is committed.

While one batch commits, the next gathers: the busier the gateway, the larger the batches, with no timer to tune. When
the database is away the batch is held and tried again; nothing is answered meanwhile, and what was held too long is let
go unanswered, so that its sender sends it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg

from marsad_center import db
from marsad_center.gateway import metrics
from marsad_center.gateway.inbound import Inbound
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.storing import Outcome, store
from marsad_center.ops import Readiness

log = logging.getLogger(__name__)

_CONTENTION = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)
_PING_SECONDS = 5.0


class NotStored(Exception):
    """The database stayed away longer than the message may be held: close the connection without an answer."""


@dataclass(slots=True)
class _Item:
    inbound: Inbound
    outcome: asyncio.Future[Outcome]
    deadline: float


@dataclass(slots=True)
class _Attempt:
    """The batch whose COMMIT was sent and not answered: its outcomes hold if the database has its number."""

    number: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    in_doubt: bool = False


class Writer:
    """The only one in this process that writes messages. `run` it as a task; `submit` from connections."""

    def __init__(self, connect: Callable[[], Awaitable[db.Connection]], limits: Limits, readiness: Readiness) -> None:
        self._connect, self._limits, self._readiness = connect, limits, readiness
        self._queue: asyncio.Queue[_Item] = asyncio.Queue(limits.queue)
        self._bytes = 0
        self._room = asyncio.Event()
        self._connection: db.Connection | None = None
        self._instance = uuid.uuid4()
        self._number = 0

    async def submit(self, inbound: Inbound) -> asyncio.Future[Outcome]:
        """Queue `inbound`, waiting while the queue is full (back-pressure to the sender). Its future gets the outcome
        after the commit, or NotStored. Raises NotStored when there was no room for as long as a message may be held."""
        loop = asyncio.get_running_loop()
        item = _Item(inbound, loop.create_future(), loop.time() + self._limits.hold_seconds)
        try:
            async with asyncio.timeout_at(item.deadline):
                while self._bytes >= self._limits.queue_bytes:
                    self._room.clear()
                    await self._room.wait()
                self._bytes += len(inbound.raw)
                try:
                    await self._queue.put(item)
                except BaseException:
                    self._bytes -= len(inbound.raw)
                    raise
        except TimeoutError:
            metrics.NOT_STORED.inc()
            raise NotStored from None
        metrics.QUEUE_DEPTH.set(self._queue.qsize())
        return item.outcome

    async def run(self) -> None:
        """Write until cancelled."""
        try:
            while True:
                batch = await self._gather()
                if batch:
                    await self._write(batch)
                    del batch  # may be many MiB, and the next one may be long in coming
                else:
                    await self._ping()
        finally:
            await self._drop()

    async def _gather(self) -> list[_Item]:
        """Whatever is queued, at least one item, up to the limits of a batch; [] after a quiet time."""
        try:
            first = await asyncio.wait_for(self._queue.get(), _PING_SECONDS if self._connection else 0.2)
        except TimeoutError:
            return []
        batch, size = [first], len(first.inbound.raw)
        while len(batch) < self._limits.batch and size < self._limits.batch_bytes and not self._queue.empty():
            item = self._queue.get_nowait()
            batch.append(item)
            size += len(item.inbound.raw)
        metrics.QUEUE_DEPTH.set(self._queue.qsize())
        return batch

    async def _write(self, batch: list[_Item]) -> None:
        try:
            await self._settle(batch)
        finally:
            self._bytes -= sum(len(item.inbound.raw) for item in batch)
            self._room.set()
            for item in batch:
                _let_go(item)  # only when this task is ended within a batch

    async def _settle(self, batch: list[_Item]) -> None:
        """Store `batch`, holding it while the database is away; alone what cannot be stored together."""
        attempt = _Attempt()
        tries = 0
        while True:
            self._let_go_overdue(batch)
            batch = [item for item in batch if not item.outcome.done()] if not attempt.in_doubt else batch
            if not batch or all(item.outcome.done() for item in batch):
                return
            try:
                await self._commit(batch, attempt)
            except db.TRANSIENT as error:
                await self._lost(error)
            except _CONTENTION as error:
                log.info("a batch met another one, again", extra={"reason": db.describe(error)})
            except Exception as error:
                if self._connection is not None and not self._connection.is_closed():
                    await self._isolate(batch, error)
                    return
                await self._lost(error)  # whatever it was, it came with the end of the connection
            else:
                for item, outcome in zip(batch, attempt.outcomes, strict=True):
                    _answer(item, outcome)
                return
            metrics.DATABASE_RETRIES.inc()
            await asyncio.sleep(db.backoff(tries, most=1.0))
            tries += 1

    async def _commit(self, batch: list[_Item], attempt: _Attempt) -> None:
        connection = await self._connected()
        if attempt.in_doubt and await self._was_committed(connection, attempt.number):
            attempt.in_doubt = False
            return
        attempt.in_doubt = False
        self._number += 1
        attempt.number = self._number
        started = time.perf_counter()
        transaction = connection.transaction()
        await transaction.start()
        try:
            attempt.outcomes = await store(connection, [item.inbound for item in batch])
            await connection.execute(
                "INSERT INTO gateway_commit VALUES ($1, $2, now()) ON CONFLICT (instance)"
                " DO UPDATE SET batch = excluded.batch, committed_at = excluded.committed_at",
                self._instance,
                attempt.number,
            )
        except BaseException:
            with contextlib.suppress(*db.TRANSIENT, asyncpg.PostgresError):
                await transaction.rollback()
            raise
        attempt.in_doubt = True  # from here on a broken connection says nothing about what became of the batch
        await transaction.commit()
        attempt.in_doubt = False
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
        metrics.BATCH_MESSAGES.observe(len(batch))

    async def _was_committed(self, connection: db.Connection, number: int) -> bool:
        """Whether the batch is there. Asked by writing: a commit that was cut while it waited for its synchronous
        replica is visible and yet not safe; this statement's own commit comes after it and waits for the replica."""
        found = await connection.fetchval(
            "UPDATE gateway_commit SET committed_at = now() WHERE instance = $1 AND batch = $2 RETURNING batch",
            self._instance,
            number,
        )
        log.warning("a commit in doubt is settled", extra={"committed": found is not None})
        return found is not None

    async def _isolate(self, batch: list[_Item], error: Exception) -> None:
        """One bad message must hurt only itself: each gets its own transaction, and the bad one goes to quarantine."""
        if len(batch) > 1:
            log.warning("a batch was refused, its messages go one by one", extra={"reason": type(error).__name__})
            for item in batch:
                await self._settle([item])
            return
        item = batch[0]
        # The text of the error may quote the message: only its type is said.
        log.error("a message was refused", extra={"sha256": item.inbound.sha256.hex(), "reason": type(error).__name__})
        if item.inbound.reason == "not-processed":  # even the quarantine refused it: the sender keeps it
            _let_go(item)
            return
        detail = f"storing failed: {type(error).__name__}"
        item.inbound = item.inbound.refused("error", "not-processed", detail)
        await self._settle([item])

    def _let_go_overdue(self, batch: list[_Item]) -> None:
        now = asyncio.get_running_loop().time()
        for item in batch:
            if now > item.deadline:
                _let_go(item)

    async def _connected(self) -> db.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            # Rows of gateways that are gone for a day answer no question any more.
            await self._connection.execute("DELETE FROM gateway_commit WHERE committed_at < now() - interval '1 day'")
            self._readiness.met("database")
        return self._connection

    async def _ping(self) -> None:
        """Notice a database that went or came back while no message was there to tell."""
        try:
            connection = await self._connected()
            await connection.execute("SELECT 1")
        except db.TRANSIENT as error:
            await self._lost(error)

    async def _lost(self, error: BaseException) -> None:
        self._readiness.missing("database", f"the database does not answer ({db.describe(error)})")
        await self._drop()

    async def _drop(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.terminate()


def _let_go(item: _Item) -> None:
    if not item.outcome.done():
        metrics.NOT_STORED.inc()
        item.outcome.set_exception(NotStored())
        item.outcome.exception()  # whoever waited may be gone; that is no error of this process


def _answer(item: _Item, outcome: Outcome) -> None:
    if not item.outcome.done():
        item.outcome.set_result(outcome)
    if outcome.result == "duplicate":
        metrics.DUPLICATES.inc()
    if outcome.reason:
        metrics.QUARANTINED.labels(outcome.reason).inc()
    if outcome.code is not None:
        metrics.ACKNOWLEDGED.labels(outcome.code).inc()
