"""Follows the figures, within the analytics process: LISTEN 'figures' says whose changed; a beat looks at all, because
a rule may open by the passing of time alone. What the center declares of the rules is followed while it changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from marsad_center import db, registry
from marsad_center.db import Connection
from marsad_center.hints import Hints
from marsad_center.recommendations import store
from marsad_center.recommendations.evaluate import Step, step
from marsad_center.recommendations.rules import Rule, adjusted, rules
from marsad_center.settings import Settings

log = logging.getLogger(__name__)

APPLICATION = "recommendations"
COALESCE_SECONDS = 0.5  # rules hold for minutes: a look twice a second is more than enough
BEAT_SECONDS = 10.0


class Follower:
    """One task, one connection for its looks; a Listener wakes it."""

    def __init__(
        self,
        settings: Settings,
        metrics: CollectorRegistry = REGISTRY,
        *,
        entries: dict[str, Rule] | None = None,
        beat: float = BEAT_SECONDS,
    ) -> None:
        self._settings, self._beat = settings, beat
        self._entries: Mapping[str, Rule] = rules() if entries is None else entries
        self._rules: Mapping[str, Rule] = {}  # as the center declares them; nothing is judged before that is known
        self._declared_once = asyncio.Event()
        self._hints = Hints()
        self._opened = Counter("marsad_recommendations_opened", "Opened", ["rule"], registry=metrics)
        self._closed = Counter("marsad_recommendations_closed", "Closed", ["outcome"], registry=metrics)
        self._open = Gauge("marsad_recommendations_open", "Open now", ["rule"], registry=metrics)

    async def run(self) -> None:
        """Follow until cancelled. Raises what another try would not heal."""
        await db.wait_for_schema(self._settings.database, APPLICATION, lambda _sentence: None)
        listener = db.Listener(self._settings.database, APPLICATION, ["figures"], self._reload, self._hints.notified)
        async with asyncio.TaskGroup() as group:
            group.create_task(listener.run())
            group.create_task(registry.watch(self._settings.center, self._declared))
            await self._declared_once.wait()
            group.create_task(self._work())

    async def _declared(self, center: registry.Center) -> None:
        self._rules = adjusted(self._entries, center.recommendations)
        self._declared_once.set()
        self._hints.anything()

    async def _reload(self) -> None:
        self._hints.anything()

    async def _work(self) -> None:
        attempt = 0
        while True:
            try:
                async with db.connected(self._settings.database, APPLICATION) as connection:
                    attempt = 0
                    self._hints.anything()
                    while True:
                        await self._look(connection, datetime.now(UTC))
                        await self._woken()
            except (*db.TRANSIENT, asyncpg.TransactionRollbackError) as error:
                log.warning("a look at the rules failed and is tried again", extra={"reason": db.describe(error)})
            await asyncio.sleep(db.backoff(attempt))
            attempt += 1

    async def _woken(self) -> None:
        if await self._hints.woken(self._beat):
            await asyncio.sleep(COALESCE_SECONDS)
        else:
            self._hints.anything()

    async def _look(self, connection: Connection, now: datetime) -> None:
        touched, rules_ = self._hints.take(), self._rules
        ids = {condition.figure for rule in rules_.values() for condition in rule.when}
        async with connection.transaction():
            declared = await store.declared(connection)
            codes = declared if touched is None else touched & declared
            figures = await store.figures(connection, sorted(codes), sorted(ids))
            standing = await store.standing(connection)
            done = step(rules_, figures, standing, now, declared=declared)
            await store.write(connection, done, now)
        self._tell(done, [rule for _, rule in standing.open])

    def _tell(self, done: Step, before: list[str]) -> None:
        for facility, rule in done.opened:
            self._opened.labels(rule).inc()
            log.info("a recommendation opened", extra={"facility": facility, "rule": rule})
        for (facility, rule), outcome in done.closed.items():
            self._closed.labels(outcome).inc()
            log.info("a recommendation closed", extra={"facility": facility, "rule": rule, "outcome": outcome})
        now = [*before, *(rule for _, rule in done.opened)]
        for rule in self._entries:
            gone = sum(1 for _, each in done.closed if each == rule)
            self._open.labels(rule).set(now.count(rule) - gone)
