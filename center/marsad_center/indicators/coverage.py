"""Figures of the center itself: how fresh its feeds are, who reports, and which platforms are there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import get_args

from marsad_center.indicators.catalogue import Indicator
from marsad_center.indicators.facts import Facility, Facts, Feed
from marsad_center.indicators.freshness import Bucket, State, summarise
from marsad_center.indicators.measure import Measure, Moment, ratio


def freshness(facts: Sequence[Facts], _indicator: Indicator, moment: Moment) -> Measure:
    """P95 of the last hour; a feed that is out counts with the time since its last word, and as a breach."""
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


def facilities(facts: Sequence[Facts], indicator: Indicator, moment: Moment) -> Measure:
    """Those of which something was accepted within the window, by all that are declared."""
    since = moment.now - timedelta(seconds=indicator.window or 0)
    reporting = sum(1 for each in facts if each.recent.last_accepted_at and each.recent.last_accepted_at > since)
    return ratio(reporting, len(facts))


def eligible(declared: Iterable[Facility]) -> dict[str, list[str]]:
    """The platforms that each kind of facility can have: those that are active in any facility of it. A clinic is not
    measured by what only hospitals have."""
    found: dict[str, set[str]] = defaultdict(set)
    for facility in declared:
        found[facility.kind].update(facility.platforms)
    return {kind: sorted(names) for kind, names in sorted(found.items())}


def platforms(facts: Sequence[Facts], _indicator: Indicator, moment: Moment) -> Measure:
    """Of the eligible pairs of facility and platform those that are active; by platform, 31 of 32 facilities."""
    active = Counter(platform for each in facts for platform in each.facility.platforms)
    able = Counter(platform for each in facts for platform in moment.platforms.get(each.facility.kind, ()))
    parts = {name: ratio(active[name], able[name]).part for name in sorted(able)}
    whole = ratio(active.total(), able.total())
    by = {"platform": parts} if parts else None
    return Measure(whole.value, whole.numerator, whole.denominator, dimensions=by)
