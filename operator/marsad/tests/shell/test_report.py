"""What a center says about its feeds, read with care: the answer may be anything, and comes when it comes."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from marsad.core.world import FeedReport
from marsad.shell import report
from marsad.shell.metrics import Metrics
from marsad.shell.queue import QueueKey
from marsad.shell.report import Reports, parse
from marsad.tests.shell.waiting import eventually

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
HONEST = b'[{"facility": "KFH", "feed": "his", "state": "live", "freshnessSeconds": {"p95": 2.5}}]'
FEED = b'[{"facility": "KFH", "feed": "his", "state": "live", "freshnessSeconds": {"p95": %s}}]'


def test_feeds_are_read_in_order_and_what_was_never_measured_is_none() -> None:
    answer = [
        {"facility": "NOOR", "name": "lis", "state": "never", "freshnessSeconds": None},
        {"facility": "KFH", "feed": "his", "state": "live", "freshnessSeconds": {"p50": 1, "p95": 2.5, "max": 9}},
    ]
    assert parse(answer) == (FeedReport("KFH", "his", "live", 2.5), FeedReport("NOOR", "lis", "never", None))


@pytest.mark.parametrize("answer", [{}, "x", None, [{}], [{"facility": "KFH"}], ["x"]])
def test_anything_else_is_an_error_and_not_an_empty_center(answer: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        parse(answer)


def saying(body: bytes, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers)

    return answer


async def leisurely(_: web.Request) -> web.Response:
    await asyncio.sleep(0.1)
    return web.Response(body=HONEST)


async def never(_: web.Request) -> web.Response:
    await asyncio.sleep(3600)
    raise AssertionError("nobody waits that long")


class Asked:
    """Centers by namespace, the operator's Reports of them, and what became of it."""

    def __init__(self, centers: dict[str, Answer], names: tuple[str, ...]) -> None:
        self.centers = centers
        self.keys: list[QueueKey] = [(namespace, name) for namespace in centers for name in names]
        self.requests: list[str] = []
        self.changed: list[QueueKey] = []
        self.metrics = Metrics()
        self.reports: Reports
        self.task: asyncio.Task[None]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.match_info["namespace"])
        return await self.centers[self.requests[-1]](request)

    def polls(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("marsad_center_polls_total", {"outcome": outcome}) or 0


@asynccontextmanager
async def asking(
    centers: dict[str, Answer], *, names: tuple[str, ...] = ("center",), every: float = 0.05
) -> AsyncIterator[Asked]:
    """Centers that are asked from now on, every so many seconds."""
    asked = Asked(centers, names)
    application = web.Application()
    application.router.add_get("/{namespace}", asked.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/{{namespace}}"
    asked.reports = Reports(url, every, lambda: asked.keys, asked.changed.append, asked.metrics)
    asked.task = asyncio.create_task(asked.reports.run())
    try:
        yield asked
    finally:
        asked.task.cancel()
        await asyncio.gather(asked.task, return_exceptions=True)
        await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(saying(FEED % b"NaN"), id="no number"),
        pytest.param(saying(FEED % b"Infinity"), id="infinity"),
        pytest.param(saying(FEED % b"-Infinity"), id="minus infinity"),
        pytest.param(saying(FEED % (b"9" * 400)), id="a number beyond floating point"),
        pytest.param(saying(FEED % b"1e300"), id="longer than a status may be"),
        pytest.param(saying(b"[" * 200_000), id="nested without end"),
        pytest.param(saying(b'"\xff'), id="no text"),
        pytest.param(saying(gzip.compress(HONEST), **{"Content-Encoding": "gzip"}), id="packed unasked"),
        pytest.param(saying(b" " * (report.LARGEST + 1)), id="too long"),
    ],
)
async def test_a_hostile_answer_is_a_failed_poll_of_that_center_alone(answer: Answer) -> None:
    async with asking({"hostile": answer, "honest": saying(HONEST)}) as asked:
        await eventually(lambda: asked.task.done() or asked.requests.count("honest") >= 4, "further rounds")
        assert not asked.task.done(), "the operator would have ended"
        assert asked.reports.get(("hostile", "center")) is None
        told = asked.reports.get(("honest", "center"))
        assert told is not None
        assert told.feeds == (FeedReport("KFH", "his", "live", 2.5),)
        assert asked.polls("failed") >= 2
        assert asked.changed == [("honest", "center")]


async def test_centers_that_never_answer_do_not_use_up_the_time_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "TIMEOUT", 0.5)
    slow = dict.fromkeys((f"slow-{at}" for at in range(6 * report.AT_ONCE)), never)
    async with asking({**slow, "honest": leisurely}) as asked:
        await eventually(lambda: asked.reports.get(("honest", "center")), "the honest center's answer")


async def test_a_center_is_asked_once_however_many_claim_its_namespace() -> None:
    async with asking({"makkah": saying(HONEST)}, names=("older", "younger"), every=3600) as asked:
        await eventually(lambda: len(asked.changed) == 2, "both to be told")
        assert sorted(asked.changed) == [("makkah", "older"), ("makkah", "younger")]
        assert asked.requests == ["makkah"]
        assert asked.reports.get(("makkah", "older")) is asked.reports.get(("makkah", "younger"))
