"""Which HealthClusters need a look, and when: one at a time each, many causes to one look, pauses after failures."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

QueueKey = tuple[str, str]
"""(namespace, name) of a HealthCluster."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 120.0  # seconds after the first failure in a row, and at most
PATIENCE = 8.0  # seconds for the looks under way when the process ends: more than one request may take
CAUSES = 4  # that one look remembers for its log line


@dataclass
class _Entry:
    causes: list[str] = field(default_factory=list)
    waiting: bool = False  # stands in the line
    active: bool = False  # a worker looks at it
    again: bool = False  # something came up meanwhile
    failures: int = 0
    timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        return not (self.waiting or self.active or self.timer or self.failures)


class TryAgain(Exception):
    """A look that ended in an expected trouble (its text): try again with growing pauses, and without a traceback."""


class Queue:
    """A work queue keyed by HealthCluster. Not thread-safe; lives in one event loop.

    `handle(key, causes)` returns after how many seconds it wants to be called again (None: not by itself), or raises,
    which is tried again with growing, jittered pauses. It is never called for the same key twice at a time.
    """

    def __init__(
        self,
        handle: Callable[[QueueKey, tuple[str, ...]], Awaitable[float | None]],
        *,
        workers: int = 8,
        on_depth: Callable[[int], None] = lambda _depth: None,
    ) -> None:
        self._handle = handle
        self._workers = workers
        self._on_depth = on_depth
        self._entries: dict[QueueKey, _Entry] = {}
        self._line: deque[QueueKey] = deque()
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._active = 0
        self._closed = False

    @property
    def depth(self) -> int:
        """How many keys stand in the line."""
        return len(self._line)

    def add(self, key: QueueKey, cause: str) -> None:
        """Ask for a look now; asking again before it begins changes nothing."""
        entry = self._entries.setdefault(key, _Entry())
        if cause not in entry.causes and len(entry.causes) < CAUSES:
            entry.causes.append(cause)
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None
        if entry.active:
            entry.again = True
        elif not entry.waiting:
            entry.waiting = True
            self._line.append(key)
            self._on_depth(len(self._line))
            self._wake.set()

    def add_later(self, key: QueueKey, seconds: float, cause: str) -> None:
        """Ask for a look after that many seconds. Of several, the earliest counts."""
        entry = self._entries.setdefault(key, _Entry())
        if entry.waiting or entry.again:
            return
        due = asyncio.get_running_loop().time() + seconds
        if entry.timer is not None:
            if entry.timer.when() <= due:
                return
            entry.timer.cancel()
        entry.timer = asyncio.get_running_loop().call_at(due, self._due, key, cause)

    async def run(self) -> None:
        """Look at what comes, for ever. On cancellation the looks under way are cancelled, and the line is emptied."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._workers):
                    group.create_task(self._work(), name=f"worker {number}")
        finally:
            for entry in self._entries.values():
                if entry.timer is not None:
                    entry.timer.cancel()
            self._entries.clear()
            self._line.clear()
            self._on_depth(0)

    async def drain(self) -> bool:
        """Begin no more looks, and say after at most `PATIENCE` seconds whether all of them ended by themselves."""
        self._closed = True
        try:
            async with asyncio.timeout(PATIENCE):
                while self._active:
                    self._ended.clear()
                    await self._ended.wait()
        except TimeoutError:
            return False
        return True

    def _due(self, key: QueueKey, cause: str) -> None:
        self._entries[key].timer = None
        self.add(key, cause)

    async def _work(self) -> None:
        while True:
            while not self._line or self._closed:
                self._wake.clear()
                await self._wake.wait()
            key = self._line.popleft()
            self._on_depth(len(self._line))
            self._active += 1
            try:
                await self._look(key, self._entries[key])
            finally:
                self._active -= 1
                self._ended.set()

    async def _look(self, key: QueueKey, entry: _Entry) -> None:
        causes, entry.causes = tuple(entry.causes), []
        entry.waiting, entry.active, entry.again = False, True, False
        pause: float | None
        try:
            pause, cause = await self._handle(key, causes), "resync"
            entry.failures = 0
        except Exception as error:
            entry.failures += 1
            pause, cause = backoff(entry.failures), "retry"
            fault = not isinstance(error, TryAgain)
            log.log(
                logging.ERROR if fault else logging.WARNING,
                "reconcile failed (%s); again in %.1f s",
                error or type(error).__name__,
                pause,
                extra={"object": key},
                exc_info=fault,
            )
        finally:
            entry.active = False
        if entry.again:
            self.add(key, "changed meanwhile")
        elif pause is not None:
            self.add_later(key, pause, cause)
        elif entry.idle:
            self._entries.pop(key, None)


def backoff(failures: int) -> float:
    """Seconds to wait after that many failures in a row: doubling, with half of it at random."""
    longest = min(FIRST_PAUSE * 2.0 ** (failures - 1), LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (spreads load, guards nothing)


def jittered(seconds: float, share: float = 0.2) -> float:
    """The given time, more or less by a share of it, so that many clusters are not looked at in one moment."""
    return seconds * random.uniform(1.0 - share, 1.0 + share)  # noqa: S311
