"""Keeps the snapshot up to date: LISTEN says whose figures or recommendations to read again; a slow beat reads feeds
and the pulse of analytics, because silence is found by the clock alone. What changed goes to the hub."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime

import asyncpg

from marsad_center import db, ops, registry
from marsad_center.db import Connection
from marsad_center.hints import Hints
from marsad_center.indicators.figures import CLUSTER
from marsad_center.settings import Settings
from marsad_center.web.api import center_document
from marsad_center.web.snapshot import Change, Snapshot, read
from marsad_center.web.stream import Hub

log = logging.getLogger(__name__)

APPLICATION = "dashboard"
COALESCE_SECONDS = 0.02
BEAT_SECONDS = 5.0


class Refresher:
    """One task reads; the snapshot and the hub are its output."""

    def __init__(
        self, settings: Settings, snapshot: Snapshot, hub: Hub, readiness: ops.Readiness, *, beat: float = BEAT_SECONDS
    ) -> None:
        self._settings, self._snapshot, self._hub, self._readiness, self._beat = (
            settings,
            snapshot,
            hub,
            readiness,
            beat,
        )
        self._hints = Hints()

    async def run(self) -> None:
        """Refresh until cancelled."""
        await db.wait_for_schema(
            self._settings.database, APPLICATION, lambda sentence: self._readiness.missing("database", sentence)
        )
        listener = db.Listener(
            self._settings.database,
            APPLICATION,
            ["figures", "recommendations"],
            self._reload,
            self._hints.notified,
            on_lost=self._lost,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(listener.run())
            group.create_task(registry.watch(self._settings.center, self._declared))
            group.create_task(self._work())
            group.create_task(self._status())

    async def _reload(self) -> None:
        self._hints.anything()

    def _lost(self, reason: str) -> None:
        self._readiness.missing("database", reason)
        if self._snapshot.connected:
            self._snapshot.connected = False
            self._publish_status()

    async def _declared(self, center: registry.Center) -> None:
        known, self._snapshot.center = self._snapshot.center, center
        self._snapshot.retain(self._snapshot.codes())
        if known is not None and known != center:
            self._hub.publish([("center", center_document(center))])
        self._hints.anything()

    async def _work(self) -> None:
        attempt = 0
        while True:
            try:
                async with db.connected(self._settings.database, APPLICATION) as connection:
                    attempt = 0
                    self._hints.anything()
                    while True:
                        await self._refresh(connection)
                        await self._woken()
            except (*db.TRANSIENT, asyncpg.TransactionRollbackError) as error:
                self._lost(db.describe(error))
            await asyncio.sleep(db.backoff(attempt))
            attempt += 1

    async def _woken(self) -> None:
        if await self._hints.woken(self._beat):
            await asyncio.sleep(COALESCE_SECONDS)
        else:
            self._hints.anything()  # feeds fall silent, and analytics too, without a word

    async def _refresh(self, connection: Connection) -> None:
        center, touched = self._snapshot.center, self._hints.take()
        if center is None:
            return
        known = {CLUSTER, *self._snapshot.codes()}
        reading = await read(connection, sorted(known if touched is None else known & touched), datetime.now(UTC))
        recovered = not self._snapshot.connected
        changes: list[Change] = self._snapshot.apply(reading, float(center.freshness_objective_seconds))
        self._hub.publish([(change.event, change.document) for change in changes])
        self._readiness.met("database")
        if recovered:
            self._publish_status()

    async def _status(self) -> None:
        while True:
            started = time.monotonic()
            self._publish_status()
            await asyncio.sleep(max(0.0, self._beat - (time.monotonic() - started)))

    def _publish_status(self) -> None:
        self._hub.publish([("status", self._snapshot.status_document(datetime.now(UTC)))])
