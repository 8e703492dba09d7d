"""Asks each center, every quarter of a minute or so, how fresh its feeds are (`GET /api/v1/feeds`)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import aiohttp

from marsad.core.world import CenterReport, FeedReport
from marsad.shell.metrics import Metrics
from marsad.shell.queue import QueueKey, jittered

log = logging.getLogger(__name__)

TIMEOUT = 3.0  # seconds for one answer
PATIENCE = 2  # failures in a row after which the last answer no longer counts
LARGEST = 4 * 1024 * 1024  # bytes of an answer


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
        self._reports: dict[QueueKey, CenterReport] = {}
        self._failures: dict[QueueKey, int] = {}

    def get(self, key: QueueKey) -> CenterReport | None:
        """The last answer, or None when the center does not answer."""
        return self._reports.get(key)

    async def run(self) -> None:
        """Ask every center in turn, for ever."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=16)) as session:
            while True:
                keys = set(self._keys())
                for gone in (self._reports.keys() | self._failures.keys()) - keys:
                    self._reports.pop(gone, None)
                    self._failures.pop(gone, None)
                await asyncio.gather(*(self._ask(session, key) for key in keys))
                await asyncio.sleep(jittered(self._every, 0.1))

    async def _ask(self, session: aiohttp.ClientSession, key: QueueKey) -> None:
        before = self._reports.get(key)
        try:
            async with session.get(self._url.format(namespace=key[0]), allow_redirects=False) as answer:
                answer.raise_for_status()
                feeds = parse(json.loads(await _body(answer)))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._metrics.center_polls.labels("failed").inc()
            self._failures[key] = self._failures.get(key, 0) + 1
            log.debug("center of %s does not answer: %s", key[0], error or type(error).__name__)
            if self._failures[key] >= PATIENCE and self._reports.pop(key, None) is not None:
                self._on_change(key)
            return
        self._metrics.center_polls.labels("answered").inc()
        self._failures.pop(key, None)
        self._reports[key] = CenterReport(datetime.now(UTC), feeds)
        if before is None or _gist(before.feeds) != _gist(feeds):
            self._on_change(key)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """The whole body; ValueError when it is larger than any center's could be."""
    body = b""
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > LARGEST:
            raise ValueError(f"the answer is longer than {LARGEST} bytes")
    return body


def parse(answer: Any) -> tuple[FeedReport, ...]:
    """The feeds of an answer, in order. Raises ValueError, KeyError or TypeError for anything else."""
    if not isinstance(answer, list):
        raise ValueError("expected a list of feeds")
    feeds = []
    for feed in answer:
        p95 = (feed.get("freshnessSeconds") or {}).get("p95")
        name = str(feed.get("feed") or feed.get("name") or "")
        feeds.append(FeedReport(str(feed["facility"]), name, str(feed["state"]), None if p95 is None else float(p95)))
    return tuple(sorted(feeds, key=lambda feed: (feed.facility, feed.feed)))


def _gist(feeds: tuple[FeedReport, ...]) -> list[tuple[str, str, str, int | None]]:
    """What of the feeds is worth a look: states, and whole seconds of freshness."""
    return [
        (feed.facility, feed.feed, feed.state, None if feed.p95_seconds is None else round(feed.p95_seconds))
        for feed in feeds
    ]
