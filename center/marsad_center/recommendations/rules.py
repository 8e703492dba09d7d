"""The rules as data: one TOML file a rule, named after its id.

A file holds `order`, `holds_for` and `released_for` (seconds that the figures must say so before the recommendation
opens, or closes), `match` (any or all of the conditions), one [[when]] a condition, then by locale [names] and
[sentence] (what to do), and `source` of the thresholds. A condition names a `figure` of the catalogue, optionally a
`part` of its breakdown, `is` (above, at-least, below or at-most), the `threshold`, and `release`: the value to which
the figure must come back before the condition counts as over (hysteresis; by default the threshold itself). Shares are
0 to 1, times are seconds, as in the catalogue.
"""

from __future__ import annotations

import operator
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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


def _read(path: Path) -> Rule:
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Rule.model_validate({"id": path.stem, **content})
