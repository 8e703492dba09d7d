"""Facilities at full speed: the shared file's messages, each lap with new patients, visits, orders and control ids.

New ones, because a visit that is admitted a thousand times is no load that any hospital makes. Senders are as plain as
their protocol: every connection writes frames and reads acknowledgements, and allows itself so many unanswered. They
share the processors with what they measure, so they do no more than they must, and say what they used.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from e2e.mllp import END, START, messages
from e2e.oracle import SHARED_FILE

LAP = b"\x00"  # stands for the lap's name in a template
# What must be new in each lap: positions after a split at |.
NAMES = {b"MSH": (9,), b"PID": (3,), b"MRG": (1,), b"PV1": (19,), b"ORC": (2, 3), b"OBR": (2, 3), b"TXA": (12,)}


SILENCE = 30.0  # seconds without any acknowledgement that end a run
_GOOD = re.compile(rb"\rMSA\|[AC]A\|")


@dataclass
class Account:
    """What the senders saw. `waits` are seconds from writing a frame to reading its acknowledgement; `spent` is the
    processor time of the senders themselves."""

    seconds: float = 0
    spent: float = 0
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


async def play(ports: Sequence[int], name: str, *, connections: int, unanswered: int, seconds: float) -> Account:
    """Send from so many connections, to each port from as many, for so long. Raises AssertionError when a message is
    refused or never answered."""
    account, of, loop = Account(), templates(), asyncio.get_running_loop()
    start, cpu = time.monotonic(), time.process_time()
    senders = []
    for number in range(connections):
        sender = _Sender(laps(of, f"{name}.{number}"), unanswered, start + seconds, account)
        made, port = cast(type[asyncio.Protocol], lambda sender=sender: sender), ports[number % len(ports)]
        await loop.create_connection(made, "127.0.0.1", port)
        senders.append(sender)
    await asyncio.gather(*(sender.done for sender in senders))
    account.seconds, account.spent = time.monotonic() - start, time.process_time() - cpu
    return account


class _Sender(asyncio.Protocol):
    """One connection. `done` ends when all that was sent is answered."""

    def __init__(self, source: Iterator[bytes], unanswered: int, end: float, account: Account) -> None:
        self._source, self._unanswered, self._end, self._account = source, unanswered, end, account
        self._sent: deque[float] = deque()
        self._rest = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._write(time.monotonic(), self._unanswered)
        self._watch()

    def data_received(self, data: bytes) -> None:
        answers, mark, self._rest = (self._rest + data).rpartition(END)
        answered, now = (answers + mark).count(END), time.monotonic()
        if answered != len(_GOOD.findall(answers)):
            self._fail(AssertionError(answers[-500:]))
            return
        self._account.waits += [now - self._sent.popleft() for _ in range(answered)]
        self._write(now, answered)
        if not self._sent and not self.done.done():
            self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionResetError("closed with messages unanswered"))

    def _write(self, now: float, count: int) -> None:
        if count and now < self._end:
            self._transport.write(b"".join(START + next(self._source) + END for _ in range(count)))
            self._sent += [now] * count

    def _watch(self) -> None:
        """Nothing may wait for ever."""
        if not self.done.done():
            if self._sent and time.monotonic() - self._sent[0] > SILENCE:
                self._fail(TimeoutError(f"no acknowledgement for {SILENCE} s"))
            asyncio.get_running_loop().call_later(1.0, self._watch)

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
            self._transport.close()
