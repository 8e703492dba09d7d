"""A center at rest costs nothing: no writes but Leases and status that changed."""

from __future__ import annotations

import re
import time

import pytest

from e2e.kind.center import Center, Measured
from e2e.kubectl import Kubectl, eventually

pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]
IDLE_SECONDS = 300


def writes(kube: Kubectl) -> dict[str, float]:
    """Writes by kind and verb over both operator replicas, from their own metrics."""
    total: dict[str, float] = {}
    for pod in kube.all("pods", "marsad-system", "app.kubernetes.io/name=marsad-operator"):
        text = kube.run(
            "get", "--raw", f"/api/v1/namespaces/marsad-system/pods/{pod['metadata']['name']}:9090/proxy/metrics"
        )
        for labels, value in re.findall(r"^marsad_writes_total\{([^}]*)\} (\S+)", text, re.M):
            total[labels] = total.get(labels, 0) + float(value)
    return total


def generations(center: Center) -> dict[str, int]:
    """How often the declaration of each object was changed by anyone."""
    live = center.kube.all("deployments,networkpolicies,cluster.postgresql.cnpg.io", center.name)
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["generation"] for item in live}


def test_five_idle_minutes_write_nothing(makkah: Center, kube: Kubectl, measured: Measured) -> None:
    # One write that must be counted: an operator that an earlier story restarted has written nothing yet.
    kube.run("delete", "limitrange", "center", "-n", makkah.name)
    eventually("the repair is counted", lambda: any("LimitRange" in labels for labels in writes(kube)))
    makkah.settles()
    versions = generations(makkah)
    before = writes(kube)
    time.sleep(IDLE_SECONDS)  # the measurement itself, not a wait for something
    delta = {labels: value - before.get(labels, 0) for labels, value in writes(kube).items()}
    unexpected = {labels: count for labels, count in delta.items()
                  if count and "Lease" not in labels and "status" not in labels and "Event" not in labels}  # fmt: skip
    told = {what: sum(count for labels, count in delta.items() if what in labels) for what in ("status", "Event")}
    measured(f"writes in {IDLE_SECONDS} idle seconds: { {k: v for k, v in delta.items() if v} or 'none' }")
    assert not unexpected
    # A feed that falls silent changes the status of its Facility and of the HealthCluster, each with an Event.
    assert told["Event"] <= told["status"] <= 10
    assert generations(makkah) == versions
