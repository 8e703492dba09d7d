"""A hub and two members fit on one machine, and a cluster that a stopped daemon left dead is made anew."""

from __future__ import annotations

import pytest

from e2e.cluster import cnpg, kind
from e2e.cluster.start import Cluster, remove, together
from e2e.console import output
from e2e.kubectl import Kubectl

pytestmark = pytest.mark.kind
OTHERS = ("marsad-test-2", "marsad-test-3")


def test_three_clusters_run_side_by_side_and_a_dead_one_is_made_anew(cluster: Cluster) -> None:
    image, own = kind.node_image([cnpg.image(), cluster.images["postgresql"]])
    try:
        together(*(lambda name=name: kind.create(name, image, own=own) for name in OTHERS))
        assert all(kind.alive(name) for name in (cluster.name, *OTHERS))
        for name in OTHERS:
            kubectl = Kubectl(str(kind.kubectl()), f"kind-{name}")
            kubectl.run("rollout", "status", "deployment/coredns", "-n", "kube-system", "--timeout=180s", deadline=190)
        dead, spared = OTHERS
        output(["docker", "kill", kind.node(dead)])  # as a daemon does that is stopped under its clusters
        assert kind.exists(dead)
        assert not kind.alive(dead, patience=5)
        assert kind.alive(spared)
        kind.create(dead, image, own=own)
        assert kind.alive(dead)
    finally:
        for name in OTHERS:
            remove(name)
    assert kind.alive(cluster.name)
