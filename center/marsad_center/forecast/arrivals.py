"""Forecast of ED arrivals of one facility: by day from the daily models, by hour from day and hour of the week."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from marsad_center.forecast import backtest
from marsad_center.forecast.daily import NAIVE, Ahead, candidates, naive
from marsad_center.forecast.hourly import WEEK, local_hours, profile
from marsad_center.forecast.outlook import ARRIVALS, Forecast, Point, Quality, Reason
from marsad_center.forecast.series import HOUR, Days, Hours, days, midnight, since_reporting
from marsad_center.forecast.smoothing import SEASON

REQUIRED_DAYS = 28  # two weeks to learn from, and two on which it is tried
STALE = timedelta(days=5)  # errors are known of 7 days ahead: 2 from now
HOURS_AHEAD, DAYS_AHEAD, TOTAL_HOURS = 48, 7, 24
_LEAST = 14  # days before the first origin
_DAY_STEPS, _HOUR_STEPS = DAYS_AHEAD, HOURS_AHEAD  # errors hardly grow with the distance: one group of steps


@dataclass(frozen=True, slots=True)
class Trained:
    """What the back-test found: the model of the day, whether the hours follow it (else the hour of a week before), how
    far off they were."""

    model: str
    by_hour: bool
    day: backtest.Spread
    hour: backtest.Spread
    quality: dict[str, Quality]
    trained_at: datetime


def forecast(
    facility: str, hours: Hours, zone: ZoneInfo, now: datetime, trained: Trained | None = None
) -> tuple[Forecast, Trained | None]:
    """The forecast as of `now` from arrivals by hour, and what training found; trains unless it is given `trained`.

    In state no-data with fewer than 28 days of regular reports, or when the last one is 5 days old.
    """
    found = days(hours, zone)
    found = _reported(found) if found else None
    length = len(found.counts) if found else 0
    reason: Reason | None = "stale" if hours.end < now - STALE else "history" if length < REQUIRED_DAYS else None
    result = Forecast(
        id=ARRIVALS,
        facility=facility,
        state="no-data" if reason else "ok",
        reason=reason,
        history_days=float(length),
        required_days=float(REQUIRED_DAYS),
        known_until=hours.end,
        made_at=now,
    )
    if found is None or reason:
        return result, None
    trained = trained or train(hours, found, zone, now)
    return _issued(result, hours, found, zone, trained), trained


def train(hours: Hours, known: Days, zone: ZoneInfo, now: datetime) -> Trained:
    """Try all models on the past, and take the best; the seasonal-naive one where none is better."""
    origins = backtest.origins(len(known.counts), DAYS_AHEAD, _LEAST, SEASON)
    models = candidates(known.counts, known.first, origins, DAYS_AHEAD)
    scores = {name: backtest.score(known.counts, ahead, SEASON) for name, ahead in models.items()}
    model = backtest.choose(scores)
    by_day, inside = backtest.interval(known.counts, models[model], _DAY_STEPS, rooted=True)
    daily = _quality(model, origins, (scores[model], scores[NAIVE]), inside, now)

    both = {"follows": _by_hour(hours, known, zone, models[model])}
    both[NAIVE] = naive(hours.values, list(both["follows"]), HOURS_AHEAD, WEEK)
    hourly = {name: backtest.score(hours.values, ahead, WEEK) for name, ahead in both.items()}
    best = backtest.choose(hourly)
    by_hour, inside = backtest.interval(hours.values, both[best], _HOUR_STEPS, rooted=True)
    name = model if best != NAIVE else NAIVE
    quality = {"day": daily, "hour": _quality(name, origins, (hourly[best], hourly[NAIVE]), inside, now)}
    return Trained(model, best != NAIVE, by_day, by_hour, quality, now)


def _reported(known: Days) -> Days | None:
    start = since_reporting(known.counts)
    if start == len(known.counts):
        return None
    return replace(known, first=known.on(start), counts=known.counts[start:], starts=known.starts[start:])


def _quality(
    model: str, origins: list[int], scores: tuple[backtest.Score, backtest.Score], inside: float | None, now: datetime
) -> Quality:
    mine, floor = scores
    return Quality(model, len(origins), mine.wape, floor.wape, mine.mase, floor.mase, inside, now)


def _by_hour(hours: Hours, known: Days, zone: ZoneInfo, ahead: Ahead) -> Ahead:
    """The forecasts of days as forecasts of the hours of the first two, by the index of the first hour."""
    local = local_hours(hours, zone)
    result = {}
    for origin, values in ahead.items():
        start = known.starts[origin] if origin < len(known.starts) else known.end
        shape = profile(hours, local, start)
        result[start] = [values[step] * share for step in range(2) for share in shape.of(known.on(origin + step), zone)]
    return result


def _issued(result: Forecast, hours: Hours, known: Days, zone: ZoneInfo, trained: Trained) -> Forecast:
    origin, today = len(known.counts), result.made_at.astimezone(zone).date()
    horizon = (today - known.on(origin)).days + DAYS_AHEAD + 1
    models = candidates(known.counts, known.first, [origin], horizon)
    expected, floor = models[trained.model][origin], models[NAIVE][origin]
    by_day = tuple(
        Point(midnight(known.on(origin + step), zone), value, *trained.day.around(value, step), floor[step])
        for step, value in enumerate(expected)
        if known.on(origin + step) > today
    )
    shape = profile(hours, local_hours(hours, zone), known.end)
    follows = [
        (midnight(known.on(origin + step), zone) + place * HOUR, value * share)
        for step, value in enumerate(expected)
        for place, share in enumerate(shape.of(known.on(origin + step), zone))
    ]
    by_hour = _hours(hours, [each for each in follows if each[0] > result.made_at][:HOURS_AHEAD], trained)
    whole, least = (sum(each) for each in zip(*((p.value, p.naive) for p in by_hour[:TOTAL_HOURS]), strict=True))
    total = Point(by_hour[0].at, whole, *trained.day.around(whole, 0), least)
    return replace(result, hours=by_hour, days=by_day, total=total, quality=trained.quality)


def _hours(hours: Hours, follows: list[tuple[datetime, float]], trained: Trained) -> tuple[Point, ...]:
    """The hours as the day has them, or as they were a week before, whichever was better."""
    origin = len(hours.values)
    horizon = (follows[-1][0] - hours.end) // HOUR + 1
    floor = naive(hours.values, [origin], horizon, WEEK)[origin][-len(follows) :]
    points = []
    for step, ((at, value), before) in enumerate(zip(follows, floor, strict=True)):
        chosen = value if trained.by_hour else before
        points.append(Point(at, chosen, *trained.hour.around(chosen, step), before))
    return tuple(points)
