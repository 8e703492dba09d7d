"""What the dashboard knows: the newest figures and feeds as the JSON objects of design.md, read as role reader.

`Snapshot.apply` and `Snapshot.retain` say which objects changed, so that only those are pushed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marsad_center import registry
from marsad_center.db import Connection
from marsad_center.indicators import queries, store
from marsad_center.indicators.catalogue import catalogue
from marsad_center.indicators.facts import Feed
from marsad_center.indicators.figures import CLUSTER, Figure, instant, json_fields
from marsad_center.indicators.freshness import stopped
from marsad_center.recommendations import audit
from marsad_center.recommendations.audit import Recommendation
from marsad_center.recommendations.rules import rules

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the database, for the facilities `codes`; `computed_at` is the pulse of analytics."""

    codes: frozenset[str]
    figures: Sequence[Figure]
    feeds: Mapping[str, Sequence[Feed]]
    recommendations: Sequence[Recommendation]
    computed_at: datetime | None
    at: datetime


async def read(connection: Connection, codes: Collection[str], now: datetime) -> Reading:
    """Figures, feeds and recommendations of `codes` ('' is the cluster) in one consistent look."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        figures = await store.written(connection, list(codes))
        feeds = await queries.feeds(connection, [code for code in codes if code], now)
        recommendations = await audit.lately(connection, codes, now)
        computed_at = await store.pulsed(connection)
    return Reading(frozenset(codes), list(figures.values()), feeds, recommendations, computed_at, now)


@dataclass(frozen=True, slots=True)
class Change:
    """An object that is new or different: the name of its event, and what is sent."""

    event: str
    document: Document


@dataclass(slots=True)
class Snapshot:
    """The state that every request is answered from. Touched by one task only; requests just read it."""

    center: registry.Center | None = None
    figures: dict[tuple[str, str], Document] = field(default_factory=dict)
    feeds: dict[tuple[str, str], Document] = field(default_factory=dict)
    recommendations: dict[int, Document] = field(default_factory=dict)
    computed_at: datetime | None = None
    read_at: datetime | None = None
    connected: bool = False

    @property
    def loaded(self) -> bool:
        """Whether there is anything to answer from."""
        return self.center is not None and self.read_at is not None

    def codes(self) -> list[str]:
        """Facilities of the center in the order they are declared."""
        return [facility.code for facility in self.center.facilities] if self.center else []

    def apply(self, reading: Reading, objective_seconds: float) -> list[Change]:
        """Take over a reading; what changed by it."""
        changes = []
        for figure in reading.figures:
            document: Document = {**json_fields(figure), "displayNames": _names(figure.id)}
            if self.figures.get((figure.facility, figure.id)) != document:
                self.figures[figure.facility, figure.id] = document
                changes.append(Change("indicator", document))
        for feed in (feed for feeds in reading.feeds.values() for feed in feeds):
            document = feed_fields(feed, reading.at, objective_seconds, reading.computed_at)
            if self.feeds.get((feed.facility, feed.name)) != document:
                self.feeds[feed.facility, feed.name] = document
                changes.append(Change("feed", document))
        for recommendation in reading.recommendations:
            document = recommendation_fields(recommendation)
            if self.recommendations.get(recommendation.id) != document:
                self.recommendations[recommendation.id] = document
                changes.append(Change("recommendation", document))
        self._drop(reading)
        self.computed_at, self.read_at, self.connected = reading.computed_at, reading.at, True
        return changes

    def _drop(self, reading: Reading) -> None:
        """Forget what a reading would have had to hold and does not."""
        kept = {(figure.facility, figure.id) for figure in reading.figures}
        for key in [key for key in self.figures if key[0] in reading.codes and key not in kept]:
            del self.figures[key]
        kept = {(feed.facility, feed.name) for feeds in reading.feeds.values() for feed in feeds}
        for key in [key for key in self.feeds if key[0] in reading.codes and key not in kept]:
            del self.feeds[key]
        listed = {each.id for each in reading.recommendations}
        for number in [each for each, told in self.recommendations.items() if told["facility"] in reading.codes]:
            if number not in listed:
                del self.recommendations[number]

    def retain(self, codes: Collection[str]) -> None:
        """Forget facilities that are not declared any more."""
        for known in (self.figures, self.feeds):
            for key in [key for key in known if key[0] not in codes and key[0] != CLUSTER]:
                del known[key]
        for number in [each for each, told in self.recommendations.items() if told["facility"] not in codes]:
            del self.recommendations[number]

    def indicator_documents(self) -> list[Document]:
        """All figures: the cluster's first, then by facility as declared, each in the catalogue's order."""
        order = {code: number for number, code in enumerate([CLUSTER, *self.codes()])}
        ids = {id_: number for number, id_ in enumerate(catalogue())}
        known = sorted(
            (order[facility], ids.get(id_, len(ids)), facility, id_)
            for facility, id_ in self.figures
            if facility in order
        )
        return [self.figures[facility, id_] for _, _, facility, id_ in known]

    def feed_documents(self, now: datetime) -> list[Document]:
        """All feeds, by facility as declared. Judged again at `now`: what was read may be from before an outage."""
        order = {code: number for number, code in enumerate(self.codes())}
        known = sorted((order[facility], facility, name) for facility, name in self.feeds if facility in order)
        return [self._current(self.feeds[facility, name], now) for _, facility, name in known]

    def _current(self, feed: Document, now: datetime) -> Document:
        late = feed["state"] == "live" and stopped(self.computed_at, now, feed["objectiveSeconds"])
        return {**feed, "state": "stale"} if late else feed

    def recommendation_documents(self) -> list[Document]:
        """What is open, and what was closed in the last 24 hours: the most pressing rule first, then the oldest."""
        order = {id_: number for number, id_ in enumerate(rules())}
        found = self.recommendations.values()
        return sorted(found, key=lambda each: (order.get(each["rule"], len(order)), each["id"]))

    def status_document(self, now: datetime) -> Document:
        """How fresh the snapshot is: `computedAt` is analytics' pulse, `readAt` the last look at the database."""
        return {
            "now": instant(now),
            "computedAt": instant(self.computed_at),
            "readAt": instant(self.read_at),
            "databaseConnected": self.connected,
        }


