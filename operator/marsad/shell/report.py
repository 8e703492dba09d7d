"""Asks each center, every quarter of a minute or so, how fresh its feeds are (`GET /api/v1/feeds`).

Whoever may make pods in a center's namespace may answer, and with anything: no answer may end the operator, grow it, or
keep it from asking the other centers.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any

import aiohttp

from marsad.core.world import CenterReport, FeedReport
from marsad.shell.metrics import Metrics
from marsad.shell.queue import QueueKey, jittered

log = logging.getLogger(__name__)

TIMEOUT = 3.0  # seconds for one answer
AT_ONCE = 16  # centers asked at the same time
PATIENCE = 2  # failures in a row after which the last answer no longer counts
LARGEST = 4 * 1024 * 1024  # bytes of an answer
LATEST = 1e9  # seconds (31 years) that a freshness may have; it is written into a status


class Reports:
    """The last answer of each center. `on_change(key)` is called when an answer says something else than before."""

    def __init__(
        self,
        url: str,
        every: float,
        keys: Callable[[], Iterable[QueueKey]],
        on_change: Callable[[QueueKey], None],
        metrics: Metrics,
    ) -> None:
        self._url = url
        self._every = every
        self._keys = keys
        self._on_change = on_change
        self._metrics = metrics
        self._reports: dict[str, CenterReport] = {}  # by namespace, which holds one center
        self._failures: dict[str, int] = {}

    def get(self, key: QueueKey) -> CenterReport | None:
        """The last answer, or None when the center does not answer."""
        return self._reports.get(key[0])

    async def run(self) -> None:
        """Ask every center in turn, for ever."""
        turns = asyncio.Semaphore(AT_ONCE)
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            connector=aiohttp.TCPConnector(limit=0),  # a wait for a connection would count as the center's time
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},  # a few bytes may unpack to gigabytes
            auto_decompress=False,
        ) as session:
            while True:
                asked: dict[str, list[QueueKey]] = defaultdict(list)
                for key in self._keys():
                    asked[key[0]].append(key)
                for gone in (self._reports.keys() | self._failures.keys()) - asked.keys():
                    self._reports.pop(gone, None)
                    self._failures.pop(gone, None)
                await asyncio.gather(*(self._ask(session, turns, *one) for one in asked.items()))
                await asyncio.sleep(jittered(self._every, 0.1))

    async def _ask(
        self, session: aiohttp.ClientSession, turns: asyncio.Semaphore, namespace: str, keys: Collection[QueueKey]
    ) -> None:
        """Ask the center of a namespace once its turn has come; whatever it answers, this does not raise."""
        before = self._reports.get(namespace)
        try:
            async with turns, session.get(self._url.format(namespace=namespace), allow_redirects=False) as answer:
                answer.raise_for_status()
                feeds = parse(json.loads(await _body(answer)))
        except Exception as error:  # an answer fails in more ways than can be listed
            self._metrics.center_polls.labels("failed").inc()
            self._failures[namespace] = self._failures.get(namespace, 0) + 1
            log.debug("center of %s does not answer: %s", namespace, type(error).__name__)  # its words are not ours
            changed = self._failures[namespace] >= PATIENCE and self._reports.pop(namespace, None) is not None
        else:
            self._metrics.center_polls.labels("answered").inc()
            self._failures.pop(namespace, None)
            self._reports[namespace] = CenterReport(datetime.now(UTC), feeds)
            changed = before is None or _gist(before.feeds) != _gist(feeds)
        for key in keys if changed else ():
            self._on_change(key)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """The whole body; ValueError when it is larger than any center's could be."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > LARGEST:
            raise ValueError(f"the answer is longer than {LARGEST} bytes")
    return bytes(body)


def parse(answer: Any) -> tuple[FeedReport, ...]:
    """The feeds of an answer, in order. Raises ValueError, KeyError, TypeError, AttributeError or OverflowError for
    anything else, such as a freshness that is no number of seconds."""
    if not isinstance(answer, list):
        raise ValueError("expected a list of feeds")
    feeds = []
    for feed in answer:
        told = (feed.get("freshnessSeconds") or {}).get("p95")
        p95 = None if told is None else float(told)
        if p95 is not None and not -LATEST < p95 < LATEST:  # NaN is not, either
            raise ValueError("a freshness is out of all bounds")
        name = str(feed.get("feed") or feed.get("name") or "")
        feeds.append(FeedReport(str(feed["facility"]), name, str(feed["state"]), p95))
    return tuple(sorted(feeds, key=lambda feed: (feed.facility, feed.feed)))


def _gist(feeds: tuple[FeedReport, ...]) -> list[tuple[str, str, str, int | None]]:
    """What of the feeds is worth a look: states, and whole seconds of freshness."""
    return [
        (feed.facility, feed.feed, feed.state, None if feed.p95_seconds is None else round(feed.p95_seconds))
        for feed in feeds
    ]
