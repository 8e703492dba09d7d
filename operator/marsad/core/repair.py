"""What CloudNativePG waits for in vain, and the operator removes: a replica that was being made when its primary went.

CloudNativePG starts no instance while a Job of its own is unfinished, and the Job that joins a replica waits for the
primary. Once the Job is gone the primary comes back; the claim that the Job did not fill then keeps CloudNativePG from
making another. Neither holds anything that the primary has not (docs/adr/0016).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marsad.api.conditions import ConditionStatus, ConditionType
from marsad.api.names import LABEL_CNPG_CLUSTER, LABEL_HEALTHCLUSTER
from marsad.core.acceptance import refusal
from marsad.core.context import CNPG_NAME
from marsad.core.kinds import CLUSTER, CNPG, POD, VOLUME_CLAIM
from marsad.core.stamp import ours
from marsad.core.world import Manifest, Observed

PATIENCE = timedelta(minutes=2)
"""For so long CloudNativePG may find its own way out, as a later release might."""

_ROLE, _INSTANCE, _CLAIM = "cnpg.io/jobRole", "cnpg.io/instanceName", "cnpg.io/pvcStatus"
_LEFT_ALONE = {"cnpg.io/reconciliationLoop": "disabled", "cnpg.io/hibernation": "on"}  # someone wants it to stand still


@dataclass(frozen=True)
class Repair:
    """What is to be deleted from `due` on, with all that is known of it, and why: a sentence for people."""

    doomed: Manifest
    due: datetime
    why: str

    @property
    def command(self) -> str:
        """The same by hand."""
        kind = "job" if self.doomed["kind"] == "Job" else "pvc"
        metadata = self.doomed["metadata"]
        return f"kubectl delete {kind} --namespace {metadata['namespace']} {metadata['name']}"


def blocking_join(observed: Observed) -> Repair | None:
    """The Job that joins a replica, unfinished, while the primary that it waits for has a volume and no pod."""
    live = _left_to_us(observed)
    if live is None or (primary := _settled_primary(live)) is None or _runs(observed, primary):
        return None
    claim = observed.get("", VOLUME_CLAIM.kind, primary)
    if claim is None or _going(claim):  # then there is more amiss, and nothing is deleted
        return None
    joins = (job for job in _jobs(observed, live) if job["metadata"]["labels"].get(_ROLE) == "join")
    unfinished = [job for job in joins if not (job.get("status") or {}).get("succeeded")]
    if not unfinished or _going(unfinished[0]):
        return None
    job = unfinished[0]["metadata"]["name"]
    why = f"The primary {primary} has its volume and no pod: CloudNativePG starts none while Job {job} waits for it."
    return Repair(unfinished[0], _due(observed, unfinished[0], ConditionStatus.FALSE), why)


def unfilled_claim(observed: Observed) -> Repair | None:
    """The claim of a replica whose Job went before it was filled, while the primary serves."""
    live = _left_to_us(observed)
    if live is None or (primary := _settled_primary(live)) is None or not _serves(live, primary):
        return None
    busy = {job["metadata"]["labels"].get(_INSTANCE) for job in _jobs(observed, live)} | {primary}
    for name in sorted(live["status"].get("danglingPVC") or ()):  # its own word for what neither pod nor Job has
        claim = observed.get("", VOLUME_CLAIM.kind, name)
        if claim is None or name in busy or _runs(observed, name) or _going(claim) or not _made_by(live, claim):
            continue
        if (claim["metadata"].get("annotations") or {}).get(_CLAIM) == "initializing":
            why = f"Volume claim {name} was never filled, and CloudNativePG makes no other replica while it is there."
            return Repair(claim, _due(observed, claim, ConditionStatus.TRUE), why)
    return None


def repair(observed: Observed) -> Repair | None:
    """What the operator will delete, unless it is told to leave things alone."""
    cluster = observed.cluster
    if cluster.spec.paused or cluster.deleting or observed.namespace_going or refusal(observed) is not None:
        return None
    return blocking_join(observed) or unfilled_claim(observed)


def told(observed: Observed, found: Repair) -> str:
    """What is amiss, who mends it, and how a person does it at once."""
    minutes = int(PATIENCE.total_seconds() // 60)
    who = f"The operator deletes it after {minutes} minutes"
    if observed.cluster.spec.paused:
        who = "spec.paused is true, so the operator leaves it"
    return f"{found.why} Nothing is lost. {who}; to do it now: {found.command}"


def _left_to_us(observed: Observed) -> Manifest | None:
    """The Cluster that the operator made and that CloudNativePG works on, seen with everything around it."""
    live = observed.get(CNPG, CLUSTER.kind, CNPG_NAME)
    if live is None or not observed.complete or not ours(live, observed.cluster) or _going(live):
        return None
    annotations = live["metadata"].get("annotations") or {}
    return None if any(annotations.get(name) == value for name, value in _LEFT_ALONE.items()) else live


def _settled_primary(live: Manifest) -> str | None:
    """The primary, unless another takes its place at this moment."""
    status: Mapping[str, Any] = live.get("status") or {}
    primary: str = status.get("currentPrimary", "")
    return primary if primary and status.get("targetPrimary", primary) == primary else None


def _serves(live: Manifest, primary: str) -> bool:
    return primary in ((live["status"].get("instancesStatus") or {}).get("healthy") or ())


def _runs(observed: Observed, instance: str) -> bool:
    """Whether an instance has a pod that may still do something."""
    pod = observed.get("", POD.kind, instance)
    return pod is not None and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _jobs(observed: Observed, live: Manifest) -> Iterator[Manifest]:
    """CloudNativePG's Jobs for this database, by name."""
    for key, job in sorted(observed.objects.items()):
        if (key.group, key.kind) == ("batch", "Job") and _made_by(live, job):
            yield job


def _made_by(live: Manifest, item: Manifest) -> bool:
    """Whether CloudNativePG made an object for this very Cluster: by label, by ours that it passes on, and by owner."""
    metadata, labels = item["metadata"], item["metadata"].get("labels") or {}
    theirs = labels.get(LABEL_CNPG_CLUSTER) == CNPG_NAME and LABEL_HEALTHCLUSTER in labels
    return theirs and any(owner["uid"] == live["metadata"]["uid"] for owner in metadata.get("ownerReferences") or ())


def _going(item: Manifest) -> bool:
    return item["metadata"].get("deletionTimestamp") is not None


def _due(observed: Observed, item: Manifest, status: ConditionStatus) -> datetime:
    """PATIENCE after both it and the present DatabaseReady came to be; a look that finds another has just begun."""
    ready = (one for one in observed.cluster.status.conditions if one.type == ConditionType.DATABASE_READY)
    since = next((one.last_transition_time for one in ready if one.status is status), observed.now)
    return max(since, datetime.fromisoformat(item["metadata"]["creationTimestamp"])) + PATIENCE
