"""Facilities at full speed: the shared file's messages, each lap with new patients, visits, orders and control ids.

New ones, because a visit that is admitted a thousand times is no load that any hospital makes. Senders are as plain as
their protocol: every connection writes frames and reads acknowledgements, and allows itself so many unanswered.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from e2e.mllp import END, START, code, messages
from e2e.oracle import SHARED_FILE

LAP = b"\x00"  # stands for the lap's name in a template
NAMES = {b"MSH": (9,), b"PID": (3,), b"PV1": (19,), b"ORC": (2, 3), b"OBR": (2, 3)}  # positions after a split at |


@dataclass
class Account:
    """What the senders saw. `waits` are seconds from writing a frame to reading its acknowledgement."""

    seconds: float = 0
    waits: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Acknowledged messages a second."""
        return len(self.waits) / self.seconds

    def wait(self, share: float) -> float:
        """The wait in milliseconds that this share of the messages did not exceed."""
        return sorted(self.waits)[min(int(share * len(self.waits)), len(self.waits) - 1)] * 1000


def templates() -> list[bytes]:
    """The shared file's messages, with LAP in front of everything that must be new in each lap."""
    return [b"\r".join(_open(segment) for segment in message.split(b"\r")) for message in messages(SHARED_FILE)]


def _open(segment: bytes) -> bytes:
    fields = segment.split(b"|")
    for position in NAMES.get(fields[0], ()):
        if position < len(fields) and fields[position]:
            fields[position] = LAP + fields[position]
    return b"|".join(fields)


def laps(of: list[bytes], name: str) -> Iterator[bytes]:
    """Messages for ever, lap after lap; `name` must be a run's and connection's own."""
    for lap in itertools.count():
        for template in of:
            yield template.replace(LAP, f"{name}.{lap}.".encode())


async def play(port: int, name: str, *, connections: int, unanswered: int, seconds: float) -> Account:
    """Send from so many connections for so long. Raises AssertionError when a message is refused or never answered."""
    account, of, start = Account(), templates(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            source = laps(of, f"{name}.{number}")
            group.create_task(_sender(port, source, unanswered, start + seconds, account))
    account.seconds = time.monotonic() - start
    return account


async def _sender(port: int, source: Iterator[bytes], unanswered: int, end: float, account: Account) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent: deque[float] = deque()
    try:
        while sent or time.monotonic() < end:
            while len(sent) < unanswered and time.monotonic() < end:
                writer.write(START + next(source) + END)
                sent.append(time.monotonic())
            answer = await asyncio.wait_for(reader.readuntil(END), 30)
            assert code(answer) in {"AA", "CA"}, answer
            account.waits.append(time.monotonic() - sent.popleft())
    finally:
        writer.close()
