"""Who holds the database's volumes: CloudNativePG makes them children of its Cluster, and with it they would go.

The Cluster carries our finalizer, so that it cannot go before the operator has taken them out of its hands. A new
Cluster of the same name adopts volumes that have no owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marsad.api.names import FINALIZER
from marsad.core.acceptance import refusal
from marsad.core.context import CNPG_NAME
from marsad.core.kinds import CLUSTER, CNPG, VOLUME_CLAIM
from marsad.core.world import Manifest, Observed

HALT = {"cnpg.io/reconciliationLoop": "disabled"}  # CloudNativePG's own switch


@dataclass(frozen=True)
class Patch:
    """A JSON merge patch of a live object; it carries the resourceVersion it was decided on."""

    live: Manifest
    patch: Mapping[str, Any]


def every_claim(observed: Observed) -> list[Manifest]:
    """Volume claims of the namespace, whoever made or labelled them."""
    return [live for key, live in sorted(observed.objects.items()) if (key.group, key.kind) == ("", VOLUME_CLAIM.kind)]


def halt(observed: Observed, cluster: Manifest) -> tuple[Patch, ...]:
    """Ask CloudNativePG to leave a Cluster alone that has volumes yet; () where that is done."""
    annotations = cluster["metadata"].get("annotations") or {}
    if HALT.items() <= annotations.items() or not _claims(observed, cluster):
        return ()
    return (_patch(cluster, {"annotations": HALT}),)


def release(observed: Observed, cluster: Manifest) -> tuple[Patch, ...]:
    """Take every volume, however it is labelled, out of the Cluster's hands; () once it has none."""
    claims = _claims(observed, cluster)
    return tuple(_patch(claim, {"ownerReferences": _other_owners(claim, cluster)}) for claim in claims)


def let_go(cluster: Manifest) -> tuple[Patch, ...]:
    """Take our finalizer off the Cluster; () where it has none."""
    finalizers = cluster["metadata"].get("finalizers") or []
    if FINALIZER not in finalizers:
        return ()
    return (_patch(cluster, {"finalizers": [name for name in finalizers if name != FINALIZER] or None}),)


def rescue(observed: Observed) -> tuple[Patch, ...]:
    """What is due where somebody deletes the Cluster of a HealthCluster that stays: its volumes first, then it goes."""
    live = observed.get(CNPG, CLUSTER.kind, CNPG_NAME)
    center = observed.cluster
    halted = center.spec.paused or center.deleting or observed.namespace_going or refusal(observed) is not None
    if live is None or halted or live["metadata"].get("deletionTimestamp") is None or not observed.complete:
        return ()
    return halt(observed, live) or release(observed, live) or let_go(live)


def _claims(observed: Observed, cluster: Manifest) -> list[Manifest]:
    return [claim for claim in every_claim(observed) if _owned(claim, cluster)]


def _owned(claim: Manifest, cluster: Manifest) -> bool:
    owners = claim["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == cluster["metadata"]["uid"] for owner in owners)


def _other_owners(claim: Manifest, cluster: Manifest) -> list[Any] | None:
    owners = claim["metadata"].get("ownerReferences") or ()
    return [owner for owner in owners if owner["uid"] != cluster["metadata"]["uid"]] or None


def _patch(live: Manifest, metadata: Mapping[str, Any]) -> Patch:
    return Patch(live, {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"], **metadata}})
