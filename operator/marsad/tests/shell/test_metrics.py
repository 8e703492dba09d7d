"""Metrics: documented, and bounded by what exists."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import generate_latest

from marsad.core.world import Manifest
from marsad.shell.metrics import Metrics

DOCUMENT = Path(__file__).parents[4] / "docs" / "operator-metrics.md"


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    metrics = Metrics()
    metrics.report_conditions(lambda: ())
    families = set(re.findall(r"^# TYPE (marsad_\w+)", generate_latest(metrics.registry).decode(), re.M))
    assert families == set(re.findall(r"^\| `(marsad_\w+)`", DOCUMENT.read_text(), re.M))


def test_conditions_are_told_of_what_exists_at_the_moment_of_the_scrape() -> None:
    clusters: list[Manifest] = []
    metrics = Metrics()
    metrics.report_conditions(lambda: clusters)

    def ready() -> list[str]:
        text = generate_latest(metrics.registry).decode()
        return re.findall(r'^marsad_condition\{.*type="Ready".*\} 1\.0$', text, re.M)

    assert ready() == []
    status = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
    clusters.append({"metadata": {"namespace": "makkah", "name": "mkh"}, "status": status})
    assert len(ready()) == 1
    assert 'status="Unknown"' in ready()[0]
    clusters.clear()
    assert ready() == []
