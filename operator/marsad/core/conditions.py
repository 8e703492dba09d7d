"""A finding is what a check says; a condition is a finding with its generation and the time of its last change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from marsad.api.conditions import ConditionStatus, ConditionType, Reason
from marsad.api.model import Condition

LONGEST = 1024  # characters of a message: others' words are quoted, and not at any length


@dataclass(frozen=True)
class Finding:
    """What one check found. `message` is a sentence that stays the same while nothing changes."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str

    @classmethod
    def true(cls, kind: ConditionType, reason: Reason, message: str) -> Finding:
        return cls(kind, ConditionStatus.TRUE, reason, message)

    @classmethod
    def false(cls, kind: ConditionType, reason: Reason, message: str) -> Finding:
        return cls(kind, ConditionStatus.FALSE, reason, message)

    @classmethod
    def unknown(cls, kind: ConditionType, reason: Reason, message: str) -> Finding:
        return cls(kind, ConditionStatus.UNKNOWN, reason, message)

    @property
    def holds(self) -> bool:
        return self.status is ConditionStatus.TRUE


def dated(
    findings: Iterable[Finding], before: Iterable[Condition], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Conditions of the findings; one whose status is as before keeps the time at which it came to be so."""
    since = {(condition.type, condition.status): condition.last_transition_time for condition in before}
    return tuple(
        Condition(
            type=found.type,
            status=found.status,
            reason=found.reason,
            message=shortened(found.message),
            last_transition_time=since.get((found.type, found.status), now.replace(microsecond=0)),
            observed_generation=generation,
        )
        for found in findings
    )


def shortened(message: str) -> str:
    """At most LONGEST characters of the message."""
    return message if len(message) <= LONGEST else message[: LONGEST - 1] + "…"
