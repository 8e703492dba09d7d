"""`python -m marsad_center analytics`: LISTEN, gather what was touched for a moment, recompute, write, notify."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from datetime import UTC, datetime

import asyncpg
from prometheus_client import REGISTRY, CollectorRegistry

from marsad_center import db, ops, registry
from marsad_center.db import Connection
from marsad_center.facts.code_maps import count_by_facility
from marsad_center.forecast.metrics import Metrics as ForecastMetrics
from marsad_center.forecast.service import Forecaster
from marsad_center.hints import Hints
from marsad_center.indicators.engine import Engine
from marsad_center.indicators.metrics import Metrics
from marsad_center.indicators.persons import Keeper, PersonMetrics
from marsad_center.settings import Settings

log = logging.getLogger(__name__)

APPLICATION = "analytics"
COALESCE_SECONDS = 0.1  # notifications within this time share one pass
COALESCE_MOST = 0.5  # and at most this time where passes take long, so that others have half of the time
TICK_SECONDS = 10.0

# Errors of a pass that another try heals. Anything else ends the process, and Kubernetes starts a clean one.
_RETRIED = (*db.TRANSIENT, asyncpg.TransactionRollbackError)


class Analytics:
    """One engine, one worker, one connection for its passes; a Listener wakes it, and `keeper` with it."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        *,
        keeper: Keeper | None = None,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._settings, self._metrics, self._tick_seconds = settings, metrics, tick_seconds
        self._keeper = keeper
        self._readiness = ops.Readiness("database", "figures")
        self._engine = Engine()
        self._hints = Hints()
        self._took = 0.0  # the last pass over what was touched, in seconds

    @property
    def readiness(self) -> ops.Readiness:
        """Ready once every figure was computed and the database answers."""
        return self._readiness

    async def run(self) -> None:
        """Work until cancelled. Raises what another try would not heal."""
        await db.wait_for_schema(
            self._settings.database, APPLICATION, lambda sentence: self._readiness.missing("database", sentence)
        )
        listener = db.Listener(
            self._settings.database, APPLICATION, ["facts"], self._reload, self._notified, on_lost=self._lost
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(listener.run())
            group.create_task(registry.watch(self._settings.center, self._declared))
            group.create_task(self._work())

    async def expect(self, connection: Connection, now: datetime) -> None:
        """Make figures of the newest forecasts; on the caller's connection, beside the passes."""
        await self._engine.expect(connection, now)

    async def _reload(self) -> None:
        self._readiness.met("database")
        self._hints.anything()
        self._wake_keeper()

    def _notified(self, channel: str, payload: str) -> None:
        self._hints.notified(channel, payload)
        self._wake_keeper()

    def _wake_keeper(self) -> None:
        if self._keeper is not None:
            self._keeper.wake()

    def _lost(self, reason: str) -> None:
        self._readiness.missing("database", reason)

    async def _declared(self, center: registry.Center) -> None:
        self._engine.declared(center)
        self._hints.anything()

    async def _work(self) -> None:
        attempt = 0
        while True:
            try:
                async with db.connected(self._settings.database, APPLICATION) as connection:
                    attempt = 0
                    await self._passes(connection)
            except _RETRIED as error:
                self._metrics.failures.inc()
                self._engine.invalidate()
                log.warning("a pass failed and is tried again", extra={"reason": db.describe(error)})
            await asyncio.sleep(db.backoff(attempt))
            attempt += 1

    async def _passes(self, connection: Connection) -> None:
        await self._pass(connection, "full")
        due = self._next_tick()
        while True:
            if await self._hints.woken(due - time.monotonic()):
                await asyncio.sleep(coalesce(self._took))
                await self._pass(connection, "facts")
            else:
                await self._pass(connection, "tick")
                due = self._next_tick()

    def _next_tick(self) -> float:
        # Jitter keeps 22 centers on one machine from ticking together.
        return time.monotonic() + self._tick_seconds * random.uniform(0.8, 1.2)  # noqa: S311

    async def _pass(self, connection: Connection, cause: str) -> None:
        now, started = datetime.now(UTC), time.perf_counter()
        if cause == "tick":
            done = await self._engine.tick(connection, now)
        elif cause == "full":
            self._hints.take()
            done = await self._engine.full(connection, now)
        else:
            codes = self._hints.take()
            if codes is None:
                self._engine.invalidate()
            done = await self._engine.touched(connection, codes or (), now)
            self._took = time.perf_counter() - started
        if cause != "facts":
            self._metrics.codes(self._engine.facts, await count_by_facility(connection))
        self._metrics.passed(cause, done, time.perf_counter() - started, now)
        feeds = [feed for facts in self._engine.facts.values() for feed in facts.recent.feeds]
        self._metrics.feeds(feeds, now, self._engine.objective_seconds)
        self._readiness.met("figures")


def coalesce(took: float) -> float:
    """How long to gather notifications before the next pass, in seconds, when the last one `took` so long."""
    return min(COALESCE_MOST, max(COALESCE_SECONDS, took))


async def run(settings: Settings, *, metrics_registry: CollectorRegistry = REGISTRY) -> None:
    """The component: probes and metrics on the metrics port, and the work."""
    keeper = Keeper(settings, PersonMetrics(metrics_registry))
    analytics = Analytics(settings, Metrics(metrics_registry), keeper=keeper)
    application = ops.ops_application(analytics.readiness, metrics_registry)
    forecaster = Forecaster(settings, ForecastMetrics(metrics_registry), publish=analytics.expect)
    async with ops.serving(application, settings.bind, settings.metrics_port), asyncio.TaskGroup() as group:
        group.create_task(analytics.run())
        group.create_task(keeper.run())
        group.create_task(forecaster.run())
