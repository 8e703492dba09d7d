"""From facts to figures: pure. One function an indicator gives its measure; the same functions serve one facility and
the whole cluster, whose figures are made from all facilities' facts and never from their percentiles."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, get_args

from marsad_center.indicators.catalogue import Indicator, Status, judge
from marsad_center.indicators.facts import Facts, Feed
from marsad_center.indicators.freshness import Bucket, State, summarise

CLUSTER = ""  # the facility of a cluster-wide figure, as in the table indicator_value

Breakdown = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of indicator_value. `value` is None exactly when `status` is "no-data"."""

    id: str
    facility: str
    value: float | None
    unit: str
    numerator: float | None
    denominator: float | None
    window_seconds: float | None
    target: float | None
    status: Status
    breakdown: Breakdown | None
    source_at: datetime | None
    computed_at: datetime

    def same(self, other: Figure | None) -> bool:
        """Equal but for the time of computation."""
        return other is not None and replace(other, computed_at=self.computed_at) == self


@dataclass(frozen=True, slots=True)
class Measure:
    """What an indicator's formula gave. `breach` forces the status whatever the value."""

    value: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    breakdown: Breakdown | None = None
    breach: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """When figures are computed, and the freshness objective in force."""

    now: datetime
    objective_seconds: float


def figures(
    facility: str,
    facts: Sequence[Facts],
    catalogue: Mapping[str, Indicator],
    moment: Moment,
    *,
    windowed_only: bool = False,
) -> list[Figure]:
    """The figures of `facility` from its own facts (a sequence of one), or of CLUSTER from all."""
    source_at = max((each.recent.source_at for each in facts if each.recent.source_at), default=None)
    result = []
    for indicator in catalogue.values():
        if windowed_only and indicator.window is None:
            continue
        measure = MEASURES[indicator.id](facts, indicator, moment)
        judgement = judge(indicator, measure.value, moment.objective_seconds)
        breached = measure.breach and measure.value is not None
        result.append(
            Figure(
                id=indicator.id,
                facility=facility,
                value=measure.value,
                unit=indicator.unit,
                numerator=measure.numerator,
                denominator=measure.denominator,
                window_seconds=indicator.window,
                target=judgement.target,
                status="breach" if breached else judgement.status,
                breakdown=measure.breakdown,
                source_at=source_at,
                computed_at=moment.now,
            )
        )
    return result


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """Linear interpolation between closest ranks, like PostgreSQL's percentile_cont. `sorted_values` is not empty."""
    position = share * (len(sorted_values) - 1)
    low = math.floor(position)
    high = min(low + 1, len(sorted_values) - 1)
    return sorted_values[low] + (sorted_values[high] - sorted_values[low]) * (position - low)


Formula = Callable[[Sequence[Facts], Indicator, Moment], Measure]


def _reporting(facts: Iterable[Facts]) -> list[Facts]:
    return [each for each in facts if each.recent.reported]


def _arrivals(facts: Sequence[Facts], _indicator: Indicator, _moment: Moment) -> Measure:
    reporting = _reporting(facts)
    if not reporting:
        return Measure()
    hours: Counter[str] = Counter()
    for each in reporting:
        hours.update(each.recent.arrivals_by_hour)
    return Measure(value=sum(each.recent.arrivals for each in reporting), breakdown=dict(sorted(hours.items())))


def _census(facts: Sequence[Facts], _indicator: Indicator, _moment: Moment) -> Measure:
    reporting = _reporting(facts)
    return Measure(value=sum(each.present.census for each in reporting)) if reporting else Measure()


def _waiting(facts: Sequence[Facts], _indicator: Indicator, _moment: Moment) -> Measure:
    reporting = _reporting(facts)
    if not reporting:
        return Measure()
    levels = dict.fromkeys(("1", "2", "3", "4", "5", "unknown"), 0)
    for each in reporting:
        for level, count in each.present.waiting.items():
            levels[level] += count
    return Measure(value=sum(levels.values()), breakdown=levels)


