"""How fresh the center's feeds are, against the objective; told in steps, so that an idle cluster writes nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from marsad.api.conditions import ConditionType, Reason
from marsad.api.healthcluster import FacilityCoverage, FreshnessStatus
from marsad.core.conditions import Finding
from marsad.core.facilities import LIVE, NEVER, REFUSED, SILENT, STALE, reports
from marsad.core.roster import heard, roster
from marsad.core.world import FeedReport, Observed

STEPS = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800, 2700, 3600)
"""Seconds to which a measured freshness is rounded up before it is written."""
_NAMED = 5  # feeds that a message names


@dataclass(frozen=True)
class Picture:
    """What the center tells of the feeds of the facilities that it knows; `feeds` is None without an answer."""

    feeds: tuple[FeedReport, ...] | None
    facilities: int
    reporting: int | None


def picture(observed: Observed) -> Picture:
    """The feeds and facilities as of the center's last answer, found out once for a world."""
    found: Picture | None = observed.memo.get("picture")
    if found is None:
        found = observed.memo["picture"] = _picture(observed)
    return found


def _picture(observed: Observed) -> Picture:
    known = roster(observed).entries
    told = [reports(entry, observed) for entry in known.values()]
    if observed.report is None:
        return Picture(None, len(known), None)
    answered = [feeds or () for feeds in told]
    reporting = sum(any(feed.state in (LIVE, STALE) for feed in feeds) for feeds in answered)
    return Picture(tuple(feed for feeds in answered for feed in feeds), len(known), reporting)


def step(seconds: float) -> float:
    """The smallest of STEPS that is not below, or whole hours beyond them."""
    at = bisect_left(STEPS, seconds)
    return float(STEPS[at]) if at < len(STEPS) else float(-(-seconds // 3600) * 3600)


def judge_freshness(observed: Observed) -> Finding:  # noqa: PLR0911 (one return a reason)
    """FreshnessMet: a feed that used to send and is silent, or of which nothing is accepted, breaks the promise as one
    that is late does."""
    kind = ConditionType.FRESHNESS_MET
    objective = observed.cluster.spec.freshness.objective_seconds
    feeds = picture(observed).feeds
    if not any(heard(entry) for entry in roster(observed).entries.values()):
        return Finding.unknown(kind, Reason.NO_FEEDS, "No facility declares a feed that the center listens to.")
    if feeds is None:
        return Finding.unknown(kind, Reason.UNOBSERVABLE, "The center did not answer about its feeds.")
    if silent := [feed for feed in feeds if feed.state == SILENT]:
        return Finding.false(kind, Reason.FEEDS_SILENT, f"Used to send and is silent: {_names(silent)}.")
    if refused := [feed for feed in feeds if feed.state == REFUSED]:
        message = f"All that is sent is refused, the quarantine says why: {_names(refused)}."
        return Finding.false(kind, Reason.FEEDS_REFUSED, message)
    late = [
        feed for feed in feeds if feed.state == STALE or (feed.p95_seconds is not None and feed.p95_seconds > objective)
    ]
    if late:
        return Finding.false(kind, Reason.OBJECTIVE_MISSED, f"Later than {objective} s: {_names(late)}.")
    if all(feed.state == NEVER for feed in feeds):
        return Finding.unknown(kind, Reason.NO_FEEDS, "No declared feed was ever heard.")
    return Finding.true(
        kind, Reason.WITHIN_OBJECTIVE, f"95 % of the last hour's events were shown within {objective} s."
    )


def freshness_status(observed: Observed) -> FreshnessStatus:
    """Freshness over all feeds, by the slowest of them."""
    objective = observed.cluster.spec.freshness.objective_seconds
    feeds = picture(observed).feeds
    measured = [feed.p95_seconds for feed in feeds or () if feed.p95_seconds is not None]
    p95 = step(max(measured)) if measured else None
    silent = sum(feed.state == SILENT for feed in feeds or ())
    shown = "?" if p95 is None else f"{p95:.0f}s"
    return FreshnessStatus(
        p95_seconds=p95, objective_seconds=objective, silent_feeds=silent, display=f"{shown}/{objective}s"
    )


def coverage(observed: Observed) -> FacilityCoverage:
    """How many of the facilities that the center knows send."""
    seen = picture(observed)
    shown = "?" if seen.reporting is None else str(seen.reporting)
    return FacilityCoverage(declared=seen.facilities, reporting=seen.reporting, coverage=f"{shown}/{seen.facilities}")


def _names(feeds: Sequence[FeedReport]) -> str:
    names = [f"{feed.facility}/{feed.feed}" for feed in feeds]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
