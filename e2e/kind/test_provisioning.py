"""From `kubectl apply` to Ready: how long, how many objects, and what happens when the operator dies on the way."""

from __future__ import annotations

import time

import pytest

from e2e.kind.center import EXAMPLES, Center, Measured
from e2e.kubectl import Kubectl, eventually

pytestmark = pytest.mark.kind


def managed(center: Center) -> set[str]:
    """Names of what the operator has made in the namespace so far."""
    kinds = (
        "deployments,services,configmaps,secrets,serviceaccounts,networkpolicies,resourcequotas,limitranges,pdb,jobs,"
    )
    kinds += "clusters.postgresql.cnpg.io"
    return {f"{item['kind']}/{item['metadata']['name']}" for item in
            center.kube.all(kinds, center.name, "app.kubernetes.io/managed-by=marsad")}  # fmt: skip


def test_a_center_is_provisioned_though_the_operator_dies_in_the_middle(kube: Kubectl, node: str) -> None:
    center = Center(kube, "interrupted", node)
    center.kube.apply((EXAMPLES / "oran.yaml").read_text().replace("oran", "interrupted"))
    eventually("the first objects", lambda: managed(center), 120, pause=0.05)
    assert "Ready" not in center.conditions() or center.conditions()["Ready"]["status"] == "False"
    for pod in kube.all("pods", "marsad-system", "app.kubernetes.io/name=marsad-operator"):
        kube.run("delete", "pod", pod["metadata"]["name"], "-n", "marsad-system", "--grace-period=0", "--force",
                 "--wait=false")  # fmt: skip
    center.ready(300)
    complete = managed(center)
    assert {"Deployment/gateway", "Deployment/analytics", "Deployment/dashboard", "Service/gateway"} <= complete
    kube.run("delete", "namespace", "interrupted", "--timeout=180s", deadline=190)  # the finalizer must not hold it


def test_seconds_to_ready_and_objects_written(kube: Kubectl, node: str, measured: Measured) -> None:
    center = Center(kube, "measured", node)
    started = time.monotonic()
    center.kube.apply((EXAMPLES / "oran.yaml").read_text().replace("oran", "measured"))
    center.ready(300)
    measured(
        f"Ready {time.monotonic() - started:.1f} s after apply (goal 45 s), {len(managed(center))} objects written"
    )
    kube.run("delete", "namespace", "measured", "--timeout=180s", deadline=190)
