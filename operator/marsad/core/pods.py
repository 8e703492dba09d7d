"""What keeps a pod from coming up, as Kubernetes says it: one sentence that stays the same while nothing changes.

So no random names, no counters, no times, and the same words in all the states between which a failing container
goes to and fro: a status that follows them would be written for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marsad.api.conditions import Reason
from marsad.api.names import LABEL_HEALTHCLUSTER
from marsad.core.kinds import POD
from marsad.core.world import Manifest, Observed

SETTLING = timedelta(seconds=5)
"""For so long a pod may be unschedulable before it counts: its volume is often made a moment after it."""
FORGOTTEN = timedelta(minutes=10)
"""After so long a run the kubelet forgets earlier crashes (twice its longest back-off), and so do we."""
CRASHES = 2  # restarts that make a loop, where Kubernetes does not say so at this moment

_STARTING = frozenset({"ContainerCreating", "PodInitializing"})
_IMAGE = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
    | {"RegistryUnavailable", "SignatureValidationFailed"}
)
_ORDER = (
    Reason.CRASH_LOOP_BACK_OFF,
    Reason.CREATE_CONTAINER_CONFIG_ERROR,
    Reason.IMAGE_PULL_BACK_OFF,
    Reason.PODS_FAILING,
    Reason.UNSCHEDULABLE,
)
"""Of several troubles the first of these is told: it happened although the others did not."""


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not come up; `message` is a sentence for people."""

    reason: Reason
    message: str


def trouble(observed: Observed, label: str, value: str) -> Trouble | None:
    """The worst that befalls the HealthCluster's pods with this label, or None. `value` also names them for people."""
    command = f"--namespace {observed.cluster.namespace} --selector {label}={value}"
    found = [
        one
        for pod in _coming_up(observed)
        if pod["metadata"]["labels"].get(label) == value
        for one in (*_scheduling(pod, value, observed.now), *_starting(pod, value, command, observed.now))
    ]
    return min(found, key=lambda one: (_ORDER.index(one.reason), one.message), default=None)


def settling(observed: Observed) -> float | None:
    """Seconds until a complaint of the scheduler counts that does not yet; None when there is none."""
    ages = [observed.now - since for pod in _coming_up(observed) for _, since in _unschedulable(pod)]
    left = [(SETTLING - max(age, timedelta(0))).total_seconds() for age in ages if age < SETTLING]
    return min(left, default=None)


def _coming_up(observed: Observed) -> Iterator[Manifest]:
    """The HealthCluster's pods that should run: neither ended nor going."""
    for key, pod in observed.objects.items():
        if (key.group, key.kind) != (POD.group, POD.kind):
            continue
        labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
        over = _status(pod).get("phase") in ("Succeeded", "Failed") or "deletionTimestamp" in pod["metadata"]
        if labels.get(LABEL_HEALTHCLUSTER) == observed.cluster.name and not over:
            yield pod


def _status(pod: Manifest) -> Mapping[str, Any]:
    status: Mapping[str, Any] = pod.get("status") or {}
    return status


def _unschedulable(pod: Manifest) -> Iterator[tuple[str, datetime]]:
    """The scheduler's sentence, and since when there is one."""
    for condition in _status(pod).get("conditions") or ():
        said = (condition["type"], condition["status"], condition.get("reason"))
        if said == ("PodScheduled", "False", "Unschedulable") and condition.get("lastTransitionTime"):
            yield condition.get("message", ""), datetime.fromisoformat(condition["lastTransitionTime"])


def _scheduling(pod: Manifest, name: str, now: datetime) -> Iterator[Trouble]:
    for message, since in _unschedulable(pod):
        if now - since >= SETTLING:
            sentence = message.partition(". ")[0].rstrip(".")  # what follows says of the same nodes that nobody yields
            yield Trouble(Reason.UNSCHEDULABLE, f"A pod of {name} cannot be scheduled: {sentence}.")


def _starting(pod: Manifest, name: str, command: str, now: datetime) -> Iterator[Trouble]:
    status = _status(pod)
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting: Mapping[str, Any] = (container.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason", "")
        if _crashes(container, reason, now):
            yield Trouble(Reason.CRASH_LOOP_BACK_OFF, _crash(container, name, command))
        elif reason in _IMAGE:
            message = f"A pod of {name} lacks its image {container.get('image', '')}, which cannot be pulled"
            yield Trouble(Reason.IMAGE_PULL_BACK_OFF, f"{message}: kubectl describe pod {command} says why.")
        elif reason == "CreateContainerConfigError":
            said = str(waiting.get("message", "")).replace(pod["metadata"]["name"], name)
            yield Trouble(Reason.CREATE_CONTAINER_CONFIG_ERROR, f"A pod of {name} cannot be configured: {said}.")
        elif reason and reason not in _STARTING:
            message = f"A pod of {name} cannot be started ({reason}): kubectl describe pod {command} says why."
            yield Trouble(Reason.PODS_FAILING, message)


def _crashes(container: Mapping[str, Any], waiting: str, now: datetime) -> bool:
    """Whether the container is in a loop of crashes, of which it may run at this moment."""
    if waiting:
        return waiting == "CrashLoopBackOff" or (waiting == "RunContainerError" and _ended(container) is not None)
    looped = container.get("restartCount", 0) >= CRASHES and not container.get("ready")
    running: Mapping[str, Any] = (container.get("state") or {}).get("running") or {}
    began = datetime.fromisoformat(running["startedAt"]) if running.get("startedAt") else now
    return looped and _ended(container) is not None and now - began < FORGOTTEN


def _ended(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How it ended last."""
    for state in (container.get("state") or {}, container.get("lastState") or {}):
        if state.get("terminated"):
            ended: Mapping[str, Any] = state["terminated"]
            return ended
    return None


def _crash(container: Mapping[str, Any], name: str, command: str) -> str:
    ended = _ended(container) or {}
    how = f"exit code {ended.get('exitCode', 'unknown')}, {ended.get('reason', 'Error')}"
    log = f"kubectl logs {command} --container {container['name']} --previous"
    return f"A pod of {name} starts and ends again and again ({how}): {log} says why."