def _names(id_: str) -> Mapping[str, str]:
    indicator = catalogue().get(id_)
    return dict(indicator.names) if indicator else {}


def recommendation_fields(recommendation: Recommendation) -> Document:
    """A recommendation as JSON: what caused it, what people made of it, and whether it still stands."""
    rule = rules().get(recommendation.rule)
    return {
        "id": recommendation.id,
        "facility": recommendation.facility,
        "rule": recommendation.rule,
        "state": "open" if recommendation.closed_at is None else "closed",
        "decision": recommendation.decision,
        "outcome": recommendation.outcome,
        "openedAt": instant(recommendation.opened_at),
        "closedAt": instant(recommendation.closed_at),
        "causes": list(recommendation.causes),
        "events": list(recommendation.events),
        "displayNames": dict(rule.names) if rule else {},
    }


def feed_fields(feed: Feed, now: datetime, objective_seconds: float, computed_at: datetime | None) -> Document:
    """A feed as the JSON of design.md names it; freshness is null in an hour without events, never 0."""
    freshness, state = feed.freshness(), feed.state(now, objective_seconds)
    if state == "live" and stopped(computed_at, now, objective_seconds):
        state = "stale"
    return {
        "facility": feed.facility,
        "feed": feed.name,
        "received": feed.received,
        "accepted": feed.accepted,
        "rejected": feed.rejected,
        "duplicate": feed.duplicate,
        "quarantined": feed.quarantined,
        "lastEventAt": instant(feed.last_event_at),
        "lastReceivedAt": instant(feed.last_received_at),
        "lastAcceptedAt": instant(feed.last_accepted_at),
        "freshnessSeconds": {"p50": freshness.p50, "p95": freshness.p95, "max": freshness.largest},
        "samples": freshness.samples,
        "backfilled": freshness.backfilled,
        "skewed": freshness.skewed,
        "objectiveSeconds": objective_seconds,
        "state": state,
    }
