"""Messages that wait for their commit: bounded in number and bytes, so that a slow database slows the senders down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from marsad_center.gateway.inbound import Inbound
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.storing import Outcome


class Item:
    """One message on its way. `open` until it has an outcome, or was let go without one."""

    __slots__ = ("group", "inbound", "open", "outcome")

    def __init__(self, inbound: Inbound, group: Group) -> None:
        self.inbound, self.group = inbound, group
        self.outcome: Outcome | None = None
        self.open = True

    def close(self, outcome: Outcome | None) -> None:
        """The end of it: what to answer, or None when it is not stored."""
        self.open, self.outcome = False, outcome
        self.group.left -= 1
        if not self.group.left:
            self.group.end()


class Group:
    """What one connection brought at once: it waits together, and `outcomes` tells of all of it together, in order. An
    outcome of None: not stored, so nothing may be answered to it and to what came after."""

    __slots__ = ("deadline", "items", "left", "outcomes", "size")

    def __init__(self, inbounds: Sequence[Inbound], deadline: float) -> None:
        self.items = [Item(inbound, self) for inbound in inbounds]
        self.left, self.size = len(inbounds), sum(len(inbound.raw) for inbound in inbounds)
        self.outcomes: asyncio.Future[list[Outcome | None]] = asyncio.get_running_loop().create_future()
        self.deadline = deadline

    def end(self) -> None:
        """Tell of it, and let go of the messages: who waits for the sender to read its answers must not hold them."""
        if not self.outcomes.done():
            self.outcomes.set_result([item.outcome for item in self.items])
        self.items.clear()


class Waiting:
    """Groups in the order of their coming. `depth`: messages in it; `bytes` counts what is being written, too."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._groups: deque[Group] = deque()
        self._room = asyncio.Event()
        self.depth = self.bytes = 0

    async def put(self, group: Group) -> None:
        """Add it once there is room. Raises TimeoutError when there was none before its deadline."""
        async with asyncio.timeout_at(group.deadline):
            while self.bytes >= self._limits.queue_bytes or self.depth >= self._limits.queue:
                self._room.clear()
                await self._room.wait()
        self._groups.append(group)
        self.depth += len(group.items)
        self.bytes += group.size

    def take(self) -> list[Item]:
        """The first groups, at least one, as many as make a batch. Give it back to `written` afterwards."""
        batch: list[Item] = []
        size = 0
        while self._groups and len(batch) < self._limits.batch and size < self._limits.batch_bytes:
            group = self._groups.popleft()
            batch += group.items
            size += group.size
        self.depth -= len(batch)
        self._room.set()
        return batch

    def written(self, size: int) -> None:
        """So many bytes are in the database, or were let go."""
        self.bytes -= size
        self._room.set()