def _ed_occupancy(facts: Sequence[Facts], _indicator: Indicator, _moment: Moment) -> Measure:
    able = [each for each in _reporting(facts) if each.facility.ed_spaces > 0]
    return _share(sum(each.present.census for each in able), sum(each.facility.ed_spaces for each in able))


def _bed_occupancy(facts: Sequence[Facts], _indicator: Indicator, _moment: Moment) -> Measure:
    able = [each for each in _reporting(facts) if each.facility.beds > 0]
    return _share(sum(each.present.in_beds for each in able), sum(each.facility.beds for each in able))


def _share(numerator: float, denominator: float) -> Measure:
    return Measure(numerator / denominator, numerator, denominator) if denominator else Measure()


def _turnaround(kind: str, share: float) -> Formula:
    def measure(facts: Sequence[Facts], indicator: Indicator, _moment: Moment) -> Measure:
        durations: list[float] = sorted(value for each in facts for value in getattr(each.recent, kind))
        if len(durations) < indicator.minimum:
            return Measure(denominator=len(durations))
        return Measure(value=percentile(durations, share), denominator=len(durations))

    return measure


def _freshness(facts: Sequence[Facts], _indicator: Indicator, moment: Moment) -> Measure:
    feeds: list[Feed] = [feed for each in facts for feed in each.recent.feeds]
    states = Counter(feed.state(moment.now, moment.objective_seconds) for feed in feeds)
    buckets: list[Bucket] = [bucket for feed in feeds for bucket in feed.buckets]
    value = summarise(buckets).p95
    for feed in feeds:
        out = feed.state(moment.now, moment.objective_seconds) in {"silent", "refused"}
        if out and (last := feed.last_accepted_at) is not None:
            value = max(value or 0.0, (moment.now - last).total_seconds())
    return Measure(
        value=value,
        numerator=states["live"],
        denominator=sum(states.values()) - states["never"],
        breakdown={state: states[state] for state in get_args(State)},
        breach=states["silent"] + states["refused"] > 0,
    )


def _coverage(facts: Sequence[Facts], indicator: Indicator, moment: Moment) -> Measure:
    since = moment.now - timedelta(seconds=indicator.window or 0)
    reporting = sum(1 for each in facts if each.recent.last_accepted_at and each.recent.last_accepted_at > since)
    return _share(reporting, len(facts))


MEASURES: Mapping[str, Formula] = {
    "ed.arrivals": _arrivals,
    "ed.census": _census,
    "ed.waiting": _waiting,
    "ed.occupancy": _ed_occupancy,
    "bed.occupancy": _bed_occupancy,
    "lab.turnaround.p50": _turnaround("lab", 0.5),
    "lab.turnaround.p90": _turnaround("lab", 0.9),
    "radiology.turnaround.p90": _turnaround("radiology", 0.9),
    "feed.freshness.p95": _freshness,
    "coverage.facilities": _coverage,
}


def json_fields(figure: Figure) -> dict[str, Any]:
    """The figure as the JSON of design.md names it; facility is null for the whole cluster."""
    return {
        "id": figure.id,
        "facility": figure.facility or None,
        "value": _number(figure.value),
        "unit": figure.unit,
        "numerator": _number(figure.numerator),
        "denominator": _number(figure.denominator),
        "window": _number(figure.window_seconds),
        "target": _number(figure.target),
        "status": figure.status,
        "breakdown": dict(figure.breakdown) if figure.breakdown is not None else None,
        "sourceAt": instant(figure.source_at),
        "computedAt": instant(figure.computed_at),
    }


def _number(value: float | None) -> float | int | None:
    """Counts come out of the database as 12.0; 12 is what they are."""
    return int(value) if value is not None and float(value).is_integer() else value


def instant(time: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    return None if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
