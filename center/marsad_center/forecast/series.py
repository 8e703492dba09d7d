"""Counts by hour and by day, as the models want them: complete, in order, with None for what is not known.

Hours are hours of UTC, so that a change to daylight-saving time neither doubles nor loses one. Days are days of the
center's time zone: an hour belongs to the day in which it starts, and a day has 23, 24 or 25 of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from statistics import median
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)

# A day with less than this share of what is usual, where so little cannot be chance, is a gap in the reports.
_GAP_SHARE, _GAP_USUAL, _GAP_DAYS, _GAP_KNOWN = 0.3, 20.0, 28, 7

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Hours:
    """One value an hour: `values[i]` is that of the hour that starts at `first` + i hours (UTC, on the hour)."""

    first: datetime
    values: tuple[float | None, ...]

    @property
    def end(self) -> datetime:
        """Where the last hour ends."""
        return self.at(len(self.values))

    def at(self, index: int) -> datetime:
        """Start of the hour `index`, which may lie ahead."""
        return self.first + index * HOUR


@dataclass(frozen=True, slots=True)
class Days:
    """Complete days. `counts[i]` is that of the day `first` + i; `starts[i]` the index of its first hour in Hours."""

    first: date
    counts: tuple[float | None, ...]
    starts: tuple[int, ...]
    end: int  # index of the first hour after the last day

    def on(self, index: int) -> date:
        """The day `index`, which may lie ahead."""
        return self.first + timedelta(days=index)


def days(hours: Hours, zone: ZoneInfo) -> Days | None:
    """The complete days of `hours`; a day with an hour that is not known is not known. None without any whole day."""
    local = [hours.at(index).astimezone(zone).date() for index in range(-1, len(hours.values) + 1)]
    found = [(day, [index - 1 for index, _ in group]) for day, group in groupby(enumerate(local), lambda each: each[1])]
    # Of the first and the last group nothing says that they are complete: they hold the hours beyond the ends.
    whole = [(day, indices) for day, indices in found if indices[0] >= 0 and indices[-1] < len(hours.values)]
    if not whole:
        return None
    counts = tuple(_sum(hours.values[indices[0] : indices[-1] + 1]) for _, indices in whole)
    return Days(whole[0][0], counts, tuple(indices[0] for _, indices in whole), whole[-1][1][-1] + 1)


def since_reporting(counts: Values) -> int:
    """Index of the first day of regular reports. Before it lie single visits that began before the sender was connected
    and were told of later; a history must not begin with the emptiness between them."""
    usual = median([count or 0.0 for count in counts[-_GAP_DAYS:]]) if counts else 0.0
    start = 0
    while start < len(counts) and sum(count or 0.0 for count in counts[start : start + 7]) < 7 * _GAP_SHARE * usual:
        start += 1
    while start < len(counts) and (counts[start] or 0.0) < _GAP_SHARE * usual:
        start += 1
    return start


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Start of the first hour (UTC, on the hour) that belongs to `day`."""
    start = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    whole = start.replace(minute=0, second=0, microsecond=0)
    return whole if whole == start else whole + HOUR  # zones that are half an hour off


def without_gaps(counts: Values) -> list[float | None]:
    """`counts` with None where a sender evidently did not report: less than 30 % of the median of the last 28 days,
    where that is at least 20 (a Poisson count of 20 falls so low once in 14,000 days). Each day is judged by earlier
    days alone. Small counts are left as they are: there, none at all is a count. A lasting fall is taken up after three
    weeks, when too few days are left that it could be held against."""
    result: list[float | None] = []
    for count in counts:
        known = [each for each in result[-_GAP_DAYS:] if each is not None]
        usual = median(known) if len(known) >= _GAP_KNOWN else 0.0
        gap = count is not None and usual >= _GAP_USUAL and count < _GAP_SHARE * usual
        result.append(None if gap else count)
    return result


def _sum(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
