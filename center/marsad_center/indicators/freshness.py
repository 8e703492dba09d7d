"""Freshness: how old a message is when its figure is there, and what may be said of the feed that brought it.

A sample is (when its figures were committed - the message's own time, MSH-7). Two kinds of message would tell nothing
that way and are measured from receipt instead, and flagged: a *skewed* clock (MSH-7 lies more than SKEW_SECONDS after
receipt) and a *backfill* (MSH-7 lies further back than `backfill_after`: a replay, a history, a clock that is hours
behind).

Where backfill begins decides what may be called late. A sender's queue that held a message for minutes made the
picture late, and that must show; from a history the same number says nothing. They differ by age alone, so the limit
is an hour, or two objectives where those are longer:
    - it lies above every objective that can be declared (10 s to 1 h), or nothing could be late enough to miss it;
    - what was held back for so long left its feed silent meanwhile (by default from 30 minutes on), so no outage passes
      for health;
    - clocks that are off by a time zone lie beyond it.
Below it doubt counts against the feed: a clock ten minutes behind shows as ten minutes late.

A feed's state follows from the objective that the HealthCluster declares (default 120 s), so that a clinic that reports
every few minutes is not cried over, and an outage is never shown as health:
    never    no message was ever received (a new sender; no breach)
    silent   nothing was received for SILENT_OBJECTIVES objectives (default 30 minutes); counts as a breach
    refused  messages come and nothing was accepted for STALE_OBJECTIVES objectives (10 minutes), or ever; a breach too
    stale    nothing for STALE_OBJECTIVES objectives, or P95 of the last hour is over the objective
    live     everything else
What is shown of a feed is never live while figures are not computed (analytics or the database is away): see `stopped`.
A feed that now and then comes with something to refuse, and is quiet otherwise, is refused from SILENT_OBJECTIVES on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

BACKFILL_SECONDS = 3600
BACKFILL_OBJECTIVES = 2
SKEW_SECONDS = 60
STALE_OBJECTIVES = 5
SILENT_OBJECTIVES = 15
STOPPED_SECONDS = 45  # analytics' pulse beats every 10 seconds; static/link.js has the same
WINDOW = timedelta(hours=1)

_FIRST, _STEP, _LAST = (
    0.1,
    1.25,
    60,
)  # bounds 0.1 s, 0.125 s ... 18 h: a percentile is at most 25 % too high, never too low

State = Literal["live", "stale", "refused", "silent", "never"]
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


def backfill_after(objective_seconds: float) -> float:
    """How many seconds before its receipt a message may say that it was sent and still be measured by that."""
    return max(BACKFILL_SECONDS, BACKFILL_OBJECTIVES * objective_seconds)


def age(sent_at: datetime, received_at: datetime, now: datetime, objective_seconds: float) -> tuple[float, Origin]:
    """Seconds from the message's own time (or, flagged, from its receipt) to `now`; never less than from receipt."""
    ahead = (sent_at - received_at).total_seconds()
    origin: Origin = "live"
    if ahead < -backfill_after(objective_seconds):
        origin = "backfill"
    elif ahead > SKEW_SECONDS:
        origin = "skewed"
    since = min(sent_at, received_at) if origin == "live" else received_at
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


def feed_state(
    last_received_at: datetime | None,
    last_accepted_at: datetime | None,
    p95: float | None,
    now: datetime,
    objective_seconds: float,
) -> State:
    """The state of a feed as the module's docstring defines it."""
    if last_received_at is None:
        return "never"
    heard = (now - last_received_at).total_seconds()
    taken = math.inf if last_accepted_at is None else (now - last_accepted_at).total_seconds()
    stale, silent = STALE_OBJECTIVES * objective_seconds, SILENT_OBJECTIVES * objective_seconds
    if heard > silent:
        return "silent"
    if taken > silent or heard <= stale < taken:
        return "refused"
    if heard > stale or (p95 is not None and p95 > objective_seconds):
        return "stale"
    return "live"


def stopped(computed_at: datetime | None, now: datetime, objective_seconds: float) -> bool:
    """Whether figures have not been computed for longer than the objective (or four beats of analytics' pulse): what
    came since is in none of them, however well the feed did before."""
    longest = timedelta(seconds=max(STOPPED_SECONDS, objective_seconds))
    return computed_at is None or now - computed_at > longest
