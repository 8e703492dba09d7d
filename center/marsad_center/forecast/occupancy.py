"""Forecast of occupied beds of one facility, by hour: what the hour of the week is like, and what is unlike it now.

    expected(t + h) = usual(t + h) + rest ** h * (occupied(t) - usual(t))

`usual` is the value a week before, or the mean of that hour of the week in the last four weeks; `rest` says how much of
what is unusual is left an hour later (1: all of it, for ever). It is a regression on the hour of the week with
autoregressive errors. The floor is the value of the same hour a day before: of beds, a stronger one than a week before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from marsad_center.forecast import backtest
from marsad_center.forecast.daily import AVERAGE, NAIVE, Ahead, naive
from marsad_center.forecast.hourly import WEEK, Local, local_hours
from marsad_center.forecast.outlook import BEDS, Forecast, Point, Quality, Reason
from marsad_center.forecast.series import Hours

DAY = 24
REQUIRED_DAYS = 28
STALE = timedelta(hours=24)
HOURS_AHEAD = 48
_TRIED = HOURS_AHEAD + DAY  # as far ahead as a forecast from a history that is nearly stale
_LEAST = 14 * DAY  # hours before the first origin
_SPACING = 29  # hours between origins: every hour of the day has its turn
_STEPS = 6  # errors grow with the distance: groups of six hours
_RESTS = (0.97, 0.99, 0.995, 1.0)
_USUAL_WEEKS = 4


@dataclass(frozen=True, slots=True)
class Trained:
    """What the back-test found."""

    model: str
    hour: backtest.Spread
    quality: Mapping[str, Quality]
    trained_at: datetime


def forecast(
    facility: str, hours: Hours, zone: ZoneInfo, now: datetime, trained: Trained | None = None
) -> tuple[Forecast, Trained | None]:
    """The forecast as of `now` from the beds occupied at the start of each hour; trains unless it is given `trained`.

    In state no-data with fewer than 28 days, or when the last hour that is known is a day old.
    """
    length = len(hours.values) / DAY
    reason: Reason | None = "stale" if hours.end < now - STALE else "history" if length < REQUIRED_DAYS else None
    result = Forecast(
        id=BEDS,
        facility=facility,
        state="no-data" if reason else "ok",
        reason=reason,
        history_days=length,
        required_days=float(REQUIRED_DAYS),
        known_until=hours.end,
        made_at=now,
    )
    if reason:
        return result, None
    trained = trained or train(hours, zone, now)
    return _issued(result, hours, zone, trained), trained


def train(hours: Hours, zone: ZoneInfo, now: datetime) -> Trained:
    """Try all models on the past, and take the best; the seasonal-naive one where none is better."""
    origins = backtest.origins(len(hours.values), _TRIED, _LEAST, _SPACING)
    models = candidates(hours, local_hours(hours, zone, _TRIED), origins, _TRIED)
    scores = {name: backtest.score(hours.values, ahead, DAY) for name, ahead in models.items()}
    model = backtest.choose(scores)
    mine, floor = scores[model], scores[NAIVE]
    by_hour, inside = backtest.interval(hours.values, models[model], _STEPS, rooted=False)
    quality = Quality(model, len(origins), mine.wape, floor.wape, mine.mase, floor.mase, inside, now)
    return Trained(model, by_hour, {"hour": quality}, now)


def candidates(hours: Hours, local: Local, origins: Collection[int], horizon: int) -> dict[str, Ahead]:
    """By model, the beds occupied at the `horizon` hours from each of `origins`. `local` reaches as far."""
    models: dict[str, dict[int, list[float]]] = {}
    for origin in origins:
        last_week = naive(hours.values, [origin], horizon, WEEK)[origin]
        means = _means(hours, local, origin)
        now = hours.values[origin - 1] or 0.0
        usual = [means.get(local[origin + step], now) for step in range(horizon)]
        unlike = {
            "last week": (last_week, now - (hours.values[origin - 1 - WEEK] or 0.0)),
            "hour of the week": (usual, now - means[local[origin - 1]]),
        }
        for name, (base, excess) in unlike.items():
            for rest in _RESTS:
                ahead = [max(0.0, value + rest ** (step + 1) * excess) for step, value in enumerate(base)]
                models.setdefault(f"{name}, rest {rest:g}", {})[origin] = ahead
    every = list(models.values())
    models[AVERAGE] = {
        origin: [sum(each) / len(every) for each in zip(*(model[origin] for model in every), strict=True)]
        for origin in origins
    }
    return {NAIVE: naive(hours.values, origins, horizon, DAY), **models}


def _means(hours: Hours, local: Local, origin: int) -> dict[tuple[int, int], float]:
    """Mean of each hour of the week in the (at least two, at most four) weeks before `origin`."""
    sums: dict[tuple[int, int], list[float]] = {}
    for index in range(max(0, origin - _USUAL_WEEKS * WEEK), origin):
        sums.setdefault(local[index], []).append(hours.values[index] or 0.0)
    return {place: sum(values) / len(values) for place, values in sums.items()}


def _issued(result: Forecast, hours: Hours, zone: ZoneInfo, trained: Trained) -> Forecast:
    origin, late = len(hours.values), 0
    while hours.at(origin + late) <= result.made_at:
        late += 1
    horizon = late + HOURS_AHEAD
    models = candidates(hours, local_hours(hours, zone, horizon), [origin], horizon)
    expected, floor = models[trained.model][origin], models[NAIVE][origin]
    points = [
        Point(hours.at(origin + step), expected[step], *trained.hour.around(expected[step], step), floor[step])
        for step in range(late, horizon)
    ]
    return replace(result, hours=tuple(points), quality=trained.quality)
