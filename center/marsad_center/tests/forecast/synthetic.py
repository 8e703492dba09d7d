"""Histories with a known rhythm, drawn from Poisson's distribution; the same for the same seed."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

from marsad_center.forecast.series import Hours

FIRST = datetime(2024, 6, 2, 21, tzinfo=UTC)  # midnight in Riyadh, where clocks never change


def poisson(chance: random.Random, mean: float) -> float:
    """One draw (Knuth's method; `mean` is small)."""
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return float(count)


def expected(index: int, usual: float = 8.0) -> float:
    """Arrivals in the hour `index` from FIRST: more by day, more on two days of the week."""
    busy = 1.4 if index // 24 % 7 in (0, 6) else 1.0
    return usual * busy * (1.0 + 0.6 * math.sin((index % 24 - 9) / 24 * 2 * math.pi))


def arrivals(days: int, *, usual: float = 8.0, seed: int = 1) -> Hours:
    """Hourly arrivals of `days` whole days in Riyadh."""
    chance = random.Random(seed)
    return Hours(FIRST, tuple(poisson(chance, expected(index, usual)) for index in range(days * 24)))


def daily(days: int, *, usual: float = 200.0, seed: int = 1) -> list[float | None]:
    """Daily counts with a week's rhythm."""
    chance = random.Random(seed)
    means = [usual * (1.3 if index % 7 in (0, 6) else 1.0) for index in range(days)]
    return [max(0.0, round(chance.gauss(mean, math.sqrt(mean)))) for mean in means]


def beds(days: int, *, usual: float = 200.0, seed: int = 1) -> Hours:
    """Occupied beds: a week's rhythm, and a deviation from it that lasts for days."""
    chance, unusual, values = random.Random(seed), 0.0, []
    for index in range(days * 24):
        unusual = 0.99 * unusual + chance.gauss(0.0, 1.0)
        rhythm = 10.0 * math.sin(index / 24 * 2 * math.pi) + (-20.0 if index // 24 % 7 in (4, 5) else 0.0)
        values.append(float(round(usual + rhythm + unusual)))
    return Hours(FIRST, tuple(values))
