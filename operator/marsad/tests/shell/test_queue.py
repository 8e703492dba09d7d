"""The work queue, in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from marsad.shell import queue
from marsad.shell.queue import Queue, QueueKey, backoff, jittered
from marsad.tests.shell.waiting import eventually

MAKKAH, ORAN = ("makkah", "makkah"), ("oran", "oran")


class Worker:
    """Records who is looked at; `gate` holds looks up, `fail` makes the next ones fail."""

    def __init__(self) -> None:
        self.looks: list[tuple[QueueKey, tuple[str, ...]]] = []
        self.now: list[QueueKey] = []
        self.together = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fail = 0
        self.again: float | None = None

    async def __call__(self, key: QueueKey, causes: tuple[str, ...]) -> float | None:
        assert key not in self.now, "two looks at one object at a time"
        self.now.append(key)
        self.together = max(self.together, len(self.now))
        self.looks.append((key, causes))
        try:
            await self.gate.wait()
            if self.fail:
                self.fail -= 1
                raise RuntimeError("no")
            return self.again
        finally:
            self.now.remove(key)


@asynccontextmanager
async def running(made: Queue) -> AsyncIterator[Queue]:
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_many_causes_lead_to_one_look() -> None:
    worker = Worker()
    made = Queue(worker)
    for cause in ("Deployment/gateway", "Deployment/dashboard", "Deployment/gateway"):
        made.add(MAKKAH, cause)
    async with running(made):
        await eventually(lambda: worker.looks, "a look")
        made.add(ORAN, "sentinel")
        await eventually(lambda: len(worker.looks) == 2, "the sentinel")
    assert worker.looks[0] == (MAKKAH, ("Deployment/gateway", "Deployment/dashboard"))


async def test_what_comes_up_during_a_look_leads_to_one_more() -> None:
    worker = Worker()
    worker.gate.clear()
    async with running(Queue(worker)) as made:
        made.add(MAKKAH, "first")
        await eventually(lambda: worker.now, "the look begins")
        made.add(MAKKAH, "second")
        made.add(MAKKAH, "third")
        worker.gate.set()
        await eventually(lambda: len(worker.looks) == 2 and not worker.now, "one more look")
    assert len(worker.looks) == 2
    assert {"second", "third"} <= set(worker.looks[1][1])


async def test_different_objects_are_looked_at_together_up_to_the_number_of_workers() -> None:
    worker = Worker()
    worker.gate.clear()
    async with running(Queue(worker, workers=2)) as made:
        for number in range(5):
            made.add((f"n{number}", "x"), "test")
        await eventually(lambda: len(worker.now) == 2, "two at a time")
        worker.gate.set()
        await eventually(lambda: len(worker.looks) == 5, "all of them")
    assert worker.together == 2


async def test_a_failure_is_tried_again_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "FIRST_PAUSE", 0.01)
    worker = Worker()
    worker.fail = 3
    async with running(Queue(worker)) as made:
        made.add(MAKKAH, "test")
        await eventually(lambda: len(worker.looks) == 4, "three failures and a success")


async def test_a_look_is_repeated_after_the_time_it_asks_for() -> None:
    worker = Worker()
    worker.again = 0.01
    async with running(Queue(worker)) as made:
        made.add(MAKKAH, "test")
        await eventually(lambda: len(worker.looks) >= 3, "resyncs")
    assert worker.looks[1][1] == ("resync",)


async def test_of_two_delayed_asks_the_earlier_counts() -> None:
    worker = Worker()
    async with running(Queue(worker)) as made:
        made.add_later(MAKKAH, 0.02, "soon")
        made.add_later(MAKKAH, 3600, "later")
        await eventually(lambda: worker.looks, "the earlier one")


async def test_depth_counts_what_stands_in_the_line_and_is_nothing_after_the_end() -> None:
    depths: list[int] = []
    made = Queue(Worker(), on_depth=depths.append)
    made.add(MAKKAH, "x")
    made.add(ORAN, "x")
    assert made.depth == 2
    async with running(made):
        await eventually(lambda: made.depth == 0, "an empty line")
    assert (depths[:2], depths[-1]) == ([1, 2], 0)


def test_pauses_grow_and_have_an_end() -> None:
    assert 0.25 <= backoff(1) <= 0.5
    assert 60 <= backoff(100) <= 120
    assert all(240 <= jittered(300) <= 360 for _ in range(100))
    assert len({jittered(300) for _ in range(10)}) > 1
