"""How wrong forecasts of daily ED arrivals are on real counts, against the seasonal-naive floor of the same days.

Two hospitals in Chile (chile.md). 52 origins, seven days apart, the last one seven days before the end of the counts;
from each, seven days ahead: a year, every day of it forecast once. WAPE: sum of absolute errors / sum of counts.

Nothing looks ahead. The models' coefficients come from the days before the origin; so does the choice of the model: at
each origin the one that was best at the 52 origins before it, as the center does it. What the models are made of (which
three, half-life, annual terms) was decided by the errors of both hospitals in the year before, told beside as "the year
before"; the errors of the last year were in sight then, too.

Days that the source has as 0 were not reported (Frutillar: some ten a year, of about 65 visitors): they count as 0 in
every error here, as they did where the goals were measured. Days without a row are in no error.
"""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench.samples import Report, Samples
from marsad_center.forecast import backtest
from marsad_center.forecast.daily import NAIVE, Ahead, candidates
from marsad_center.forecast.series import Values
from marsad_center.forecast.smoothing import SEASON

FILE = Path(__file__).parent / "chile.csv"
GOALS = {"puerto-montt": 0.078, "frutillar": 0.148}
"""WAPE at most, from the project's requirements: what exponential smoothing and Poisson regression reach on average."""

HORIZON, ORIGINS = 7, 52


@dataclass(frozen=True)
class Outcome:
    """Of one hospital, as shares. `reported`: WAPE without the days that were not reported. `coverage`: share of the
    counts inside intervals of 80 % that were made from earlier origins alone."""

    wape: float
    floor: float
    mase: float
    reported: float
    floor_reported: float
    year_before: float
    coverage: float
    seconds: float


def counts(hospital: str) -> tuple[date, list[float | None]]:
    """The first day, and the counts from it, without what is empty at the end."""
    with FILE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    values = [float(row[hospital]) if row[hospital] else None for row in rows]
    while values[-1] is None:
        values.pop()
    return date.fromisoformat(rows[0]["day"]), values


def evaluate(hospital: str) -> Outcome:
    """The last year of `hospital`, and the year before it."""
    first, values = counts(hospital)
    last = len(values) - HORIZON
    origins = [last - SEASON * back for back in reversed(range(3 * ORIGINS))]
    started = time.process_time()
    models = candidates(values, first, origins, HORIZON)
    seconds = time.process_time() - started
    chosen = {origin: models[_choice(values, models, origin)][origin] for origin in origins[ORIGINS:]}
    year, before = origins[2 * ORIGINS :], origins[ORIGINS : 2 * ORIGINS]
    reported = [value or None for value in values]

    def wape(actual: Values, ahead: Ahead, of: list[int]) -> float:
        return backtest.score(actual, {origin: ahead[origin] for origin in of}, SEASON).wape or 0.0

    return Outcome(
        wape=wape(values, chosen, year),
        floor=wape(values, models[NAIVE], year),
        mase=backtest.score(values, {origin: chosen[origin] for origin in year}, SEASON).mase or 0.0,
        reported=wape(reported, chosen, year),
        floor_reported=wape(reported, models[NAIVE], year),
        year_before=wape(values, chosen, before),
        coverage=_coverage(values, chosen, year),
        seconds=seconds,
    )


def _choice(values: Values, models: Mapping[str, Ahead], origin: int) -> str:
    """The best model at up to 52 origins whose days were over at `origin`."""
    over = [each for each in models[NAIVE] if each + HORIZON <= origin][-ORIGINS:]
    known = values[:origin]
    return backtest.choose(
        {name: backtest.score(known, {each: ahead[each] for each in over}, SEASON) for name, ahead in models.items()}
    )


def _coverage(values: Values, chosen: Ahead, of: list[int]) -> float:
    """The share of the counts that lay in the interval made at each origin from the errors of the 52 before it."""
    inside = total = 0
    for origin in of:
        over = [each for each in chosen if each + HORIZON <= origin][-ORIGINS:]
        past = {each: chosen[each] for each in over}
        found, _ = backtest.interval(values[:origin], past, HORIZON, rooted=True)
        for step, value in enumerate(chosen[origin]):
            if (truth := values[origin + step]) is not None:
                low, high = found.around(value, step)
                inside, total = inside + (low <= truth <= high), total + 1
    return inside / total


async def measure(rounds: int) -> Report:
    """Everything but the processor time is the same every round."""
    samples, conclusion = [], []
    for hospital, goal in GOALS.items():
        outcomes = [await asyncio.to_thread(evaluate, hospital) for _ in range(rounds)]
        one = outcomes[0]
        figures = (
            ("WAPE", one.wape, "%"),
            ("WAPE of the seasonal-naive floor", one.floor, "%"),
            ("WAPE, reported days only", one.reported, "%"),
            ("WAPE of the floor, reported days only", one.floor_reported, "%"),
            ("WAPE, the year before", one.year_before, "%"),
            ("inside the 80 % interval", one.coverage, "%"),
        )
        samples += [Samples(f"{hospital}: {name}", unit, (100 * value,)) for name, value, unit in figures]
        samples += [
            Samples(f"{hospital}: MASE", "", (one.mase,)),
            Samples(f"{hospital}: processor time, 156 origins", "s", tuple(each.seconds for each in outcomes)),
        ]
        reached = "reached" if one.wape <= goal else "not reached"
        conclusion.append(
            f"{hospital}: goal WAPE {goal:.1%} at most. Measured: {one.wape:.2%}, so it is {reached}. The floor is at"
            f" {one.floor:.2%}; the ratio is {one.wape / one.floor:.2f}."
        )
    return Report("ED arrivals a day, 52 rolling origins, 7 days ahead, real counts", samples, conclusion)
