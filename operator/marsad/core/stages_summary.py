"""Ready, Reconciling and Stalled: what the stages come to, in the words of kstatus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from marsad.api.conditions import ConditionStatus, ConditionType, Reason
from marsad.core.conditions import Finding
from marsad.core.deletion import deletion
from marsad.core.diff import Plan
from marsad.core.outcome import Refused
from marsad.core.world import Key, Observed

FOR_PEOPLE = frozenset(
    {
        Reason.INVALID,
        Reason.NAMESPACE_RESERVED,
        Reason.NAMESPACE_TAKEN,
        Reason.NOT_IN_RELEASE,
        Reason.APPLY_FAILED,
        Reason.FORBIDDEN,
        Reason.QUOTA_EXCEEDED,
        Reason.ENGINE_MISSING,
        Reason.CREDENTIALS_MISSING,
        Reason.CERTIFICATE_MISSING,
        Reason.CERTIFICATE_INVALID,
        Reason.MIGRATION_FAILED,
        Reason.PODS_FAILING,
        Reason.UNSCHEDULABLE,
        Reason.IMAGE_PULL_BACK_OFF,
        Reason.CREATE_CONTAINER_CONFIG_ERROR,
        Reason.CRASH_LOOP_BACK_OFF,
    }
)
"""Reasons that wait for a person: the operator tries on, but nothing will come of it before someone acts."""


def summary(
    observed: Observed, plan: Plan, refusals: Mapping[Key, Refused], stages: Sequence[Finding]
) -> tuple[Finding, Finding, Finding]:
    """(Ready, Reconciling, Stalled)."""
    ready = _ready(observed, plan, stages)
    blocked = _blocked(refusals, stages)
    stalled = (
        Finding.true(ConditionType.STALLED, Reason.BLOCKED, blocked)
        if blocked
        else Finding.false(ConditionType.STALLED, Reason.NOT_STALLED, Reason.NOT_STALLED.doc)
    )
    return ready, _reconciling(observed, plan, ready, blocked), stalled


def _ready(observed: Observed, plan: Plan, stages: Sequence[Finding]) -> Finding:
    kind = ConditionType.READY
    if observed.cluster.deleting:
        return Finding.false(kind, Reason.DELETING, deletion(observed).message)
    for status in (ConditionStatus.FALSE, ConditionStatus.UNKNOWN):
        if (worst := next((stage for stage in stages if stage.status is status), None)) is not None:
            return Finding(kind, status, Reason.STAGE_NOT_READY, f"{worst.type}: {worst.message}")
    if plan.differs:
        names = ", ".join(str(key) for key in sorted(plan.differs)[:5])
        if observed.cluster.spec.paused:
            return Finding.false(kind, Reason.PAUSED, f"Not as declared, and spec.paused is true: {names}.")
        return Finding.false(kind, Reason.PROGRESSING, f"Being written: {names}.")
    if not plan.empty:
        return Finding.false(kind, Reason.PROGRESSING, "What is no longer declared is being removed.")
    return Finding.true(kind, Reason.ALL_STAGES_READY, "The center is as declared, and serves.")


def _reconciling(observed: Observed, plan: Plan, ready: Finding, blocked: str) -> Finding:
    kind = ConditionType.RECONCILING
    if observed.cluster.deleting:
        return Finding.true(kind, Reason.DELETING, deletion(observed).message)
    if observed.cluster.spec.paused:
        return Finding.false(kind, Reason.PAUSED, Reason.PAUSED.doc)
    if blocked and plan.empty:
        return Finding.false(kind, Reason.BLOCKED, blocked)
    if ready.status is ConditionStatus.FALSE:
        return Finding.true(kind, Reason.PROGRESSING, ready.message)
    return Finding.false(kind, Reason.SETTLED, Reason.SETTLED.doc)


def _blocked(refusals: Mapping[Key, Refused], stages: Sequence[Finding]) -> str:
    """What a person must correct, or an empty text."""
    if (stage := next((stage for stage in stages if stage.reason in FOR_PEOPLE), None)) is not None:
        return f"{stage.type}: {stage.message}"
    return "; ".join(f"{key}: {refused.message}" for key, refused in sorted(refusals.items())[:1])
