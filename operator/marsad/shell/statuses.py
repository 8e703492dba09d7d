"""Writes status: one server-side apply of the whole, and only when it says something else than what stands there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from marsad.api.facility import AnyFacility
from marsad.api.healthcluster import HealthCluster, HealthClusterStatus, UnreadableHealthCluster
from marsad.api.model import Condition, Resource
from marsad.core.facilities import facility_status
from marsad.core.kinds import FACILITY, HEALTHCLUSTER, Kind
from marsad.core.status import correction, status, transitions
from marsad.core.unreadable import unreadable_status
from marsad.core.world import Manifest, Observed
from marsad.shell.errors import Conflict, NotFound
from marsad.shell.events import post
from marsad.shell.writer import Writer

log = logging.getLogger(__name__)


class Statuses:
    """Status of HealthClusters and Facilities, and the Events that tell of its transitions."""

    def __init__(self, writer: Writer, identity: str) -> None:
        self._writer = writer
        self._identity = identity

    async def cluster(self, observed: Observed, conditions: Sequence[Condition]) -> None:
        """Bring a HealthCluster's status to what was judged."""
        await self._become(observed.cluster, status(observed, conditions))

    async def unreadable(self, cluster: UnreadableHealthCluster) -> None:
        """Say of a HealthCluster that it cannot be read."""
        await self._become(cluster, unreadable_status(cluster, datetime.now(UTC)))

    async def _become(self, cluster: HealthCluster | UnreadableHealthCluster, wanted: dict[str, Any]) -> None:
        if wanted == cluster.status.dump():
            return
        written = await self._write(HEALTHCLUSTER, cluster, wanted)
        if written is not None:
            after = HealthClusterStatus.model_validate(wanted)
            await post(self._writer, written, transitions(cluster.status, after), self._identity)

    async def facilities(self, facilities: Sequence[AnyFacility], observed: Observed | None) -> None:
        """Bring the status of a namespace's Facilities to what is so; without a HealthCluster, `observed` is None."""
        now = observed.now if observed is not None else datetime.now(UTC)
        judged = [(one, facility_status(one, observed, now)) for one in facilities if not one.deleting]
        changed = [(facility, wanted) for facility, wanted in judged if wanted != facility.status.dump()]
        writing = (self._write(FACILITY, facility, wanted) for facility, wanted in changed)
        for answer in await asyncio.gather(*writing, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer

    async def _write(self, kind: Kind, resource: Resource, wanted: dict[str, Any]) -> Manifest | None:
        metadata = resource.metadata
        manifest = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            # The uid keeps an old judgement from landing on a new object of the same name.
            "metadata": {"namespace": metadata.namespace, "name": metadata.name, "uid": metadata.uid},
            "status": wanted,
        }
        try:
            answer = await self._writer.apply(kind, manifest, status=True)
            if answer.get("status") == wanted:
                return answer
            # An apply leaves what another manager wrote. Status is ours alone, and would differ at every look.
            patch = {"metadata": _this_version(answer), "status": correction(answer.get("status") or {}, wanted)}
            return await self._writer.patch(kind, metadata.namespace, metadata.name, patch, status=True)
        except (NotFound, Conflict):
            log.debug("%s/%s went away before its status was written", kind.kind, metadata.name)
            return None


def _this_version(item: Manifest) -> dict[str, str]:
    return {name: item["metadata"][name] for name in ("uid", "resourceVersion")}
