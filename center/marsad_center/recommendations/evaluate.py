"""From figures to recommendations: pure. What is known goes in, what changes comes out.

A figure without data neither opens nor closes anything: an outage must not pass for relief. So each look at a rule has
one of three answers: it holds, it is released, or neither (no data, or between threshold and release). Only an answer
that was the same for `holds_for` or `released_for` seconds changes what stands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from marsad_center.recommendations.rules import Condition, Rule

Key = tuple[str, str]  # facility, rule
Outcome = Literal["released", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Known:
    """A figure as it stands: `parts` is its breakdown, `source_at` the newest source event it includes."""

    value: float | None
    parts: Mapping[str, float] = field(default_factory=dict)
    source_at: datetime | None = None

    def of(self, condition: Condition) -> float | None:
        """The number that `condition` is about; None without data. A part may be known where the whole is not: a
        feed of which nothing was ever accepted is refused, and there is no age to tell."""
        return self.value if condition.part is None else self.parts.get(condition.part)


@dataclass(frozen=True, slots=True)
class Cause:
    """A condition with what its figure said when the recommendation opened. `holds`: it was one of the causes."""

    condition: Condition
    value: float | None
    holds: bool
    source_at: datetime | None

    def fields(self) -> dict[str, Any]:
        """As JSON, in the table and in the API."""
        return {
            "figure": self.condition.figure,
            "part": self.condition.part,
            "is": self.condition.comparison,
            "threshold": self.condition.threshold,
            "release": self.condition.release,
            "value": self.value,
            "holds": self.holds,
            "sourceAt": None if self.source_at is None else self.source_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands: the figures that caused each open recommendation, and since when figures have said otherwise."""

    open: Mapping[Key, frozenset[tuple[str, str | None]]] = field(default_factory=dict)
    since: Mapping[Key, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What changes. `since` maps to None where the figures stopped to say otherwise."""

    opened: Mapping[Key, Sequence[Cause]]
    closed: Mapping[Key, Outcome]
    since: Mapping[Key, datetime | None]


def step(
    rules: Mapping[str, Rule],
    figures: Mapping[str, Mapping[str, Known]],
    standing: Standing,
    now: datetime,
    *,
    declared: Collection[str],
) -> Step:
    """One look at the facilities of `figures` (by facility, then by id). What stands of a rule that is no more, or of
    a facility that is not `declared` any more, is withdrawn."""
    opened: dict[Key, Sequence[Cause]] = {}
    closed: dict[Key, Outcome] = {
        key: "withdrawn" for key in standing.open if key[0] not in declared or key[1] not in rules
    }
    since: dict[Key, datetime | None] = {
        key: None for key in standing.since if key[0] not in declared or key[1] not in rules
    }
    for facility, known in figures.items():
        if facility not in declared:
            continue
        for rule in rules.values():
            key = facility, rule.id
            stands = key in standing.open
            otherwise = _released(rule, known, standing.open[key]) if stands else _holds(rule, known)
            began = standing.since.get(key)
            if not otherwise:
                if began is not None:
                    since[key] = None
                continue
            lasts = (now - (began or now)).total_seconds()
            if lasts < (rule.released_for if stands else rule.holds_for):
                if began is None:
                    since[key] = now
                continue
            if began is not None:
                since[key] = None
            if stands:
                closed[key] = "released"
            else:
                opened[key] = causes(rule, known)
    return Step(opened, closed, since)


def causes(rule: Rule, known: Mapping[str, Known]) -> list[Cause]:
    """Every condition of `rule` with what its figure says."""
    found = []
    for condition in rule.when:
        figure = known.get(condition.figure)
        value = figure.of(condition) if figure else None
        holds = value is not None and condition.holds(value)
        found.append(Cause(condition, value, holds, figure.source_at if figure else None))
    return found


def _holds(rule: Rule, known: Mapping[str, Known]) -> bool:
    held = [cause.holds for cause in causes(rule, known)]
    return any(held) if rule.match == "any" else all(held)


def _released(rule: Rule, known: Mapping[str, Known], opened_by: Collection[tuple[str, str | None]]) -> bool:
    """For `all`, one condition that is over suffices. For `any`, every figure that was a cause must have come back and
    no other may have joined. A cause without data keeps it open. Where a release of the rules changed what a rule
    looks at, the causes that are left decide; without any, its conditions of today."""
    now = {(cause.condition.figure, cause.condition.part): cause for cause in causes(rule, known)}
    over = {key: cause.value is not None and cause.condition.released(cause.value) for key, cause in now.items()}
    if rule.match == "all":
        return any(over.values())
    decisive = [key for key in opened_by if key in now] or list(now)
    return all(over[key] for key in decisive) and not any(cause.holds for cause in now.values())
