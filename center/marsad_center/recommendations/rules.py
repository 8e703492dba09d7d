"""The rules as data: one TOML file a rule, named after its id.

A file holds `order`, `holds_for` and `released_for` (seconds that the figures must say so before the recommendation
opens, or closes), `match` (any or all of the conditions), one [[when]] a condition, then by locale [names] and
[sentence] (what to do), and `source` of the thresholds. A condition names a `figure` of the catalogue, optionally a
`part` of its breakdown, `is` (above, at-least, below or at-most), the `threshold`, and `release`: the value to which
the figure must come back before the condition counts as over (hysteresis; by default the threshold itself). Shares are
0 to 1, times are seconds, as in the catalogue.
"""

from __future__ import annotations

import difflib
import logging
import operator
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from marsad_center.registry import RuleChange

log = logging.getLogger(__name__)

Named = TypeVar("Named")

FOLDER = Path(__file__).parent / "definitions"

Comparison = Literal["above", "at-least", "below", "at-most"]
Texts = Mapping[str, str]  # by locale; "en" is always there

COMPARISONS: Mapping[Comparison, Callable[[float, float], bool]] = {
    "above": operator.gt,
    "at-least": operator.ge,
    "below": operator.lt,
    "at-most": operator.le,
}


class Condition(BaseModel):
    """One comparison of one figure with one number."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    figure: str
    part: str | None = None
    comparison: Comparison = Field(alias="is")
    threshold: float
    release: float | None = None

    @property
    def upward(self) -> bool:
        """Whether larger is worse."""
        return self.comparison in ("above", "at-least")

    @model_validator(mode="after")
    def _releases_on_the_better_side(self) -> Self:
        release = self.threshold if self.release is None else self.release
        if release > self.threshold if self.upward else release < self.threshold:
            raise ValueError(f"{self.figure}: release {release} lies on the worse side of {self.threshold}")
        return self

    def holds(self, value: float) -> bool:
        """Whether `value` is as the condition says."""
        return COMPARISONS[self.comparison](value, self.threshold)

    def released(self, value: float) -> bool:
        """Whether `value` came back far enough that the condition counts as over."""
        if self.release is None:
            return not self.holds(value)
        return value <= self.release if self.upward else value >= self.release


class Rule(BaseModel):
    """One rule. It speaks of each facility by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    order: int
    holds_for: float = Field(ge=0)
    released_for: float = Field(ge=0)
    match: Literal["any", "all"] = "any"
    when: tuple[Condition, ...] = Field(min_length=1)
    source: str
    names: Texts
    sentence: Texts


@cache
def rules(folder: Path = FOLDER) -> Mapping[str, Rule]:
    """All rules by id, the most pressing first. Raises ValueError (pydantic's) with the file's fault."""
    found = [_read(path) for path in folder.glob("*.toml")]
    return {rule.id: rule for rule in sorted(found, key=lambda rule: rule.order)}


def adjusted(entries: Mapping[str, Rule], declared: Iterable[RuleChange]) -> Mapping[str, Rule]:
    """The rules with what the center declares in their place; those that it switches off are gone. What names no rule,
    or a figure that its rule does not look at, is logged and left out."""
    result = dict(entries)
    for change in declared:
        try:
            if change.enabled:
                result[change.id] = _with(_named(entries, change.id, "rule"), change)
            else:
                del result[_named(entries, change.id, "rule").id]
        except ValueError as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            log.error("what is declared of a rule cannot be used", extra={"rule": change.id, "reason": reason})
    return result


def _named(known: Mapping[str, Named], name: str, kind: str) -> Named:
    """Raises ValueError with the nearest name."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    raise ValueError(f"there is no {kind} {name}, the nearest is {near[0]}" if near else f"there is no {kind} {name}")


def _with(rule: Rule, change: RuleChange) -> Rule:
    conditions = {_place(one.figure, one.part): one.model_dump(by_alias=True) for one in rule.when}
    for limit in change.when:
        condition = _named(conditions, _place(limit.figure, limit.part), f"figure of {rule.id}")
        before, release = condition["threshold"], limit.release
        if release is None and condition["release"] is not None:
            release = round(limit.threshold - (before - condition["release"]), 9)  # no tail of binary fractions
        condition |= {"threshold": limit.threshold, "release": release}
    holds, released = change.holds_for_seconds, change.released_for_seconds
    changes = {
        "when": list(conditions.values()),
        "holds_for": rule.holds_for if holds is None else holds,
        "released_for": rule.released_for if released is None else released,
    }
    return Rule.model_validate({**rule.model_dump(), **changes})


def _place(figure: str, part: str | None) -> str:
    return f"{figure}/{part}" if part else figure


def _read(path: Path) -> Rule:
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Rule.model_validate({"id": path.stem, **content})
