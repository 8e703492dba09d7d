"""The models of daily arrivals: each takes the days before an origin and gives those from it; one is their average.

Averages of unlike models are hard to beat (Clemen, "Combining forecasts", Int. J. of Forecasting 5, 1989).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from marsad_center.forecast.regression import LASTING, RECENT, regress
from marsad_center.forecast.series import Values, without_gaps
from marsad_center.forecast.smoothing import SEASON, smooth

NAIVE = "naive"
AVERAGE = "average"

Ahead = Mapping[int, list[float]]  # by origin, the first day that is not known yet: the days from it


def candidates(counts: Values, first: date, origins: Collection[int], horizon: int) -> dict[str, Ahead]:
    """By model, the forecasts of the `horizon` days from each of `origins` (indices of at least 14)."""
    known = without_gaps(counts)
    models: dict[str, Ahead] = {
        "smoothing": smooth(known, origins, horizon),
        "lasting regression": regress(known, first, origins, horizon, LASTING),
        "recent regression": regress(known, first, origins, horizon, RECENT),
    }
    models[AVERAGE] = {
        origin: [sum(each) / len(models) for each in zip(*(model[origin] for model in models.values()), strict=True)]
        for origin in origins
    }
    return {NAIVE: naive(counts, origins, horizon, SEASON), **models}


def naive(counts: Values, origins: Collection[int], horizon: int, season: int) -> Ahead:
    """The seasonal-naive forecast, the floor: as one season before; where that is not known, as another one before."""
    return {origin: [_before(counts, origin, step, season) for step in range(horizon)] for origin in origins}


def _before(counts: Values, origin: int, step: int, season: int) -> float:
    for index in range(origin - season + step % season, -1, -season):
        if (count := counts[index]) is not None:
            return count
    return 0.0
