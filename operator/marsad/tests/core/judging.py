"""How the tests of the stages ask and assert."""

from __future__ import annotations

from marsad.api.conditions import ConditionStatus, Reason
from marsad.api.model import Condition
from marsad.core.diff import plan
from marsad.core.outcome import Refused
from marsad.core.stages import judge
from marsad.core.world import Key, Observed
from marsad.tests.core.worlds import key, wanted

GATEWAY = key("Deployment", "gateway", "apps")
CLUSTER = key("Cluster", "database", "postgresql.cnpg.io")
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def judged(observed: Observed, refusals: dict[Key, Refused] | None = None) -> dict[str, Condition]:
    """Conditions by type. The objects are taken for what the last apply made of them."""
    return {one.type: one for one in judge(observed, plan(wanted(observed), observed, {}), refusals)}


def says(condition: Condition, status: ConditionStatus, reason: Reason, *words: str) -> None:
    """Assert status, reason, and that the message holds these words."""
    assert (condition.status, condition.reason) == (status, reason), condition.message
    for word in words:
        assert word in condition.message
