"""When each message goes: sources of messages that keep time, for facilities and for files."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from marsad.cli.simulate.envelope import Outgoing, envelope
from marsad.cli.simulate.hospital import Facility
from marsad.cli.simulate.memory import Memory
from marsad.cli.simulate.message import Draft
from marsad.cli.simulate.playlist import messages
from marsad.cli.simulate.town import Town


class Beat:
    """Even spacing at `rate` a second; None: no waiting. Time lost to a slow gateway is not made up for in a burst."""

    def __init__(self, rate: float | None) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._next = 0.0

    async def wait(self) -> None:
        if not self._gap:
            return
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + self._gap, now - 0.2)
        if self._next > now:
            await asyncio.sleep(self._next - now)


class Scribe:
    """Writes drafts as messages, with control ids that no other run has used: run and number, at most 20 characters.

    `memory` is told of each before it is sent.
    """

    def __init__(self, run: str, acknowledge: tuple[str, str], memory: Memory | None = None) -> None:
        self._run = run
        self._acknowledge = acknowledge
        self._memory = memory
        self._numbers = itertools.count(1)

    def write(self, facility: Facility, draft: Draft, recorded: datetime) -> Outgoing:
        control_id = f"{self._run}{next(self._numbers):08}"
        data = draft.write(facility.sender(draft.channel), control_id, recorded, self._acknowledge)
        if self._memory is not None:
            self._memory.written(facility, draft)
        visit = (facility.code, draft.key)
        return replace(envelope(data), lane=draft.key, visit=visit, trigger=draft.trigger)


async def facilities(
    town: Town, scribe: Scribe, rate: float | None, first: Iterable[tuple[Facility, Draft]] = ()
) -> AsyncIterator[Outgoing]:
    """What is to be told `first` and the past of a warm start at once, then life: at `rate` messages a second, or at
    the town's own pace if None.

    Either way events are of now: with a rate, simulated time runs as fast as the messages are wanted.
    """
    zone = town.clock.begin.tzinfo
    for facility, draft in itertools.chain(first, town.history()):
        yield scribe.write(facility, draft, datetime.now(zone))
    beat = Beat(rate)
    while True:
        if not rate and (early := (town.due - datetime.now(zone)).total_seconds()) > 0:
            await asyncio.sleep(early)
        for facility, draft in town.step(datetime.now(zone)):
            await beat.wait()
            yield scribe.write(facility, draft, datetime.now(zone))


def farewell(town: Town, scribe: Scribe) -> Iterator[Outgoing]:
    """Discharges of everybody who is still there."""
    now = datetime.now(town.clock.begin.tzinfo)
    return (scribe.write(facility, draft, now) for facility, draft in town.farewell(now))


async def file(path: Path, repeat: int, rate: float | None) -> AsyncIterator[Outgoing]:
    """A file's messages `repeat` times, at `rate` a second, or each as soon as the one before it is answered."""
    beat = Beat(rate)
    for turn in range(repeat):
        for data in messages(path):
            await beat.wait()
            yield envelope(data, again=turn > 0)
