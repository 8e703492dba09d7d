"""What a formula is given and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from marsad_center.indicators.catalogue import Indicator
from marsad_center.indicators.facts import Facts

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


@dataclass(frozen=True, slots=True)
class Moment:
    """When figures are computed, the freshness objective in force, and all platforms that are active somewhere."""

    now: datetime
    objective_seconds: float
    platforms: Sequence[str] = ()


Formula = Callable[[Sequence[Facts], Indicator, Moment], Measure]
