"""What the engine knows of a facility, as frozen values: the inputs of every figure, and nothing about a patient."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from marsad_center.facts.kinds import Told, bits
from marsad_center.indicators.freshness import Bucket, Freshness, State, feed_state, summarise
from marsad_center.indicators.tally import Counts, Spreads


@dataclass(frozen=True, slots=True)
class Facility:
    """Declared capacity; 0 means none is declared. `platforms`: the digital platforms that are active there; `groups`:
    how many persons are to have a vaccination of each declared group, by its name."""

    code: str
    ed_spaces: int
    beds: int
    platforms: tuple[str, ...] = ()
    kind: str = ""  # such as Hospital: what others of it have, it could have
    groups: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Vaccinated:
    """Persons with a vaccination of a group, by (facility, group); facility '' is the cluster, where each counts once.
    `unfinished`: facilities that are being counted anew; with '' everybody is."""

    persons: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unfinished: frozenset[str] = frozenset()


NOBODY_COUNTED = Vaccinated()


@dataclass(frozen=True, slots=True)
class Feed:
    """One sender: its counters since the beginning and its freshness histogram of the last hour.

    `last_sent_at`: the own time of the newest message whose facts were taken, as it came or read again. A replay says
    its own old time; a clock that is ahead counts as the time of receipt. `tells`: of which kinds of facts it ever
    told, as bits (facts/kinds.py); None is not known.
    """

    id: int
    facility: str
    name: str
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    quarantined: int = 0
    last_event_at: datetime | None = None
    last_received_at: datetime | None = None
    last_sent_at: datetime | None = None
    last_accepted_at: datetime | None = None
    buckets: tuple[Bucket, ...] = ()
    backfilled: int = 0
    skewed: int = 0
    tells: int | None = None

    def tells_of(self, kinds: Collection[Told]) -> bool:
        """Whether it tells of any of `kinds`, or may; where none are named, of anything."""
        return not kinds or self.tells is None or bool(self.tells & bits(kinds))

    def freshness(self) -> Freshness:
        """Percentiles of the last hour."""
        return summarise(self.buckets, backfilled=self.backfilled, skewed=self.skewed)

    def state(self, now: datetime, objective_seconds: float) -> State:
        """live, stale, refused, silent or never, see the module freshness."""
        p95 = self.freshness().p95
        return feed_state(self.last_received_at, self.last_accepted_at, p95, now, objective_seconds)


@dataclass(frozen=True, slots=True)
class Present:
    """Who is in the facility now: `counts` by name (windows.PRESENT says which), and since when the longest boards."""

    counts: Mapping[str, Counts] = field(default_factory=dict)
    boarding_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """What happened in the rolling windows: `counts` and `spreads` (of durations in seconds) by name, see windows.py.

    `arrivals_by_hour`: by start of the hour, UTC. `last_wait`: seconds from arrival to bed of the patient who was the
    last to get one in the ED; None when nobody did within a day.
    """

    counts: Mapping[str, Counts] = field(default_factory=dict)
    spreads: Mapping[str, Spreads] = field(default_factory=dict)
    arrivals_by_hour: Mapping[str, int] = field(default_factory=dict)
    last_wait: float | None = None
    feeds: tuple[Feed, ...] = ()

    @property
    def last_accepted_at(self) -> datetime | None:
        """Newest message of any of its feeds that was accepted."""
        return max((feed.last_accepted_at for feed in self.feeds if feed.last_accepted_at), default=None)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about one facility."""

    facility: Facility
    present: Present = Present()
    recent: Recent = Recent()

    def counts(self, name: str) -> Counts:
        """A count by its name, wherever it comes from; empty when there was nothing to count."""
        return self.present.counts.get(name) or self.recent.counts.get(name) or {}

    def spreads(self, name: str) -> Spreads:
        """Durations by their name."""
        return self.recent.spreads.get(name) or {}
