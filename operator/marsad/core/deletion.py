"""How a HealthCluster goes: ordered steps as data, decided anew from what is still there on each pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from marsad.api.healthcluster import DeletionPolicy
from marsad.api.names import LABEL_CNPG_CLUSTER, LABEL_HEALTHCLUSTER
from marsad.core import inventory
from marsad.core.certificates import own_secrets
from marsad.core.custody import Patch, every_claim, halt, let_go, release
from marsad.core.kinds import CLUSTER, CNPG, MANAGED, SECRET
from marsad.core.secrets import secret_names
from marsad.core.stamp import digest, ours
from marsad.core.world import Key, Manifest, Observed

_RUNNING = ("Deployment", "Job", "PodDisruptionBudget")


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
    if not observed.complete:
        return DeletionPlan(
            "observe", "Waits until all that exists can be listed: what is not seen may still be there."
        )
    if observed.namespace_going:
        live = _cluster(observed)
        patches = let_go(live) if live is not None else ()  # nothing of ours may hold the namespace
        return DeletionPlan("namespace", "The namespace is being deleted, and all in it.", patches, finished=True)
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
    if patches := halt(observed, live):
        return DeletionPlan("halt", "Asks CloudNativePG to leave the database alone.", patches=patches)
    patches = release(observed, live)
    return (
        DeletionPlan("release", "Takes the volumes out of the Cluster's hands.", patches=patches) if patches else None
    )


def _database(observed: Observed) -> DeletionPlan | None:
    live = _cluster(observed)
    found = [live] if live is not None else []
    if _policy(observed) is DeletionPolicy.DELETE:
        found += _claims(observed)
    return _delete("database", "Stops the database.", found, let_go(live) if live is not None else ())


def _rest(observed: Observed) -> DeletionPlan | None:
    found = [manifest for key, manifest in _made(observed) if key.name != inventory.NAME]
    if _policy(observed) is DeletionPolicy.DELETE:
        secrets = (observed.get("", SECRET.kind, name) for name in secret_names(observed))
        found += [secret for secret in secrets if secret is not None and ours(secret, observed.cluster)]
        found += own_secrets(observed)
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


def _claims(observed: Observed) -> list[Manifest]:
    """Volume claims of the database: CloudNativePG labels them, and passes our label on to them."""
    labelled = ((live, live["metadata"].get("labels") or {}) for live in every_claim(observed))
    made = ((live, labels) for live, labels in labelled if LABEL_CNPG_CLUSTER in labels)
    return [live for live, labels in made if labels.get(LABEL_HEALTHCLUSTER) == observed.cluster.name]


def _delete(step: str, message: str, found: list[Manifest], patches: tuple[Patch, ...] = ()) -> DeletionPlan | None:
    """A step that deletes what is not yet being deleted and waits for all of it; None when nothing is left."""
    if not found:
        return None
    staying = tuple(live for live in found if live["metadata"].get("deletionTimestamp") is None)
    return DeletionPlan(step, message, patches, staying, tuple(Key.of(live) for live in found))


def _policy(observed: Observed) -> DeletionPolicy:
    return observed.cluster.spec.deletion_policy
