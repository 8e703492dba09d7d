"""Waiting for what another process does: by condition, with a generous deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

DEADLINE = 120.0  # seconds; generous, because other tests share the machine


async def eventually(true: Callable[[], object], what: str, deadline: float = DEADLINE) -> None:
    """Wait until `true()` is; fail with `what` after the deadline."""

    async def asked() -> object:
        return true()

    await until(asked, what, deadline)


async def until(true: Callable[[], Awaitable[object]], what: str, deadline: float = DEADLINE) -> None:
    """Wait until `await true()` is; fail with `what` after the deadline."""
    try:
        async with asyncio.timeout(deadline):
            while not await true():  # noqa: ASYNC110 (what is awaited is in another process)
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {deadline} s: {what}") from None
