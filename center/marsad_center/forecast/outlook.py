"""What a forecast is: frozen values, and the sum of several facilities' forecasts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

ARRIVALS = "forecast.ed.arrivals"
BEDS = "forecast.bed.occupancy"
IDS = (ARRIVALS, BEDS)

INTERVAL = 0.8  # share of past errors between low and high

RENEWED = timedelta(hours=3)  # they are made every hour; one that was not renewed for so long is none any more

State = Literal["ok", "no-data"]
# Too little of it; its end is too long ago; or (never stored) the forecast itself was not renewed.
Reason = Literal["history", "stale", "overdue"]


@dataclass(frozen=True, slots=True)
class Point:
    """Arrivals or occupied beds. `at`: start of the hour or day; `naive`: the seasonal-naive forecast, the floor."""

    at: datetime
    value: float
    low: float
    high: float
    naive: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How wrong the model was on the past (backtest.py), beside the seasonal-naive forecast of the same hours or days.

    `model` is "naive" when nothing was better. Shares are 0 to 1; None where a division by zero would be needed.
    """

    model: str
    origins: int
    wape: float | None
    naive_wape: float | None
    mase: float | None
    naive_mase: float | None
    coverage: float | None
    trained_at: datetime


@dataclass(frozen=True, slots=True)
class Forecast:
    """The newest forecast of one figure. Without enough history `state` is "no-data", `reason` says why, and there are
    no points: `history_days` is what there is, `required_days` what it takes.

    `hours`: the next 48. `days`: the next 7, arrivals only. `total`: arrivals of the next 24 hours together. `quality`:
    by grain, "hour" and "day".
    """

    id: str
    facility: str
    state: State
    reason: Reason | None
    history_days: float
    required_days: float
    known_until: datetime | None
    made_at: datetime
    hours: tuple[Point, ...] = ()
    days: tuple[Point, ...] = ()
    total: Point | None = None
    quality: Mapping[str, Quality] = field(default_factory=dict)

    def as_of(self, now: datetime) -> Forecast:
        """This, while it is in force; after that no data, however good it was when it was made."""
        if self.state != "ok" or self.made_at > now - RENEWED:
            return self
        return replace(self, state="no-data", reason="overdue", hours=(), days=(), total=None, quality={})


def together(forecasts: Sequence[Forecast], facility: str = "") -> Forecast | None:
    """The forecasts of several facilities as one, of those that have one; None when there are none at all.

    Sums of low and of high make an interval that is too wide rather than too narrow: errors of neighbours partly cancel
    out. Quality is left out: the error of a sum is not a sum of errors.
    """
    if not forecasts:
        return None
    able = [each for each in forecasts if each.state == "ok"]
    nearest = max(able or forecasts, key=lambda each: each.history_days)
    return Forecast(
        id=nearest.id,
        facility=facility,
        state=nearest.state,
        reason=nearest.reason,
        history_days=nearest.history_days,
        required_days=nearest.required_days,
        known_until=min((each.known_until for each in able if each.known_until), default=None),
        made_at=min(each.made_at for each in able or forecasts),
        hours=_sums([each.hours for each in able]),
        days=_sums([each.days for each in able]),
        total=next(iter(_sums([(each.total,) for each in able if each.total])), None),
    )


def _sums(series: Sequence[Sequence[Point]]) -> tuple[Point, ...]:
    """By time, where every one of them has a point: the sum of fewer would look like a fall."""
    at: dict[datetime, list[Point]] = defaultdict(list)
    for points in series:
        for point in points:
            at[point.at].append(point)
    return tuple(
        Point(
            time,
            sum(each.value for each in points),
            sum(each.low for each in points),
            sum(each.high for each in points),
            sum(each.naive for each in points),
        )
        for time, points in sorted(at.items())
        if len(points) == len(series)
    )
