"""What is said of a HealthCluster that cannot be read: what runs goes on, and nothing is written but this."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marsad.api.conditions import STAGES, ConditionType, Reason
from marsad.api.healthcluster import UnreadableHealthCluster
from marsad.core.conditions import Finding, dated

_NOT_COMPARED = "The declaration cannot be read, so what exists was not compared with it."


def unreadable_status(cluster: UnreadableHealthCluster, now: datetime) -> dict[str, Any]:
    """The whole status: what was observed before, under conditions that say why nothing is done."""
    message = f"{cluster.fault} What runs goes on as it is."
    if cluster.deleting:
        message = f"{cluster.fault} It is removed once it can be read: what is to become of its volumes is not known."
    findings = (
        Finding.false(ConditionType.ACCEPTED, Reason.INVALID, message),
        *(Finding.unknown(kind, Reason.WAITING_FOR_STAGE, _NOT_COMPARED) for kind in STAGES[1:]),
        Finding.unknown(ConditionType.FRESHNESS_MET, Reason.WAITING_FOR_STAGE, _NOT_COMPARED),
        Finding.false(ConditionType.READY, Reason.STAGE_NOT_READY, f"Accepted: {message}"),
        Finding.false(ConditionType.RECONCILING, Reason.BLOCKED, message),
        Finding.true(ConditionType.STALLED, Reason.BLOCKED, message),
    )
    conditions = dated(findings, cluster.status.conditions, cluster.generation, now)
    observed = {"observed_generation": cluster.generation, "conditions": conditions}
    return cluster.status.model_copy(update=observed).dump()
