"""The figures of what is expected, from the newest forecasts, which another part of the center makes.

    forecast.ed.arrivals    arrivals of the next 24 hours
    forecast.bed.occupancy  beds expected to be occupied in 24 hours / staffed beds

Beside the value stand low, high and naive (the floor), and the back-tested error of the model and of the floor. The
cluster's error is at most what stands there: errors of neighbours partly cancel out, which the mean of theirs does not.
A forecast that was not renewed for three hours is no figure any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from marsad_center.db import Connection
from marsad_center.forecast import store as forecasts
from marsad_center.forecast.outlook import ARRIVALS, BEDS, Forecast, Point
from marsad_center.indicators import queries, store
from marsad_center.indicators.catalogue import Indicator
from marsad_center.indicators.facts import Facility, Feed
from marsad_center.indicators.figures import CLUSTER, Figure, figure, silent_share
from marsad_center.indicators.measure import Breakdown, Measure, Moment

MAKER = "forecast"  # in the catalogue: the engine leaves these figures alone
_IN_24_HOURS = 23  # of the hours from the next full one


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of one facility."""

    facility: Facility
    forecasts: Mapping[str, Forecast]
    feeds: Sequence[Feed] = ()


async def publish(connection: Connection, entries: Mapping[str, Indicator], moment: Moment) -> None:
    """Write the figures as of the stored forecasts, and tell the dashboards. As role analytics."""
    declared = await queries.facilities(connection)
    made = await forecasts.read(connection, moment.now)
    senders = await queries.feeds(connection, list(declared), moment.now)
    outlooks = [
        Outlook(facility, {id: made[code, id] for id in (ARRIVALS, BEDS) if (code, id) in made}, senders[code])
        for code, facility in declared.items()
    ]
    found = [*figures(CLUSTER, outlooks, entries, moment)]
    for each in outlooks:
        found += figures(each.facility.code, [each], entries, moment)
    async with connection.transaction():
        await store.write(connection, found)
        await store.detail(connection, found)
        await store.notify(connection, {each.facility for each in found})


def figures(code: str, outlooks: Sequence[Outlook], entries: Mapping[str, Indicator], moment: Moment) -> list[Figure]:
    """The figures of one facility from its own outlook (a sequence of one), or of CLUSTER from all."""
    feeds = [feed for each in outlooks for feed in each.feeds]
    result = []
    for indicator in entries.values():
        if indicator.maker != MAKER:
            continue
        measure = _FORMULAS[indicator.id](outlooks, moment.now)
        used = [known.known_until for _, known in _fresh(outlooks, indicator.id, moment.now) if known.known_until]
        newest = max(used, default=None)
        quality = silent_share((feed for feed in feeds if feed.tells_of(indicator.facts)), moment)
        result.append(figure(indicator, code, measure, moment, source_at=newest, quality=quality))
    return result


def _arrivals(outlooks: Sequence[Outlook], now: datetime) -> Measure:
    able = [(known, known.total) for _, known in _fresh(outlooks, ARRIVALS, now) if known.total is not None]
    if not able:
        return Measure(breakdown=_missing(outlooks, ARRIVALS))
    return Measure(sum(total.value for _, total in able), breakdown=_beside(able, "day"))


def _beds(outlooks: Sequence[Outlook], now: datetime) -> Measure:
    able = [
        (each.facility.beds, known, known.hours[_IN_24_HOURS])
        for each, known in _fresh(outlooks, BEDS, now)
        if each.facility.beds and len(known.hours) > _IN_24_HOURS
    ]
    if not able:
        return Measure(breakdown=_missing(outlooks, BEDS))
    occupied, beds = sum(point.value for _, _, point in able), sum(beds for beds, _, _ in able)
    return Measure(occupied / beds, occupied, beds, _beside([each[1:] for each in able], "hour"))


_FORMULAS: Mapping[str, Callable[[Sequence[Outlook], datetime], Measure]] = {ARRIVALS: _arrivals, BEDS: _beds}


def _fresh(outlooks: Sequence[Outlook], id: str, now: datetime) -> list[tuple[Outlook, Forecast]]:
    found = [(each, each.forecasts[id].as_of(now)) for each in outlooks if id in each.forecasts]
    return [(each, known) for each, known in found if known.state == "ok"]


def _beside(able: Sequence[tuple[Forecast, Point]], grain: str) -> Breakdown:
    """Low, high and floor; how many facilities; and of the model's and the floor's errors, the mean by size."""
    result = {
        "low": sum(point.low for _, point in able),
        "high": sum(point.high for _, point in able),
        "naive": sum(point.naive for _, point in able),
        "facilities": float(len(able)),
    }
    for name, field in (("wape", "wape"), ("naiveWape", "naive_wape"), ("mase", "mase"), ("naiveMase", "naive_mase")):
        errors = [(getattr(known.quality.get(grain), field, None), point.value) for known, point in able]
        size = sum(value for _, value in errors)
        if size and all(error is not None for error, _ in errors):
            result[name] = sum((error or 0.0) * value for error, value in errors) / size
    return result


def _missing(outlooks: Sequence[Outlook], id: str) -> Breakdown | None:
    """How many days of history there are (the most of any facility), and how many it takes."""
    known = [each.forecasts[id] for each in outlooks if id in each.forecasts]
    if not known:
        return None
    return {
        "historyDays": max(each.history_days for each in known),
        "requiredDays": max(each.required_days for each in known),
    }
