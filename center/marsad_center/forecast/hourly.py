"""From days to hours: which share of a day's arrivals comes in which of its hours, by hour of the local week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from marsad_center.forecast.series import HOUR, Hours, midnight

WEEK = 168
PROFILE_HOURS = 8 * WEEK
_PRIOR = 100.0  # arrivals: a weekday with fewer is shaped like all days together rather than by its own chance

Local = Sequence[tuple[int, int]]  # weekday from Monday = 0, and hour, by hour of the history


@dataclass(frozen=True, slots=True)
class Profile:
    """Relative weight of each hour: `weights[weekday][hour]`; those of a weekday sum to 1."""

    weights: tuple[tuple[float, ...], ...]

    def of(self, day: date, zone: ZoneInfo) -> list[float]:
        """Shares of the hours of `day`, in order; 23 or 25 of them where the clocks change. They sum to 1."""
        start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        row = self.weights[day.weekday()]
        found = [row[(start + step * HOUR).astimezone(zone).hour] for step in range((end - start) // HOUR)]
        return [weight / sum(found) for weight in found]


def local_hours(hours: Hours, zone: ZoneInfo, ahead: int = 0) -> list[tuple[int, int]]:
    """Weekday and hour in `zone` of every hour, and of `ahead` more."""
    local = [hours.at(index).astimezone(zone) for index in range(len(hours.values) + ahead)]
    return [(time.weekday(), time.hour) for time in local]


def profile(hours: Hours, local: Local, origin: int) -> Profile:
    """From the 8 weeks before the hour `origin`; even, where nobody came."""
    counts = [[0.0] * 24 for _ in range(7)]
    for index in range(max(0, origin - PROFILE_HOURS), origin):
        weekday, hour = local[index]
        counts[weekday][hour] += hours.values[index] or 0.0
    everyday = [sum(row[hour] for row in counts) + 1.0 for hour in range(24)]
    shape = [each / sum(everyday) for each in everyday]
    return Profile(
        tuple(tuple((row[hour] + _PRIOR * shape[hour]) / (sum(row) + _PRIOR) for hour in range(24)) for row in counts)
    )
