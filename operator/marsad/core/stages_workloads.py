"""PipelinesReady and DashboardsReady, from what the Deployments report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marsad.api.conditions import ConditionType, Reason
from marsad.api.names import ANALYTICS, DASHBOARD, GATEWAY, LABEL_NAME
from marsad.core.conditions import Finding
from marsad.core.diff import Plan
from marsad.core.pods import trouble
from marsad.core.stages_certificates import judge_certificates
from marsad.core.world import Key, Manifest, Observed


def judge_pipelines(observed: Observed, plan: Plan, database: Finding) -> Finding:
    """The gateway, and whether this release has what is asked of it."""
    kind = ConditionType.PIPELINES_READY
    pipelines = observed.cluster.spec.pipelines
    if not (pipelines.hl7.enabled or pipelines.fhir.enabled):
        return Finding.true(kind, Reason.DISABLED, "No pipeline is enabled.")
    gateway = _all_available(kind, (GATEWAY,), observed, plan, database)
    return (judge_certificates(observed) or gateway) if gateway.holds else gateway


def judge_dashboards(observed: Observed, plan: Plan, database: Finding) -> Finding:
    """The dashboard, and the analytics behind its figures."""
    return _all_available(ConditionType.DASHBOARDS_READY, (ANALYTICS, DASHBOARD), observed, plan, database)


def running_release(observed: Observed, label: str) -> str | None:
    """The release that every wanted pod of the dashboard runs; None while it is in doubt."""
    live = observed.get("apps", "Deployment", DASHBOARD)
    if live is None or _unmade(live) is not None or _unavailable(live) is not None:
        return None
    labels: Mapping[str, str] = live["metadata"].get("labels") or {}
    return labels.get(label)


def _all_available(
    kind: ConditionType, names: tuple[str, ...], observed: Observed, plan: Plan, database: Finding
) -> Finding:
    for name in names:
        found = _judge(name, observed, plan)
        if found is None:
            continue
        reason, message = found
        if reason is Reason.ROLLOUT_IN_PROGRESS and not database.holds:
            return Finding.false(kind, Reason.WAITING_FOR_STAGE, f"{message} Its pods wait for the database.")
        return Finding.false(kind, reason, message)
    return Finding.true(kind, Reason.AVAILABLE, f"All replicas of {' and '.join(names)} are ready.")


def _judge(name: str, observed: Observed, plan: Plan) -> tuple[Reason, str] | None:
    """What is amiss with a Deployment, or None."""
    live = observed.get("apps", "Deployment", name)
    if live is None:
        return Reason.PROVISIONING, f"Deployment {name} is being written."
    if Key.of(live) in plan.differs:
        return Reason.ROLLOUT_IN_PROGRESS, f"Deployment {name} is being brought to what is declared."
    if (found := _unmade(live)) is not None or (found := _unavailable(live)) is None:
        return found
    if (failing := trouble(observed, LABEL_NAME, name)) is not None:
        return failing.reason, f"{_available(live)}. {failing.message}"
    return found


def _unmade(live: Manifest) -> tuple[Reason, str] | None:
    """Why there are no pods yet that could tell."""
    name, status = live["metadata"]["name"], live.get("status") or {}
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return Reason.ROLLOUT_IN_PROGRESS, f"Deployment {name} was changed a moment ago."
    failing = _conditions(live).get("ReplicaFailure")
    if failing is not None and failing["status"] == "True":
        quota = "exceeded quota" in failing.get("message", "")
        return Reason.QUOTA_EXCEEDED if quota else Reason.PODS_FAILING, _quoted(name, failing)
    return None


def _unavailable(live: Manifest) -> tuple[Reason, str] | None:
    """That pods are not as they should be, by their numbers."""
    status = live.get("status") or {}
    wanted = live["spec"].get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated >= wanted and available >= wanted and status.get("replicas", 0) <= updated:
        return None
    if _conditions(live).get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded":
        return Reason.PODS_FAILING, f"{_available(live)}, and it is not getting better: look at its pods."
    return Reason.ROLLOUT_IN_PROGRESS, f"{_available(live)}."


def _available(live: Manifest) -> str:
    available, wanted = (live.get("status") or {}).get("availableReplicas", 0), live["spec"].get("replicas", 1)
    return f"{available} of {wanted} replicas of {live['metadata']['name']} are available"


def _conditions(live: Manifest) -> Mapping[str, Mapping[str, Any]]:
    return {item["type"]: item for item in (live.get("status") or {}).get("conditions") or ()}


def _quoted(name: str, condition: Mapping[str, Any]) -> str:
    """Kubernetes' own words, without the pod's random name so that the message stays the same."""
    message = str(condition.get("message", ""))
    _, found, after = message.partition(" is forbidden: ")
    return f"No pod of {name} can be made: {after if found else message}"
