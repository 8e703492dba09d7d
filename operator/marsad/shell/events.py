"""Kubernetes Events on our resources: one for a transition, never one for a look."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from marsad.api.names import GROUP
from marsad.core.kinds import Kind
from marsad.core.status import Event
from marsad.core.world import Manifest
from marsad.shell.errors import ApiError, Conflict
from marsad.shell.writer import Writer

log = logging.getLogger(__name__)

EVENT = Kind("events.k8s.io", "v1", "Event", "events", verbs=("create",))
CONTROLLER = f"{GROUP}/operator"
LONGEST_NOTE = 1024


async def post(writer: Writer, regarding: Manifest, events: Iterable[Event], identity: str) -> None:
    """Post Events about an object whose status was just written.

    Their names follow from that status's resourceVersion, so that the same transition is never posted twice. An Event
    that cannot be posted is logged and let go: status says the same.
    """
    for event in events:
        try:
            await writer.create(EVENT, _event(regarding, event, identity))
        except Conflict:
            pass
        except ApiError as error:
            log.warning("Event %s was not posted: %s", event.reason, error)


def _event(regarding: Manifest, event: Event, identity: str) -> Manifest:
    metadata = regarding["metadata"]
    told = "\n".join((metadata["uid"], metadata["resourceVersion"], event.type, event.reason, event.message))
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "namespace": metadata["namespace"],
            "name": f"{metadata['name']}.{hashlib.sha256(told.encode()).hexdigest()[:16]}",
        },
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": identity[:128],
        "action": "Reconcile",
        "type": event.type,
        "reason": event.reason,
        "note": event.message[:LONGEST_NOTE],
        "regarding": {
            "apiVersion": regarding["apiVersion"],
            "kind": regarding["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
    }
