"""The memory that connections share, so that no number of senders can take more of it than the pod has."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


class Shares:
    """What each of `open` connections may have read and not handed on, in bytes: few may have much, many little."""

    def __init__(self, total: int, least: int, most: int) -> None:
        self._total, self._least, self._most = total, least, most
        self.open = 0

    @property
    def each(self) -> int:
        """The share of one, as many as there are now."""
        return max(self._least, min(self._most, self._total // max(1, self.open)))


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of a gateway share. `turns`: who may judge what was read, which takes several times its
    size, and wait for the queue; the others hold their share of raw bytes and read no more."""

    room: Room
    shares: Shares
    turns: asyncio.Semaphore


class Room:
    """`shared`: bytes that all owners but the oldest hold together.

    The oldest may always take more (a frame ends at its own limit): so one frame can always be finished, and whoever
    waits, waits for somebody who does not.
    """

    def __init__(self, shared: int) -> None:
        self._shared = shared
        self._held: dict[object, int] = {}  # the first is the oldest
        self._total = 0
        self._changed = asyncio.Event()

    def __contains__(self, owner: object) -> bool:
        return owner in self._held

    async def hold(self, owner: object, size: int) -> None:
        """Hold `size` bytes instead of what `owner` held before; waits until there is room. Owners must `leave`."""
        self._held.setdefault(owner, 0)
        while not self._fits(owner, size):
            self._changed.clear()
            await self._changed.wait()
        self._set(owner, size)

    def leave(self, owner: object) -> None:
        """Hold nothing any more."""
        if owner in self._held:
            self._set(owner, 0)
            del self._held[owner]

    def _fits(self, owner: object, size: int) -> bool:
        oldest = next(iter(self._held))
        others = self._total - self._held[oldest] - self._held[owner]
        return owner is oldest or size <= self._held[owner] or others + size <= self._shared

    def _set(self, owner: object, size: int) -> None:
        self._total += size - self._held[owner]
        self._held[owner] = size
        self._changed.set()
