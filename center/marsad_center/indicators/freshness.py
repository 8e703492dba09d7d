"""Freshness: how old an event is when its figure is there, and what may be said of the feed that brought it.

A sample is (time of the figure - time of the source event). Two kinds of event would tell nothing about the center that
way and are measured from receipt instead, and flagged: a *backfill* (the event lies further back than BACKFILL_SECONDS
before its receipt: a replay, or a feed that caught up) and a *skewed* clock (the event lies in the future).

A feed's state follows from the objective that the HealthCluster declares (default 120 s), so that a clinic that reports
every few minutes is not cried over, and an outage is never shown as health:
    never   no message was ever received (a new sender; no breach)
    silent  nothing was received for SILENT_OBJECTIVES objectives (default 30 minutes); counts as a breach
    stale   nothing for STALE_OBJECTIVES objectives (10 minutes), or P95 of the last hour is over the objective
    live    everything else
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

BACKFILL_SECONDS = 15 * 60
SKEW_SECONDS = 60
STALE_OBJECTIVES = 5
SILENT_OBJECTIVES = 15
WINDOW = timedelta(hours=1)

_FIRST, _STEP, _LAST = (
    0.1,
    1.25,
    60,
)  # bounds 0.1 s, 0.125 s ... 18 h: a percentile is at most 25 % too high, never too low

State = Literal["live", "stale", "silent", "never"]
Origin = Literal["live", "backfill", "skewed"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """`samples` whose age was at most `upper` seconds (math.inf above the last bound)."""

    upper: float
    samples: int
    largest: float


@dataclass(frozen=True, slots=True)
class Freshness:
    """P50, P95 and maximum of the last hour in seconds; None without a sample. `backfilled` and `skewed` are counts."""

    p50: float | None = None
    p95: float | None = None
    largest: float | None = None
    samples: int = 0
    backfilled: int = 0
    skewed: int = 0


def age(event_at: datetime, received_at: datetime, now: datetime) -> tuple[float, Origin]:
    """Seconds from the event (or, flagged, from its receipt) to `now`; never negative."""
    origin: Origin = "live"
    since = event_at
    if event_at < received_at - timedelta(seconds=BACKFILL_SECONDS):
        origin, since = "backfill", received_at
    elif event_at > received_at + timedelta(seconds=SKEW_SECONDS):
        origin, since = "skewed", received_at
    return max(0.0, (now - since).total_seconds()), origin


def bound(seconds: float) -> float:
    """The upper bound of the bucket of `seconds`."""
    if seconds <= _FIRST:
        return _FIRST
    exponent = math.ceil(math.log(seconds / _FIRST, _STEP) - 1e-9)
    return round(_FIRST * _STEP**exponent, 3) if exponent <= _LAST else math.inf


def summarise(buckets: Iterable[Bucket], *, backfilled: int = 0, skewed: int = 0) -> Freshness:
    """Percentiles (nearest rank, upper bound of the bucket, never above the maximum) of a histogram."""
    ordered = sorted(buckets, key=lambda bucket: bucket.upper)
    total = sum(bucket.samples for bucket in ordered)
    if not total:
        return Freshness(backfilled=backfilled, skewed=skewed)
    largest = max(bucket.largest for bucket in ordered)
    return Freshness(
        p50=min(largest, _rank(ordered, total, 0.50)),
        p95=min(largest, _rank(ordered, total, 0.95)),
        largest=largest,
        samples=total,
        backfilled=backfilled,
        skewed=skewed,
    )


def _rank(ordered: Sequence[Bucket], total: int, share: float) -> float:
    wanted, seen = math.ceil(total * share), 0
    for bucket in ordered:
        seen += bucket.samples
        if seen >= wanted:
            return bucket.upper
    return ordered[-1].upper


def feed_state(last_received_at: datetime | None, p95: float | None, now: datetime, objective_seconds: float) -> State:
    """The state of a feed as the module's docstring defines it."""
    if last_received_at is None:
        return "never"
    quiet = (now - last_received_at).total_seconds()
    if quiet > SILENT_OBJECTIVES * objective_seconds:
        return "silent"
    if quiet > STALE_OBJECTIVES * objective_seconds or (p95 is not None and p95 > objective_seconds):
        return "stale"
    return "live"
