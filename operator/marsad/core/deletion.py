"""How a HealthCluster goes: ordered steps as data, decided anew from what is still there on each pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marsad.api.healthcluster import DeletionPolicy
from marsad.api.names import LABEL_CNPG_CLUSTER, LABEL_HEALTHCLUSTER
from marsad.core import inventory
from marsad.core.kinds import CLUSTER, CNPG, MANAGED, SECRET, VOLUME_CLAIM
from marsad.core.secrets import secret_names
from marsad.core.stamp import digest, ours
from marsad.core.world import Key, Manifest, Observed

HALT = {"cnpg.io/reconciliationLoop": "disabled"}  # CloudNativePG's own switch
_RUNNING = ("Deployment", "Job", "PodDisruptionBudget")


@dataclass(frozen=True)
class Patch:
    """A JSON merge patch of a live object; it carries the resourceVersion it was decided on."""

    live: Manifest
    patch: Mapping[str, Any]


@dataclass(frozen=True)
class DeletionPlan:
    """The step that is due: first `patches`, then `deletes` (live objects, for preconditions), then wait for `awaited`
    to be gone. `message` says for people what is done or awaited. When `finished`, the finalizer may go."""

    step: str
    message: str
    patches: tuple[Patch, ...] = ()
    deletes: tuple[Manifest, ...] = ()
    awaited: tuple[Key, ...] = ()
    finished: bool = False


def deletion(observed: Observed) -> DeletionPlan:
    """What is due now, for a HealthCluster that has a deletionTimestamp.

    What receives stops first. Retain then takes the volumes out of the hands of CloudNativePG's Cluster, which would
    take them along; Delete lets it. Network policies go last, after all that they fence.
    """
    if observed.namespace_going:
        return DeletionPlan("namespace", "The namespace is being deleted, and everything in it.", finished=True)
    if not observed.complete:
        return DeletionPlan(
            "observe", "Waits until all that exists can be listed: what is not seen may still be there."
        )
    if observed.cluster.spec.paused:
        return DeletionPlan("paused", "Nothing is deleted while spec.paused is true.")
    for step in _STEPS:
        if (due := step(observed)) is not None:
            return due
    return DeletionPlan("done", "Everything that was to go is gone.", finished=True)


def _workloads(observed: Observed) -> DeletionPlan | None:
    live = [manifest for key, manifest in _made(observed) if key.kind in _RUNNING]
    return _delete("workloads", "Stops gateway, analytics and dashboard.", live)


def _volumes(observed: Observed) -> DeletionPlan | None:
    """Retain: no volume claim, however it is labelled, may still have the Cluster for its owner when that goes."""
    live = _cluster(observed)
    if live is None or _policy(observed) is DeletionPolicy.DELETE:
        return None
    claims = [claim for claim in _every_claim(observed) if _owned(claim, live)]
    annotations = live["metadata"].get("annotations") or {}
    if claims and live["metadata"].get("deletionTimestamp") is None and not HALT.items() <= annotations.items():
        patch = _patch(live, {"annotations": HALT})
        return DeletionPlan("halt", "Asks CloudNativePG to leave the database alone.", patches=(patch,))
    patches = tuple(_patch(claim, {"ownerReferences": _other_owners(claim, live)}) for claim in claims)
    return DeletionPlan("release", "Takes the volumes out of the Cluster's hands.", patches=patches) if claims else None


def _database(observed: Observed) -> DeletionPlan | None:
    live = _cluster(observed)
    found = [live] if live is not None else []
    if _policy(observed) is DeletionPolicy.DELETE:
        found += _claims(observed)
    return _delete("database", "Stops the database.", found)


def _rest(observed: Observed) -> DeletionPlan | None:
    found = [manifest for key, manifest in _made(observed) if key.name != inventory.NAME]
    if _policy(observed) is DeletionPolicy.DELETE:
        secrets = (observed.get("", SECRET.kind, name) for name in secret_names(observed))
        found += [secret for secret in secrets if secret is not None and ours(secret, observed.cluster)]
    return _delete("rest", "Removes Services, accounts, quota and network policies.", found)


def _inventory(observed: Observed) -> DeletionPlan | None:
    live = observed.get("", "ConfigMap", inventory.NAME)
    found = [live] if live is not None and ours(live, observed.cluster) else []
    return _delete("inventory", "Removes the inventory.", found)


_STEPS: tuple[Callable[[Observed], DeletionPlan | None], ...] = (_workloads, _volumes, _database, _rest, _inventory)


def _made(observed: Observed) -> Iterator[tuple[Key, Manifest]]:
    """What the operator applied and is still there, in a stable order; neither Secrets nor volumes.

    An object that has lost our labels is still known by the inventory and by our digest. The inventory alone proves
    nothing: whoever may write a ConfigMap may write into that one, too.
    """
    kinds = {(kind.group, kind.kind) for kind in MANAGED if not kind.metadata_only}
    listed = inventory.inventory(observed)
    for key, live in sorted(observed.objects.items()):
        stripped = inventory.entry(key) in listed and bool(digest(live))
        if (key.group, key.kind) in kinds and (ours(live, observed.cluster) or stripped):
            yield key, live


def _cluster(observed: Observed) -> Manifest | None:
    """CloudNativePG's Cluster, if the operator made one."""
    return next((live for key, live in _made(observed) if (key.group, key.kind) == (CNPG, CLUSTER.kind)), None)


def _every_claim(observed: Observed) -> list[Manifest]:
    """Volume claims of the namespace, whoever made or labelled them."""
    return [live for key, live in sorted(observed.objects.items()) if (key.group, key.kind) == ("", VOLUME_CLAIM.kind)]


def _claims(observed: Observed) -> list[Manifest]:
    """Volume claims of the database: CloudNativePG labels them, and passes our label on to them."""
    labelled = ((live, live["metadata"].get("labels") or {}) for live in _every_claim(observed))
    made = ((live, labels) for live, labels in labelled if LABEL_CNPG_CLUSTER in labels)
    return [live for live, labels in made if labels.get(LABEL_HEALTHCLUSTER) == observed.cluster.name]


def _owned(claim: Manifest, cluster: Manifest) -> bool:
    owners = claim["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == cluster["metadata"]["uid"] for owner in owners)


def _other_owners(claim: Manifest, cluster: Manifest) -> list[Any] | None:
    owners = claim["metadata"].get("ownerReferences") or ()
    return [owner for owner in owners if owner["uid"] != cluster["metadata"]["uid"]] or None


def _patch(live: Manifest, metadata: Mapping[str, Any]) -> Patch:
    return Patch(live, {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"], **metadata}})


def _delete(step: str, message: str, found: list[Manifest]) -> DeletionPlan | None:
    """A step that deletes what is not yet being deleted and waits for all of it; None when nothing is left."""
    if not found:
        return None
    staying = tuple(live for live in found if live["metadata"].get("deletionTimestamp") is None)
    return DeletionPlan(step, message, deletes=staying, awaited=tuple(Key.of(live) for live in found))


def _policy(observed: Observed) -> DeletionPolicy:
    return observed.cluster.spec.deletion_policy
