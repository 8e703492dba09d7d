"""What a worker is woken by: the facilities that notifications name, gathered until it takes them.

Waits are made of `asyncio.timeout`, never of `asyncio.wait_for`: in Python 3.11 the latter forgets that it was
cancelled when what it waits for comes at the same moment, and a component that was told to end would never end.
"""

from __future__ import annotations

import asyncio
import json


class Hints:
    """Facilities that changed since they were last taken. One worker waits; any number of callbacks wake it."""

    def __init__(self) -> None:
        self._touched: set[str] = set()
        self._everything = False
        self._wake = asyncio.Event()

    def notified(self, _channel: str, payload: str) -> None:
        """`payload` is {"facilities": [code, ...]}. Where it cannot be read, anything may have changed."""
        try:
            self._touched |= {str(code) for code in json.loads(payload)["facilities"]}
        except (ValueError, KeyError, TypeError):
            self._everything = True
        self._wake.set()

    def anything(self) -> None:
        """Anything may have changed."""
        self._everything = True
        self._wake.set()

    async def woken(self, seconds: float) -> bool:
        """Wait until something was said, at most `seconds`; False when nothing was. Always ends when cancelled."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def take(self) -> set[str] | None:
        """What changed since the last time; None where anything may have."""
        touched, everything = self._touched, self._everything
        self._touched, self._everything = set(), False
        self._wake.clear()
        return None if everything else touched
