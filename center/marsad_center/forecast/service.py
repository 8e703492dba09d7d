"""Forecasts on a schedule, in the process of analytics: made anew every hour, trained anew every day.

The work is done by another process of the lowest priority, so that live figures never wait for it; it exists only while
there is work. A forecast that fails is counted and tried again; it never stops the figures.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marsad_center import db, registry
from marsad_center.db import Connection
from marsad_center.forecast import history, store
from marsad_center.forecast.metrics import Metrics
from marsad_center.forecast.outlook import ARRIVALS, BEDS, Forecast
from marsad_center.forecast.series import Hours
from marsad_center.forecast.work import Trained, Work
from marsad_center.settings import Settings

log = logging.getLogger(__name__)

APPLICATION = "forecast"
EVERY = timedelta(hours=1)
RETRAIN = timedelta(hours=24)
SLACK = timedelta(minutes=30)  # rounds are not on the second
AFTER_THE_HOUR = timedelta(minutes=2)  # so that the messages of the hour's last minute are there
FIRST_SECONDS = 5.0  # live figures come first


async def _nothing(_connection: Connection, _now: datetime) -> None:
    """Nobody is told."""


class Forecaster:
    """Holds what training found, by facility and figure. Lost with the process: the first round of the next one trains
    anew, and until then the forecasts of the last stand for as long as any other.

    `publish` is awaited after each round, also one that failed, and makes figures of the forecasts.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        first_seconds: float = FIRST_SECONDS,
        publish: Callable[[Connection, datetime], Awaitable[None]] = _nothing,
    ) -> None:
        self._settings, self._metrics, self._clock, self._first_seconds = settings, metrics, clock, first_seconds
        self._publish = publish
        self._trained: dict[tuple[str, str], Trained] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        await db.wait_for_schema(self._settings.database, APPLICATION, lambda _sentence: None)
        await asyncio.sleep(self._first_seconds)
        attempt = 0
        while True:
            try:
                async with db.connected(self._settings.database, APPLICATION) as connection:
                    now = self._clock()
                    try:
                        await self.round(connection, now)
                    finally:  # a forecast that could not be renewed is not shown for ever
                        await self._publish(connection, now)
                attempt = 0
                await asyncio.sleep(seconds_until_due(self._clock()) + random.uniform(0, 60))  # noqa: S311 - spreads load
            except Exception as error:  # whatever it is: figures go on, and the next round may do better
                self._metrics.failures.inc()
                log.warning("forecasts failed and are tried again", extra={"reason": db.describe(error)})
                await asyncio.sleep(db.backoff(attempt, first=1.0, most=300.0))
                attempt += 1

    async def round(self, connection: Connection, now: datetime) -> None:
        """One forecast of each figure for every active facility, as of `now`; trains where that was a day ago."""
        started = time.perf_counter()
        await self._age(connection)  # also of forecasts that this round will not get to renew
        zone = self._zone()
        codes = [row["code"] for row in await connection.fetch("SELECT code FROM facility WHERE active ORDER BY code")]
        self._trained = {key: found for key, found in self._trained.items() if key[0] in codes}
        with Work() as work:
            for code in codes:
                for id, read in ((ARRIVALS, history.arrivals), (BEDS, history.beds)):
                    hours = await read(connection, code, now)
                    if (made := await self._made(work, (code, id), hours, zone, now=now)) is not None:
                        await store.write(connection, [made])
                        self._metrics.made.labels(made.state).inc()
        seconds = time.perf_counter() - started
        self._metrics.seconds.observe(seconds)
        await self._age(connection)
        log.info("forecasts made", extra={"facilities": len(codes), "seconds": round(seconds, 1)})

    async def _age(self, connection: Connection) -> None:
        made_at = await store.oldest(connection)
        self._metrics.last.set(made_at.timestamp() if made_at is not None else 0)

    async def _made(
        self, work: Work, key: tuple[str, str], hours: Hours, zone: ZoneInfo, *, now: datetime
    ) -> Forecast | None:
        found = self._trained.get(key)
        if found is not None and now - found.trained_at >= RETRAIN - SLACK:
            found = None
        code, id = key
        try:
            made, found = await work.compute(id, code, hours, zone, now, trained=found)
        except (ArithmeticError, ValueError) as error:  # of one facility's numbers: the others are none the worse
            self._metrics.failures.inc()
            log.warning("a forecast failed", extra={"facility": code, "id": id, "reason": db.describe(error)})
            return None
        if found is not None:
            self._trained[key] = found
        return made

    def _zone(self) -> ZoneInfo:
        """The center's time zone, whose days are forecast."""
        try:
            return ZoneInfo(registry.load(self._settings.center).time_zone)
        except (registry.RegistryError, ZoneInfoNotFoundError, ValueError) as error:
            log.warning("the center's time zone is not known, UTC is used", extra={"reason": db.describe(error)})
            return ZoneInfo("UTC")


def seconds_until_due(now: datetime) -> float:
    """From `now` to two minutes past the next full hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    due = hour + AFTER_THE_HOUR
    return (due + EVERY - now if due <= now else due - now).total_seconds()
