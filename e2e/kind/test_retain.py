"""Deleting a HealthCluster keeps its data; the next one of that name finds it again."""

from __future__ import annotations

import pytest

from e2e.kind.center import Center
from e2e.kubectl import Kubectl, eventually
from e2e.mllp import Sender, arrival, code

pytestmark = pytest.mark.kind


@pytest.fixture(scope="module")
def oran(kube: Kubectl, node: str) -> Center:
    """A small center with three encounters in it."""
    center = Center(kube, "oran", node)
    center.apply()
    center.ready()
    with Sender(*center.gateway) as sender:
        for number in range(3):
            assert code(sender.send(arrival(center_sender(center), f"keep-{number}", f"keep-{number}"))) == "AA"
    return center


def center_sender(center: Center) -> tuple[str, str]:
    """Sending application and facility of the center's first declared feed."""
    facility = center.kube.all("facility", center.name)[0]
    feed = facility["spec"]["feeds"][0]
    return feed["sendingApplication"], feed["sendingFacility"]


def delete(center: Center) -> None:
    """`kubectl delete healthcluster`, waiting for its finalizer."""
    center.kube.run("delete", "healthcluster", center.name, "-n", center.name, "--timeout=120s", deadline=130)


def test_retain_keeps_the_volume_and_the_passwords_and_nothing_that_runs(oran: Center) -> None:
    volumes = {item["metadata"]["uid"] for item in oran.kube.all("pvc", oran.name)}
    assert volumes
    delete(oran)
    eventually("no pod is left", lambda: not oran.kube.all("pods", oran.name), 120)
    assert {item["metadata"]["uid"] for item in oran.kube.all("pvc", oran.name)} == volumes
    assert oran.kube.get("secret", "database-owner", oran.name)
    assert not oran.kube.all("deployments", oran.name, "app.kubernetes.io/managed-by=marsad")


def test_a_new_healthcluster_of_the_name_adopts_the_data(oran: Center) -> None:
    volumes = {item["metadata"]["uid"] for item in oran.kube.all("pvc", oran.name)}
    oran.apply()
    oran.ready()
    assert {item["metadata"]["uid"] for item in oran.kube.all("pvc", oran.name)} == volumes
    assert oran.stored("keep-") == {"keep-0": 1, "keep-1": 1, "keep-2": 1}


def test_delete_removes_volumes_and_passwords_too(oran: Center) -> None:
    oran.kube.run("patch", "healthcluster", oran.name, "-n", oran.name, "--type=merge",
                  "-p", '{"spec": {"deletionPolicy": "Delete"}}')  # fmt: skip
    delete(oran)
    eventually("no volume is left", lambda: not oran.kube.all("pvc", oran.name), 120)
    eventually("no password is left", lambda: not oran.kube.get("secret", "database-owner", oran.name), 120)
