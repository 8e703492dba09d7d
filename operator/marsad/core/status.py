"""The status of a HealthCluster as it should be written, and the Events that its changes are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marsad.api.conditions import ConditionStatus, ConditionType, Reason
from marsad.api.healthcluster import Endpoints, HealthClusterStatus
from marsad.api.model import Condition
from marsad.api.names import DASHBOARD, GATEWAY, LABEL_VERSION
from marsad.core.acceptance import refusal
from marsad.core.certificates import declared
from marsad.core.freshness import coverage, freshness_status
from marsad.core.stages_database import database_status
from marsad.core.stages_summary import FOR_PEOPLE
from marsad.core.stages_workloads import running_release
from marsad.core.world import Observed

_GOOD_WHEN_FALSE = (ConditionType.STALLED, ConditionType.RECONCILING)
_SILENT = (ConditionType.RECONCILING,)  # it comes and goes with every change, which Ready tells of
_IN_PROGRESS = (
    Reason.PROVISIONING,
    Reason.ROLLOUT_IN_PROGRESS,
    Reason.MIGRATION_RUNNING,
    Reason.WAITING_FOR_STAGE,
    Reason.PROGRESSING,
    Reason.PAUSED,
    Reason.DELETING,
)


@dataclass(frozen=True)
class Event:
    """A Kubernetes Event on our resource: `type` is Normal or Warning."""

    type: str
    reason: str
    message: str


def status(observed: Observed, conditions: Sequence[Condition]) -> dict[str, Any]:
    """The whole status; write it only when it is other than `observed.cluster.status.dump()`."""
    cluster = observed.cluster
    made = HealthClusterStatus(observed_generation=cluster.generation, conditions=tuple(conditions))
    if refusal(observed) is None:
        made = made.model_copy(
            update={
                # While a rollout is under way, what ran before it still serves.
                "release": running_release(observed, LABEL_VERSION) or cluster.status.release,
                "endpoints": endpoints(observed),
                "facilities": coverage(observed),
                "freshness": freshness_status(observed),
                "database": database_status(observed),
            }
        )
    return made.dump()


def correction(stands: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch that makes `wanted` of a status: what is not wanted becomes null, lists are replaced."""
    patch: dict[str, Any] = {name: None for name in stands if name not in wanted}
    for name, value in wanted.items():
        there = stands.get(name)
        nested = isinstance(value, Mapping) and isinstance(there, Mapping)
        patch[name] = correction(stands[name], value) if nested else value
    return patch


def endpoints(observed: Observed) -> Endpoints | None:
    """Addresses inside the Kubernetes cluster, of Services that exist.

    None when there is none: server-side apply turns a map that lost its last field into null, which its schema refuses.
    """
    namespace, pipelines = observed.cluster.namespace, observed.cluster.spec.pipelines
    gateway, dashboard = (observed.get("", "Service", name) is not None for name in (GATEWAY, DASHBOARD))
    if not (gateway or dashboard):
        return None
    over_tls = gateway and declared(observed) is not None
    return Endpoints(
        hl7=f"{GATEWAY}.{namespace}.svc:2575" if gateway and pipelines.hl7.enabled else None,
        hl7_tls=f"{GATEWAY}.{namespace}.svc:2576" if over_tls and pipelines.hl7.enabled else None,
        fhir=f"http://{GATEWAY}.{namespace}.svc:8080/fhir" if gateway and pipelines.fhir.enabled else None,
        fhir_tls=f"https://{GATEWAY}.{namespace}.svc:8443/fhir" if over_tls and pipelines.fhir.enabled else None,
        dashboard=f"http://{DASHBOARD}.{namespace}.svc:8000" if dashboard else None,
    )


def transitions(before: HealthClusterStatus, after: HealthClusterStatus) -> tuple[Event, ...]:
    """One Event for each condition whose status changed, except what is no news.

    A condition's first appearance is news only where a person is needed or the center is Ready.
    """
    was = {condition.type: condition.status for condition in before.conditions}
    return tuple(_event(condition) for condition in after.conditions if _news(condition, was))


def _news(condition: Condition, was: Mapping[str, ConditionStatus]) -> bool:
    if condition.type in _SILENT or was.get(condition.type) is condition.status:
        return False
    if condition.type in was:
        return True
    ready = condition.type == ConditionType.READY and condition.status is ConditionStatus.TRUE
    return ready or condition.reason in FOR_PEOPLE


def _event(condition: Condition) -> Event:
    good = ConditionStatus.FALSE if condition.type in _GOOD_WHEN_FALSE else ConditionStatus.TRUE
    fine = condition.status is good or condition.reason in _IN_PROGRESS
    message = f"{condition.type} is {condition.status}: {condition.message}"
    return Event("Normal" if fine else "Warning", condition.reason, message)
