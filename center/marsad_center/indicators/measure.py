"""What a formula is given and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from marsad_center.indicators.catalogue import Indicator
from marsad_center.indicators.facts import NOBODY_COUNTED, Facts, Vaccinated

Breakdown = Mapping[str, float]


class Part(NamedTuple):
    """A figure of one member of a dimension, such as triage level 2. `value` None: not enough data."""

    value: float | None
    numerator: float | None
    denominator: float | None


Dimensions = Mapping[str, Mapping[str, Part]]


@dataclass(frozen=True, slots=True)
class Measure:
    """What an indicator's formula gave. `breach` forces the status whatever the value."""

    value: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    breakdown: Breakdown | None = None
    breach: bool = False
    dimensions: Dimensions | None = None

    @property
    def part(self) -> Part:
        """The measure without what only a whole has."""
        return Part(self.value, self.numerator, self.denominator)


def ratio(numerator: float, denominator: float, minimum: int = 1) -> Measure:
    """One by the other; of nothing, or of less than `minimum`, there is no value."""
    enough = denominator > 0 and denominator >= minimum
    return Measure(numerator / denominator if enough else None, numerator, denominator) if denominator else Measure()


@dataclass(frozen=True, slots=True)
class Moment:
    """When figures are computed, the freshness objective in force, by kind of facility which platforms it can have
    (coverage.eligible), and how many persons are vaccinated."""

    now: datetime
    objective_seconds: float
    platforms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    vaccinated: Vaccinated = NOBODY_COUNTED


Formula = Callable[[Sequence[Facts], Indicator, Moment], Measure]
