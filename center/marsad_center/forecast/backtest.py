"""How wrong a model was: forecasts of the past from rolling origins, each made from nothing but what came before it.

WAPE  sum of absolute errors / sum of actual values
MASE  mean of absolute error / mean absolute error of the seasonal-naive forecast one season ahead, within the history
      before the origin (Hyndman and Koehler, International Journal of Forecasting 22, 2006); fits hours with zeros,
      where a percentage would not
coverage  share of actual values inside the interval that the errors of *earlier* origins gave
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from marsad_center.forecast.daily import NAIVE, Ahead
from marsad_center.forecast.outlook import INTERVAL
from marsad_center.forecast.series import Values

MOST_ORIGINS = 52
_ENOUGH_ORIGINS = 26  # of the wide spacing; with fewer, origins stand closer
_EARLIER_ORIGINS = 8  # before coverage is measured
_WIDEST = 3.0  # times as wide as the errors say: where that does not do, coverage tells


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of one model over all origins; `error` is the mean absolute one. None instead of a division by zero."""

    error: float
    wape: float | None
    mase: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Errors below and above which a tenth of the past ones lay, by group of `steps` steps ahead. With `rooted` they
    are in units of the root of the forecast: counts spread like that."""

    rooted: bool
    steps: int
    bounds: tuple[tuple[float, float], ...]

    def around(self, value: float, step: int) -> tuple[float, float]:
        """Low and high about the forecast `value` of the step (from 0); never below 0, and `value` is between."""
        low, high = self.bounds[min(step // self.steps, len(self.bounds) - 1)]
        unit = _unit(value, self.rooted)
        return max(0.0, value + min(0.0, low) * unit), value + max(0.0, high) * unit


def origins(length: int, horizon: int, minimum: int, spacing: int) -> list[int]:
    """Up to 52 origins, `spacing` apart, the last one `horizon` before the end; one apart where the history is too
    short for 26 of them. The first has at least `minimum` before it."""
    last = length - horizon
    for apart in (spacing, 1):
        found = list(range(last, minimum - 1, -apart))[:MOST_ORIGINS]
        if len(found) >= _ENOUGH_ORIGINS or apart == 1:
            return found[::-1]
    return []


def score(actual: Values, ahead: Ahead, season: int) -> Score:
    """Hold the forecasts `ahead` against `actual`; what is not known does not count."""
    errors, values, scaled = [], [], []
    scales = _scales(actual, season)
    for origin, forecast in ahead.items():
        for step, value in enumerate(forecast[: len(actual) - origin]):
            if (truth := actual[origin + step]) is not None:
                errors.append(abs(truth - value))
                values.append(abs(truth))
                if (scale := scales[origin]) > 0:
                    scaled.append(errors[-1] / scale)
    return Score(
        error=sum(errors) / len(errors) if errors else math.inf,
        wape=sum(errors) / sum(values) if sum(values) else None,
        mase=sum(scaled) / len(scaled) if scaled and len(scaled) == len(errors) else None,
    )


def choose(scores: Mapping[str, Score]) -> str:
    """The model with the smallest error; the seasonal-naive one unless another is better."""
    best = min(scores, key=lambda name: (scores[name].error, name != NAIVE))
    return best if scores[best].error < scores[NAIVE].error else NAIVE


def spread(actual: Values, ahead: Ahead, steps: int, *, rooted: bool) -> Spread:
    """The spread of the errors of all origins of `ahead`."""
    groups: list[list[float]] = []
    for origin, forecast in ahead.items():
        for step, value in enumerate(forecast[: len(actual) - origin]):
            if (truth := actual[origin + step]) is not None:
                while len(groups) <= step // steps:
                    groups.append([])
                groups[step // steps].append((truth - value) / _unit(value, rooted))
    tail = (1.0 - INTERVAL) / 2.0
    bounds = [(_quantile(sorted(group), tail), _quantile(sorted(group), 1.0 - tail)) for group in groups if group]
    return Spread(rooted, steps, tuple(bounds) or ((0.0, 0.0),))


def interval(actual: Values, ahead: Ahead, steps: int, *, rooted: bool) -> tuple[Spread, float | None]:
    """The spread, widened until four in five values lay inside the interval that origins whose hours were over by then
    gave; and the share that lay inside then (None: too few origins to tell). It is never made narrower.

    Errors of origins that stand close to each other are alike, and the model was chosen for them: by themselves they
    promise too much.
    """
    plain = spread(actual, ahead, steps, rooted=rooted)
    needed = sorted(_needed(actual, ahead, steps, rooted=rooted))
    if not needed:
        return plain, None
    enough = needed[min(len(needed) - 1, math.ceil(INTERVAL * len(needed)) - 1)]
    factor = min(max(1.0, enough), _WIDEST)
    bounds = tuple((low * factor, high * factor) for low, high in plain.bounds)
    return Spread(rooted, steps, bounds), sum(each <= factor for each in needed) / len(needed)


def _needed(actual: Values, ahead: Ahead, steps: int, *, rooted: bool) -> Iterator[float]:
    """By value: how many times as wide an interval of the errors before it would just have held it."""
    for origin, forecast in ahead.items():
        over = {earlier: values for earlier, values in ahead.items() if earlier + len(forecast) <= origin}
        if len(over) < _EARLIER_ORIGINS:
            continue
        bounds = spread(actual, over, steps, rooted=rooted).bounds
        for step, value in enumerate(forecast[: len(actual) - origin]):
            if (truth := actual[origin + step]) is not None:
                error = (truth - value) / _unit(value, rooted)
                low, high = bounds[min(step // steps, len(bounds) - 1)]
                side = max(0.0, high) if error > 0 else -min(0.0, low)
                yield abs(error) / side if side else math.inf if error else 0.0


def _scales(actual: Values, season: int) -> list[float]:
    """By origin: the mean absolute error of the seasonal-naive forecast one season ahead among the values before it."""
    result, total, count = [], 0.0, 0
    for index in range(len(actual) + 1):
        result.append(total / count if count else 0.0)
        if index < len(actual) and index >= season:
            now, before = actual[index], actual[index - season]
            if now is not None and before is not None:
                total, count = total + abs(now - before), count + 1
    return result


def _unit(value: float, rooted: bool) -> float:
    return math.sqrt(max(1.0, value)) if rooted else 1.0


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Between the closest ranks of n values at share * (n + 1), so that a new value falls below with about `share`."""
    position = min(max(share * (len(ordered) + 1) - 1.0, 0.0), len(ordered) - 1.0)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
