"""Poisson regression of daily counts with a log link: day of the week, annual terms, trend; recent days may weigh more.

    log(expected) = weekday[7] + trend * t + two pairs of sine and cosine with the period of a year

Fitted by iteratively reweighted least squares (McCullagh and Nelder, "Generalized Linear Models", 1989, chapter 2) with
a small ridge, which keeps a weekday that never had a visitor finite. Annual terms and trend need a year of history.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import mul

from marsad_center.forecast.series import Values

YEAR = 365.25
_PAIRS = 2
_RIDGE = 1e-3
_STEPS = 25
_NEAR = 1e-5
_BOUND = 14.0  # of a logarithm: no facility sees a million patients a day


@dataclass(frozen=True, slots=True)
class Shape:
    """`window`: days before the origin that are used; `half_life`: days after which a day weighs half (None: all
    alike); `trend`: whether there is one."""

    window: int
    half_life: float | None
    trend: bool


LASTING = Shape(window=800, half_life=None, trend=True)  # the rhythm of the year, and where the years lead
RECENT = Shape(window=280, half_life=14.0, trend=False)  # what the last weeks were like, and how they bent


def regress(counts: Values, first: date, origins: Iterable[int], horizon: int, shape: Shape) -> dict[int, list[float]]:
    """By origin (an index into `counts`, whose first day is `first`): what is expected of `horizon` days from it."""
    marked = sorted(origins)
    rows = [_row(first, index, shape) for index in range(marked[-1] + horizon)] if marked else []
    result, start = {}, None
    for origin in marked:
        known = [index for index in range(max(0, origin - shape.window), origin) if counts[index] is not None]
        annual = origin >= YEAR
        width = len(rows[0]) if annual else 7
        if not sum(counts[index] or 0.0 for index in known):
            result[origin], start = [0.0] * horizon, None
            continue
        columns = [[rows[index][column] for index in known] for column in range(width)]
        weights = [1.0 if shape.half_life is None else 0.5 ** ((origin - index) / shape.half_life) for index in known]
        usable = start is not None and len(start) == width
        start = _fit(columns, [counts[index] or 0.0 for index in known], weights, start if usable else None)
        ahead = [rows[index][:width] for index in range(origin, origin + horizon)]
        result[origin] = [math.exp(_bounded(sum(map(mul, row, start)))) for row in ahead]
    return result


def _row(first: date, index: int, shape: Shape) -> list[float]:
    day = first + timedelta(days=index)
    row = [0.0] * 7
    row[day.weekday()] = 1.0
    angle = 2.0 * math.pi * day.timetuple().tm_yday / YEAR
    for pair in range(1, _PAIRS + 1):
        row += [math.sin(pair * angle), math.cos(pair * angle)]
    return [*row, index / YEAR] if shape.trend else row


def _fit(
    columns: Sequence[Sequence[float]], counts: Sequence[float], weights: Sequence[float], start: list[float] | None
) -> list[float]:
    """Coefficients, one a column. `counts` has a sum above 0; `start` is where the search begins."""
    width = len(columns)
    usual = math.log(sum(map(mul, counts, weights)) / sum(weights) or 1e-6)
    coefficients = start or [usual if column < 7 else 0.0 for column in range(width)]
    for _ in range(_STEPS):
        linear = [sum(map(mul, row, coefficients)) for row in zip(*columns, strict=True)]
        expected = [math.exp(_bounded(value)) for value in linear]
        effort = list(map(mul, weights, expected))
        target = [
            weight * (mean * value + count - mean)
            for weight, mean, value, count in zip(weights, expected, linear, counts, strict=True)
        ]
        weighted = [list(map(mul, column, effort)) for column in columns]
        matrix = [[sum(map(mul, weighted[i], columns[j])) for j in range(i + 1)] for i in range(width)]
        for i in range(width):
            matrix[i][i] += _RIDGE
        found = _solve(matrix, [sum(map(mul, column, target)) for column in columns])
        moved = max(abs(new - old) for new, old in zip(found, coefficients, strict=True))
        coefficients = found
        if moved < _NEAR:
            break
    return coefficients


def _solve(lower: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """x of A x = right by Cholesky's method; `lower` is the lower triangle of A, which is positive definite."""
    size = len(right)
    root: list[list[float]] = []
    for i in range(size):
        row: list[float] = []
        for j in range(i):
            row.append((lower[i][j] - sum(map(mul, row, root[j]))) / root[j][j])
        row.append(math.sqrt(max(_RIDGE, lower[i][i] - sum(each * each for each in row))))
        root.append(row)
    half: list[float] = []
    for i in range(size):
        half.append((right[i] - sum(map(mul, root[i], half))) / root[i][i])
    result = [0.0] * size
    for i in reversed(range(size)):
        result[i] = (half[i] - sum(root[k][i] * result[k] for k in range(i + 1, size))) / root[i][i]
    return result


def _bounded(value: float) -> float:
    return max(-_BOUND, min(_BOUND, value))
