"""From facts to figures: pure. The same formulas serve one facility and the whole cluster, whose figures are made from
all facilities' facts and never from their percentiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from marsad_center.facts.kinds import Told
from marsad_center.indicators.catalogue import Indicator, Status, judge
from marsad_center.indicators.facts import Facts, Feed
from marsad_center.indicators.formulas import MEASURES
from marsad_center.indicators.measure import Breakdown, Dimensions, Measure, Moment

CLUSTER = ""  # the facility of a cluster-wide figure, as in the table indicator_value
_UNHEARD = frozenset({"silent", "refused", "never"})


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of indicator_value. `value` is None exactly when `status` is "no-data".

    `quality`: the share of the feeds behind it that bring nothing now; None without a feed. Behind it are those that
    ever told of the facts it is made of, and those of which that is not known.
    """

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
    quality: float | None = None
    dimensions: Dimensions | None = None

    def same(self, other: Figure | None) -> bool:
        """Equal but for the time of computation."""
        return other is not None and replace(other, computed_at=self.computed_at) == self

    def same_detail(self, other: Figure | None) -> bool:
        """Equal in quality and dimensions."""
        return other is not None and (self.quality, self.dimensions) == (other.quality, other.dimensions)


def figures(facility: str, facts: Sequence[Facts], catalogue: Mapping[str, Indicator], moment: Moment) -> list[Figure]:
    """The figures of `facility` from its own facts (a sequence of one), or of CLUSTER from all."""
    feeds = [feed for each in facts for feed in each.recent.feeds]
    sources: dict[tuple[Told, ...], tuple[datetime | None, float | None]] = {}
    result = []
    for indicator in catalogue.values():
        if indicator.maker != "figures":
            continue
        if indicator.facts not in sources:
            behind = [feed for feed in feeds if feed.tells_of(indicator.facts)]
            sources[indicator.facts] = _newest(behind), silent_share(behind, moment)
        source_at, quality = sources[indicator.facts]
        measure = MEASURES[indicator.id](facts, indicator, moment)
        result.append(figure(indicator, facility, measure, moment, source_at=source_at, quality=quality))
    return result


def _newest(feeds: Iterable[Feed]) -> datetime | None:
    """Up to when the feeds behind a figure are known."""
    return max((feed.last_sent_at for feed in feeds if feed.last_sent_at), default=None)


def figure(
    indicator: Indicator,
    facility: str,
    measure: Measure,
    moment: Moment,
    *,
    source_at: datetime | None,
    quality: float | None,
) -> Figure:
    """What a formula gave, held against the indicator's target."""
    judgement = judge(indicator, measure.value, moment.objective_seconds)
    breached = measure.breach and measure.value is not None
    return Figure(
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
        quality=quality,
        dimensions=measure.dimensions,
    )


def silent_share(feeds: Iterable[Feed], moment: Moment) -> float | None:
    """How much of what should be heard is not: feeds that are silent, refused or never came, of all declared."""
    states = [feed.state(moment.now, moment.objective_seconds) for feed in feeds]
    return sum(state in _UNHEARD for state in states) / len(states) if states else None


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
        "dimensions": None if figure.dimensions is None else _by_name(figure.dimensions),
        "quality": _number(figure.quality),
        "sourceAt": instant(figure.source_at),
        "computedAt": instant(figure.computed_at),
    }


def _by_name(dimensions: Dimensions) -> dict[str, Any]:
    return {
        dimension: {
            member: dict(zip(("value", "numerator", "denominator"), map(_number, part), strict=True))
            for member, part in parts.items()
        }
        for dimension, parts in dimensions.items()
    }


def _number(value: float | None) -> float | int | None:
    """Counts come out of the database as 12.0; 12 is what they are."""
    return int(value) if value is not None and float(value).is_integer() else value


def instant(time: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    return None if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
