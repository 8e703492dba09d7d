"""Carries out what core/repair.py decides: deletes one object that CloudNativePG waits for in vain, and tells of it."""

from __future__ import annotations

import logging

from marsad.api.conditions import Reason
from marsad.core.kinds import HEALTHCLUSTER
from marsad.core.repair import Repair, repair
from marsad.core.status import Event
from marsad.core.world import Key, Observed
from marsad.shell.apply import delete_all
from marsad.shell.events import post
from marsad.shell.metrics import Metrics
from marsad.shell.writer import Writer

log = logging.getLogger(__name__)


class Repairs:
    """Repairs of databases."""

    def __init__(self, writer: Writer, metrics: Metrics, identity: str) -> None:
        self._writer = writer
        self._metrics = metrics
        self._identity = identity

    async def carry_out(self, observed: Observed) -> float | None:
        """Do what is due; seconds until something will be, or None. An object that changed meanwhile is left alone."""
        found = repair(observed)
        if found is None:
            return None
        left = (found.due - observed.now).total_seconds()
        if left > 0:
            return left
        if await delete_all(self._writer, (found.doomed,), same_version=True):
            await self._tell(observed, found)
        return None

    async def _tell(self, observed: Observed, found: Repair) -> None:
        key, metadata = Key.of(found.doomed), observed.cluster.metadata
        log.warning("deleted %s: %s", key, found.why)
        self._metrics.repairs.labels(key.kind).inc()
        regarding = {
            "apiVersion": HEALTHCLUSTER.api_version,
            "kind": HEALTHCLUSTER.kind,
            "metadata": {
                "namespace": metadata.namespace,
                "name": metadata.name,
                "uid": metadata.uid,
                "resourceVersion": metadata.resource_version,
            },
        }
        event = Event("Warning", Reason.PRIMARY_BLOCKED, f"Deleted {key}. {found.why} Nothing is lost.")
        await post(self._writer, regarding, (event,), self._identity)
