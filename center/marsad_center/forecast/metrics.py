"""Metrics of the forecasts, beside those of analytics, in whose process they are made."""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

_LAST = "Unix time at which the forecast that was renewed longest ago was made; 0 when there is none"
_SECONDS = (0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """All series of the forecasts, in `registry`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.made = Counter(
            "marsad_forecasts_made", "Forecasts made, by what came of them", ["state"], registry=registry
        )
        self.failures = Counter("marsad_forecast_failures", "Forecasts that failed", registry=registry)
        self.seconds = Histogram(
            "marsad_forecast_round_seconds", "Duration of a round of forecasts", buckets=_SECONDS, registry=registry
        )
        self.last = Gauge("marsad_forecast_made_at_seconds", _LAST, registry=registry)
