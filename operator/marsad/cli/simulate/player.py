"""Sends what a source yields over persistent connections, and sees every message answered."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from marsad.cli.simulate.account import Account, accepted
from marsad.cli.simulate.envelope import Outgoing
from marsad.cli.simulate.mllp import Connection
from marsad.cli.simulate.tls import Tls

_QUEUE = 1000  # messages that wait for one connection; beyond it the source waits, so memory is bounded
_DRAIN_SECONDS = 20.0  # after a stop: how long what is on its way may still be answered


class Player:
    """`connections` for each sender; messages of one patient or visit share one, so that their order is kept."""

    def __init__(
        self,
        host: str,
        port: int,
        account: Account,
        *,
        connections: int = 1,
        patience: float = 30.0,
        attempts: int = 0,
        on_accepted: Callable[[Outgoing], None] = lambda _message: None,
        tls: Tls | None = None,
    ) -> None:
        self._target = (host, port)
        self._account = account
        self._connections = connections
        self._patience = patience
        self._attempts = attempts
        self._on_accepted = on_accepted
        self._tls = tls
        self._lanes: dict[tuple[str, int], asyncio.Queue[Outgoing]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: asyncio.Task[None] | None = None

    async def play(
        self,
        source: AsyncIterator[Outgoing],
        stop: asyncio.Event,
        *,
        count: int | None = None,
        farewell: Callable[[], Iterable[Outgoing]] = tuple,
    ) -> None:
        """Takes messages until the source ends, `count` are taken or `stop` is set; then those of `farewell`.

        Then it waits for their answers: without a stop as long as it takes, after one for 20 seconds.
        """
        feeding = asyncio.create_task(self._feed(source, count))
        stopped = asyncio.create_task(stop.wait())
        await _first(feeding, stopped)
        feeding.cancel()
        ending = self._ending = asyncio.create_task(self._end(farewell()))
        await _first(ending, stopped)
        await asyncio.wait([ending], timeout=_DRAIN_SECONDS)
        tasks: list[asyncio.Task[Any]] = [stopped, ending, *self._tasks]
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(feeding, *tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    def abandon(self) -> None:
        """Do not wait any longer for what is unanswered."""
        if self._ending:
            self._ending.cancel()

    async def _feed(self, source: AsyncIterator[Outgoing], count: int | None) -> None:
        async for message in source:
            await self._lane(message).put(message)
            self._account.take(message)
            if self._account.taken == count:
                return

    async def _end(self, farewell: Iterable[Outgoing]) -> None:
        """Takes what is left to say and waits until everything taken is answered."""
        for message in farewell:
            await self._lane(message).put(message)
            self._account.take(message)
        for lane in self._lanes.values():
            await lane.join()

    def _lane(self, message: Outgoing) -> asyncio.Queue[Outgoing]:
        number = zlib.crc32(message.lane.encode()) % self._connections
        key = (message.sender, number)
        if key not in self._lanes:
            self._lanes[key] = asyncio.Queue(_QUEUE)
            self._tasks.append(asyncio.create_task(self._deliver(self._lanes[key])))
        return self._lanes[key]

    async def _deliver(self, lane: asyncio.Queue[Outgoing]) -> None:
        connection = Connection(*self._target, self._patience, self._account.note_fault, self._tls)
        try:
            while True:
                message = await lane.get()
                answer = await connection.deliver(message, self._attempts)
                self._account.note(message, answer)
                if answer is not None and accepted(answer.text):
                    self._on_accepted(message)
                lane.task_done()
        finally:
            await connection.close()


async def _first(one: asyncio.Task[Any], other: asyncio.Task[Any]) -> None:
    """Returns when either is done."""
    await asyncio.wait([one, other], return_when=asyncio.FIRST_COMPLETED)
