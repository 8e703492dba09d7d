"""The stages of a center, judged from what is observed: each is named by the condition it establishes.

Nothing is remembered from an earlier judgement but the time at which a condition came to be as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from marsad.api.conditions import STAGES, ConditionType, Reason
from marsad.api.model import Condition
from marsad.api.names import LABEL_NAME
from marsad.core.acceptance import refusal
from marsad.core.conditions import Finding, dated
from marsad.core.diff import Plan
from marsad.core.freshness import judge_freshness
from marsad.core.outcome import Refused
from marsad.core.stages_database import judge_database
from marsad.core.stages_summary import summary
from marsad.core.stages_workloads import judge_dashboards, judge_pipelines
from marsad.core.world import Key, Manifest, Observed

Refusals = Mapping[Key, Refused]
"""What the API server refused to write in this pass, with the reason ApplyFailed, Forbidden or QuotaExceeded."""

_FENCES = ("Namespace", "ServiceAccount", "ResourceQuota", "LimitRange", "NetworkPolicy")
_STAGE_OF_COMPONENT = {
    "database": ConditionType.DATABASE_READY,
    "migrate": ConditionType.DATABASE_READY,
    "gateway": ConditionType.PIPELINES_READY,
    "analytics": ConditionType.DASHBOARDS_READY,
    "dashboard": ConditionType.DASHBOARDS_READY,
}


def judge(observed: Observed, plan: Plan, refusals: Refusals | None = None) -> tuple[Condition, ...]:
    """All conditions of the HealthCluster, in order. `lastTransitionTime` is kept where the status is unchanged."""
    refused = refusals or {}
    stages = tuple(_observable(observed, stage) for stage in _stages(observed, plan, refused))
    found = (*stages, judge_freshness(observed), *summary(observed, plan, refused, stages))
    cluster = observed.cluster
    return dated(found, cluster.status.conditions, cluster.generation, observed.now)


def _stages(observed: Observed, plan: Plan, refusals: Refusals) -> tuple[Finding, ...]:
    accepted = _accepted(observed, plan)
    if refusal(observed) is not None:
        waiting = "The declaration is not accepted, so what exists was not compared with it."
        return (accepted, *(Finding.unknown(kind, Reason.WAITING_FOR_STAGE, waiting) for kind in STAGES[1:]))
    security = _security(observed, plan)
    database = judge_database(observed, plan)
    pipelines = judge_pipelines(observed, plan, database)
    dashboards = judge_dashboards(observed, plan, database)
    by_stage = _refusals_by_stage(plan, refusals)
    return tuple(_with_refusal(stage, by_stage) for stage in (accepted, security, database, pipelines, dashboards))


def _accepted(observed: Observed, plan: Plan) -> Finding:
    kind = ConditionType.ACCEPTED
    if (refused := refusal(observed)) is not None:
        return Finding.false(kind, refused.reason, refused.message)
    if plan.foreign:
        names = ", ".join(str(key) for key in plan.foreign[:5])
        return Finding.false(
            kind,
            Reason.INVALID,
            f"In namespace {observed.cluster.namespace} these exist and were not made by Marsad, which leaves them "
            f"alone: {names}. Delete or rename them, or choose another namespace.",
        )
    return Finding.true(kind, Reason.ACCEPTED, "The declaration is accepted.")


def _security(observed: Observed, plan: Plan) -> Finding:
    kind = ConditionType.SECURITY_READY
    missing = sorted(key for key in plan.differs if key.kind in _FENCES)
    if not missing:
        return Finding.true(kind, Reason.POLICIES_APPLIED, Reason.POLICIES_APPLIED.doc)
    names = ", ".join(str(key) for key in missing[:5])
    if observed.cluster.spec.paused:
        return Finding.false(kind, Reason.PAUSED, f"Not as declared, and spec.paused is true: {names}.")
    return Finding.false(kind, Reason.PROVISIONING, f"Being written: {names}.")


def _refusals_by_stage(plan: Plan, refusals: Refusals) -> dict[ConditionType, Finding]:
    """The first refusal of each stage: of its own objects, security's for what fences, and for what has no stage."""
    by_key = {Key.of(manifest): manifest for manifest in plan.wanted}
    found: dict[ConditionType, Finding] = {}
    for key, refused in sorted(refusals.items(), key=lambda item: item[0]):
        kind = _stage_of(key, by_key.get(key))
        found.setdefault(kind, Finding.false(kind, refused.reason, f"{key} was refused: {refused.message}"))
    return found


def _stage_of(key: Key, manifest: Manifest | None) -> ConditionType:
    if key.kind in _FENCES or manifest is None:
        return ConditionType.SECURITY_READY
    component = manifest["metadata"].get("labels", {}).get(LABEL_NAME, "")
    return _STAGE_OF_COMPONENT.get(component, ConditionType.SECURITY_READY)


def _with_refusal(stage: Finding, by_stage: Mapping[ConditionType, Finding]) -> Finding:
    """A refusal says more than "being written"; what else is amiss is said first."""
    refused = by_stage.get(stage.type)
    vague = stage.holds or stage.reason in (Reason.PROVISIONING, Reason.ROLLOUT_IN_PROGRESS, Reason.MIGRATION_RUNNING)
    return refused if refused is not None and vague else stage


def _observable(observed: Observed, stage: Finding) -> Finding:
    """Unknown outranks a True that rests on an incomplete view."""
    if observed.complete or not stage.holds or stage.type is ConditionType.ACCEPTED:
        return stage
    return Finding.unknown(
        stage.type, Reason.UNOBSERVABLE, "The API server did not tell of every kind; what was known before may be old."
    )
