"""Counts and spreads: what is known of many visits once nobody is known any more.

Each holds the whole and its parts by dimension (specialty, triage level), so that the sum over facilities is exact: a
percentile of the cluster comes from all durations, never from the percentiles of its facilities.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

UNKNOWN, OTHER = "unknown", "other"
TRIAGE, SPECIALTY, TIER = "triage", "specialty", "tier"
TRIAGE_LEVELS = ("1", "2", "3", "4", "5", UNKNOWN)
MEMBERS_SHOWN = 12  # specialties are senders' words: the largest are named, the rest share one line

Count = int | float
Spread = Sequence[int]  # durations in whole seconds, in order


class Cell(NamedTuple):
    """A part: dimension and member. WHOLE is everything."""

    dimension: str
    member: str


WHOLE = Cell("", "")
Counts = Mapping[Cell, Count]
Spreads = Mapping[Cell, Spread]


class Tally:
    """Gathers counts and spreads by name, then gives them away."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[Cell]] = defaultdict(Counter)
        self._spreads: dict[str, dict[Cell, list[int]]] = defaultdict(lambda: defaultdict(list))

    def count(self, name: str, where: Iterable[Cell], amount: int) -> None:
        """Add `amount` to each cell."""
        counted = self.counts[name]
        for cell in where:
            counted[cell] += amount

    def spread(self, name: str, where: Iterable[Cell], seconds: Sequence[int]) -> None:
        """Add durations to each cell."""
        spread = self._spreads[name]
        for cell in where:
            spread[cell] += seconds

    def ordered(self) -> dict[str, Spreads]:
        """The spreads by name."""
        return {name: {cell: sorted(each) for cell, each in parts.items()} for name, parts in self._spreads.items()}


def add_counts(parts: Iterable[Counts]) -> Counter[Cell]:
    """The sum, cell by cell."""
    total: Counter[Cell] = Counter()
    for part in parts:
        for cell, amount in part.items():
            total[cell] += amount  # type: ignore[assignment] # a Counter of floats is one, too
    return total


def add_spreads(parts: Iterable[Spread]) -> Spread:
    """All durations of `parts`; the only one of them as it is."""
    several = list(parts)
    if len(several) == 1:
        return several[0]
    return sorted(chain.from_iterable(several))  # long ordered runs: that is what sorted() is quick at


def percentile(spread: Spread, share: float) -> float:
    """Linear interpolation between closest ranks, like PostgreSQL's percentile_cont. `spread` is not empty."""
    position = share * (len(spread) - 1)
    low = math.floor(position)
    return spread[low] + (spread[math.ceil(position)] - spread[low]) * (position - low)


def shown(dimension: str, sizes: Mapping[str, Count]) -> dict[str, str]:
    """Under which name each member of a dimension is shown: its own, or OTHER for all but the largest specialties."""
    if dimension != SPECIALTY or len(sizes) <= MEMBERS_SHOWN:
        return {member: member for member in sizes}
    ranked = sorted(sizes, key=lambda member: (member != UNKNOWN, -sizes[member], member))
    return {member: member if place < MEMBERS_SHOWN else OTHER for place, member in enumerate(ranked)}
