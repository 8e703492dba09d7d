"""Metrics of analytics. Labels are bounded by what is declared: a feed that leaves takes its series along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import get_args

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from marsad_center.indicators.engine import Pass
from marsad_center.indicators.facts import Feed
from marsad_center.indicators.freshness import State

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)


class Metrics:
    """All series of the analytics process, in `registry`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.computed = Counter("marsad_figures_computed", "Figures computed", registry=registry)
        self.written = Counter("marsad_figures_written", "Figures that had changed and were written", registry=registry)
        self.measured = Counter("marsad_events_measured", "Source events that reached a figure", registry=registry)
        self.failures = Counter("marsad_compute_failures", "Passes that failed and were tried again", registry=registry)
        self.seconds = Histogram(
            "marsad_compute_seconds", "Duration of a pass", ["cause"], buckets=_SECONDS, registry=registry
        )
        self.lag = Histogram(
            "marsad_receipt_to_figure_seconds",
            "Longest wait of a pass from the receipt of a message to the figure",
            buckets=_SECONDS,
            registry=registry,
        )
        self.last = Gauge("marsad_figures_computed_at_seconds", "Unix time of the last pass", registry=registry)
        self.freshness = Gauge(
            "marsad_feed_freshness_seconds",
            "Age of events when their figure was computed, last hour",
            ["facility", "feed", "quantile"],
            registry=registry,
        )
        self.state = Gauge(
            "marsad_feed_state", "1 for the state that the feed is in", ["facility", "feed", "state"], registry=registry
        )

        self.unmapped = Gauge(
            "marsad_codes_unmapped", "Local codes that nobody has mapped", ["facility"], registry=registry
        )

    def codes(self, facilities: Iterable[str], counts: Mapping[str, int]) -> None:
        """Replace the counts of all facilities."""
        self.unmapped.clear()
        for facility in facilities:
            self.unmapped.labels(facility).set(counts.get(facility, 0))

    def passed(self, cause: str, done: Pass, seconds: float, now: datetime) -> None:
        """Count one pass."""
        self.computed.inc(done.computed)
        self.written.inc(done.written)
        self.seconds.labels(cause).observe(seconds)
        self.last.set(now.timestamp())
        if done.measured:
            self.measured.inc(done.measured)
            self.lag.observe(done.longest_lag)

    def feeds(self, feeds: Iterable[Feed], now: datetime, objective_seconds: float) -> None:
        """Replace the series of all feeds."""
        self.freshness.clear()
        self.state.clear()
        for feed in feeds:
            freshness = feed.freshness()
            for quantile, value in (("0.5", freshness.p50), ("0.95", freshness.p95), ("1", freshness.largest)):
                if value is not None:
                    self.freshness.labels(feed.facility, feed.name, quantile).set(value)
            current = feed.state(now, objective_seconds)
            for state in get_args(State):
                self.state.labels(feed.facility, feed.name, state).set(state == current)
