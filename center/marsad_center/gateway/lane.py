"""One connection to the database and the batch that is on its way through it, held and tried again until it is stored.

Lanes of one process are to each other what gateways are: locks, unique keys and counters keep what they write apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from marsad_center import db
from marsad_center.gateway import metrics
from marsad_center.gateway.bookkeeping import Mark, OtherFeeds
from marsad_center.gateway.storing import Outcome, store
from marsad_center.gateway.waiting import Item
from marsad_center.keys import Keys
from marsad_center.ops import Readiness

log = logging.getLogger(__name__)

# All statements of a batch look rows up by key, and are planned once: on a young center, or before its statistics are
# taken, the planner would find it cheaper to read the whole table, and keep to that while the table grows.
SESSION: Mapping[str, str] = {
    **dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan", "jit"), "off"),
    "plan_cache_mode": "force_generic_plan",
}
_CONTENTION = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)


@dataclass(slots=True)
class _Attempt:
    """The batch whose COMMIT was sent and not answered: its outcomes hold if the database has its number."""

    number: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    in_doubt: bool = False


class Lane:
    """`settle` one batch after the other; `ping` in between, to notice a database that went or came back."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[db.Connection]],
        readiness: Readiness,
        keys: Keys,
        elsewhere: asyncio.Event,
    ) -> None:
        self._connect, self._readiness, self._keys, self._elsewhere = connect, readiness, keys, elsewhere
        self._connection: db.Connection | None = None
        self._instance = uuid.uuid4()
        self._number = 0

    @property
    def connected(self) -> bool:
        """Whether it has a connection, as far as it knows."""
        return self._connection is not None

    async def settle(self, batch: Sequence[Item]) -> None:
        """Store `batch`, holding it while the database is away; alone what cannot be stored together."""
        attempt = _Attempt()
        tries = 0
        while True:
            _let_go_overdue(batch)
            batch = [item for item in batch if item.open] if not attempt.in_doubt else batch
            if not any(item.open for item in batch):
                return
            try:
                await self._commit(batch, attempt)
            except db.TRANSIENT as error:
                self._lost(error)
            except _CONTENTION as error:
                log.info("a batch met another one, again", extra={"reason": db.describe(error)})
            except (OtherFeeds, asyncpg.ForeignKeyViolationError):  # unanswered, its senders send it again
                self._elsewhere.set()
                metrics.OTHER_DATABASE.inc()
                log.error("the database has other feeds than before, they are looked up anew")
                for item in batch:
                    if item.open:
                        item.close(None)
                return
            except Exception as error:
                if self._connection is not None and not self._connection.is_closed():
                    await self._isolate(batch, error)
                    return
                self._lost(error)  # whatever it was, it came with the end of the connection
            else:
                for item, outcome in zip(batch, attempt.outcomes, strict=True):
                    if item.open:
                        item.close(outcome)
                return
            metrics.DATABASE_RETRIES.inc()
            await asyncio.sleep(db.backoff(tries, most=1.0))
            tries += 1

    async def _commit(self, batch: Sequence[Item], attempt: _Attempt) -> None:
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
            mark = Mark(self._instance, attempt.number)
            attempt.outcomes = await store(connection, [item.inbound for item in batch], mark, self._keys)
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

    async def _isolate(self, batch: Sequence[Item], error: Exception) -> None:
        """One bad message must hurt only itself: each gets its own transaction, and the bad one goes to quarantine."""
        if len(batch) > 1:
            log.warning("a batch was refused, its messages go one by one", extra={"reason": type(error).__name__})
            for item in batch:
                await self.settle([item])
            return
        item = batch[0]
        # The text of the error may quote the message: only its type is said.
        log.error("a message was refused", extra={"sha256": item.inbound.sha256.hex(), "reason": type(error).__name__})
        if item.inbound.reason == "not-processed":  # even the quarantine refused it: the sender keeps it
            item.close(None)
            return
        detail = f"storing failed: {type(error).__name__}"
        item.inbound = item.inbound.refused("error", "not-processed", detail)
        await self.settle([item])

    async def _connected(self) -> db.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            self._elsewhere.set()
            # Rows of gateways that are gone for a day answer no question any more.
            await self._connection.execute("DELETE FROM gateway_commit WHERE committed_at < now() - interval '1 day'")
            self._readiness.met("database")
        return self._connection

    async def ping(self) -> None:
        """Ask whether the database answers, and connect where there is no connection."""
        try:
            connection = await self._connected()
            await connection.execute("SELECT 1")
        except db.TRANSIENT as error:
            self._lost(error)

    def _lost(self, error: BaseException) -> None:
        self._readiness.missing("database", f"the database does not answer ({db.describe(error)})")
        self.drop()

    def drop(self) -> None:
        """End the connection, whatever it is at."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.terminate()


def _let_go_overdue(batch: Sequence[Item]) -> None:
    now = asyncio.get_running_loop().time()
    for item in batch:
        if item.open and now > item.group.deadline:
            item.close(None)
