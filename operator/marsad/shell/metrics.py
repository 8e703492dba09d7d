"""The operator's Prometheus metrics. Their names and labels are an interface: see docs/operator-metrics.md.

Labels are bounded by what exists: kinds, verbs and outcomes by the code, HealthClusters by the cluster. Series of a
HealthCluster are made at scrape time from the cache, so they end with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from marsad.api.conditions import ConditionStatus
from marsad.core.world import Manifest


class Metrics:
    """All metrics of one operator process, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each, which nobody asks for
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.reconciles = Counter(
            "marsad_reconcile_total", "Reconciles, by how they ended", ["outcome"], registry=registry
        )
        self.duration = Histogram(
            "marsad_reconcile_duration_seconds",
            "Seconds a reconcile took",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self.queue_depth = Gauge("marsad_queue_depth", "HealthClusters that wait for a reconcile", registry=registry)
        self.writes = Counter(
            "marsad_writes_total", "Writes to the API server that succeeded", ["kind", "verb"], registry=registry
        )
        self.write_errors = Counter(
            "marsad_write_errors_total",
            "Writes that failed, by HTTP status",
            ["kind", "verb", "status"],
            registry=registry,
        )
        self.repairs = Counter(
            "marsad_database_repairs_total",
            "Objects deleted for which CloudNativePG waited in vain",
            ["kind"],
            registry=registry,
        )
        self.watch_restarts = Counter(
            "marsad_watch_restarts_total", "Watches that were cut, refused or expired", ["kind"], registry=registry
        )
        self.cached = Gauge("marsad_cached_objects", "Objects in the watch cache", ["kind"], registry=registry)
        self.synced = Gauge(
            "marsad_cache_synced", "1 while the cache of a kind is current", ["kind"], registry=registry
        )
        self.leader = Gauge("marsad_leader", "1 while this process may write", registry=registry)
        self.center_polls = Counter(
            "marsad_center_polls_total", "Questions to centers about their feeds", ["outcome"], registry=registry
        )

    def report_conditions(self, clusters: Callable[[], Iterable[Manifest]]) -> None:
        """Expose `marsad_condition` of the HealthClusters that `clusters` gives at each scrape."""
        self.registry.register(ConditionCollector(clusters))


class ConditionCollector(Collector):
    """`marsad_condition{namespace,name,type,status}`: 1 for the status a condition has, 0 for the two it has not."""

    def __init__(self, clusters: Callable[[], Iterable[Manifest]]) -> None:
        self._clusters = clusters

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family, made from the HealthClusters that exist now."""
        family = GaugeMetricFamily(
            "marsad_condition",
            "Condition of a HealthCluster: 1 for the status it has, else 0 (told by the leader)",
            labels=["namespace", "name", "type", "status"],
        )
        for cluster in self._clusters():
            metadata = cluster["metadata"]
            for condition in cluster.get("status", {}).get("conditions", ()):
                for status in ConditionStatus:
                    labels = [metadata["namespace"], metadata["name"], condition["type"], str(status)]
                    family.add_metric(labels, float(condition["status"] == status))
        yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing, so that registering does not ask the cache."""
        return ()
