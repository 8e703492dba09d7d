"""Damped Holt-Winters smoothing with a weekly season, on the logarithm of daily counts.

Level, damped additive trend and additive season of log(1 + count), hence multiplicative on counts (Gardner and
McKenzie, "Seasonal exponential smoothing with damped trends", Management Science 35, 1989; the model (A, Ad, A) of
Hyndman et al., "Forecasting with Exponential Smoothing", 2008). A day that is not known moves the state ahead and
teaches nothing.

The parameters come from a grid: one pass over the history for each, and a forecast uses those whose one-step errors
*before its origin* were smallest. So one pass serves all origins, nothing is fitted to what comes later, and the result
does not depend on an optimiser's luck.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from itertools import accumulate
from typing import NamedTuple

from marsad_center.forecast.series import Values

SEASON = 7
_FIRST = 28  # days that give the initial state; 14 where there are not two months


class Parameters(NamedTuple):
    """How much of a surprise goes into the level, the trend (as a share of the level's) and the season; and how much of
    the trend is left a day later."""

    alpha: float
    beta: float
    gamma: float
    phi: float


# Where two are equally good, as before the first error is known, the earlier one is taken.
_GRID = [
    Parameters(alpha, beta, gamma, phi)
    for beta, phi in ((0.0, 0.9), (0.02, 0.9), (0.02, 0.98), (0.1, 0.9), (0.1, 0.98))
    for alpha in (0.1, 0.15, 0.2, 0.3, 0.4, 0.05, 0.02)
    for gamma in (0.02, 0.0, 0.05, 0.1)
]


def smooth(counts: Values, origins: Collection[int], horizon: int) -> dict[int, list[float]]:
    """By origin (an index of at least 14, the first day that is not known yet): the `horizon` counts from it."""
    logs = [None if count is None else math.log1p(count) for count in counts]
    first = _FIRST if min(origins) >= 2 * _FIRST else _FIRST // 2
    least: dict[int, float] = dict.fromkeys(origins, math.inf)
    best: dict[int, list[float]] = {}
    for parameters in _GRID:
        for origin, error, ahead in _pass(logs, parameters, first=first, least=least, horizon=horizon):
            least[origin], best[origin] = error, ahead
    return {origin: [max(0.0, math.expm1(value)) for value in ahead] for origin, ahead in best.items()}


def _pass(
    logs: Values, parameters: Parameters, *, first: int, least: Mapping[int, float], horizon: int
) -> list[tuple[int, float, list[float]]]:
    """One pass with one set of parameters: origin, sum of squared one-step errors before it, and logarithms ahead; only
    of origins where these errors are smaller than `least`."""
    alpha, beta, gamma, phi = parameters
    level, season = _initial(logs[:first])
    trend = error = 0.0
    found = []
    for index in range(len(logs) + 1):
        if index in least and error < least[index]:
            drifts = accumulate(trend * phi**step for step in range(1, horizon + 1))
            ahead = [level + drift + season[(index + step) % SEASON] for step, drift in enumerate(drifts)]
            found.append((index, error, ahead))
        if index == len(logs):
            break
        value, drift, day = logs[index], phi * trend, index % SEASON
        if value is None:
            level, trend = level + drift, drift
            continue
        miss = value - level - drift - season[day]
        if index >= first:
            error += miss * miss
        level += drift + alpha * miss
        trend = drift + alpha * beta * miss
        season[day] += gamma * (1.0 - alpha) * miss
    return found


def _initial(logs: Values) -> tuple[float, list[float]]:
    """Level and season: the mean, and by day of the week the mean difference from it."""
    known = [value for value in logs if value is not None]
    level = sum(known) / len(known) if known else 0.0
    season = []
    for day in range(SEASON):
        mine = [value for value in logs[day::SEASON] if value is not None]
        season.append(sum(mine) / len(mine) - level if mine else 0.0)
    return level, season
