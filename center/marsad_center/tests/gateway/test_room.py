"""The room of frames in the making: never more than it has, and nobody waits for ever."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from marsad_center.gateway.limits import Limits
from marsad_center.gateway.room import Room, Shares

SHARED, LIMIT = 100, 80


@given(st.lists(st.lists(st.integers(1, LIMIT), min_size=1, max_size=5).map(sorted), min_size=1, max_size=12))
def test_however_frames_grow_together_the_room_holds_and_all_are_finished(frames: list[list[int]]) -> None:
    holding: dict[int, int] = {}

    async def grow(room: Room, owner: int, sizes: list[int]) -> None:
        for size in sizes:
            await room.hold(owner, size)
            holding[owner] = size
            assert sum(holding.values()) <= SHARED + LIMIT
            await asyncio.sleep(0)
        del holding[owner]
        room.leave(owner)

    async def together() -> None:
        room = Room(SHARED)
        async with asyncio.timeout(60):
            await asyncio.gather(*(grow(room, owner, sizes) for owner, sizes in enumerate(frames)))

    asyncio.run(together())


def test_few_connections_may_read_much_and_many_little_and_all_together_no_more_than_there_is() -> None:
    limits = Limits()
    shares = Shares(limits.reads, limits.least_read, limits.most_read)
    assert shares.each == limits.most_read, "before the first one"
    for connections in (1, 8, 128, 129, 500, limits.connections):
        shares.open = connections
        assert limits.least_read <= shares.each <= limits.most_read
        assert connections * shares.each <= limits.reads
    assert shares.each == limits.least_read


async def test_who_leaves_while_it_waits_is_waited_for_by_nobody() -> None:
    room = Room(10)
    await room.hold("oldest", 50)
    waiting = asyncio.create_task(room.hold("gone", 20))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    room.leave("gone")
    room.leave("oldest")
    await room.hold("next", 50)
    assert "gone" not in room
    assert "next" in room
