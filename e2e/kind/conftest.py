"""One kind cluster for all stories: CloudNativePG, our operator by its Helm chart, and Makkah's center in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from e2e.cluster import operator as helm
from e2e.cluster.start import Cluster, start
from e2e.cluster.tests_run import provided
from e2e.console import Steps
from e2e.kind.center import Center, Measured
from e2e.kubectl import Kubectl


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    """Says a figure that a story saw; all of them are printed after the tests, none is asserted."""
    return lambda text: record_property("measured", text)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster `marsad-test`, gone afterwards. MARSAD_TEST_CLUSTER names one to use and keep instead."""
    kept = os.environ.get("MARSAD_TEST_CLUSTER")
    if not kept:
        with provided() as cluster:
            yield cluster
        return
    cluster = start(kept, Steps(7))
    helm.install(cluster)
    yield cluster


@pytest.fixture(scope="session")
def kube(cluster: Cluster) -> Kubectl:
    """kubectl on that cluster."""
    return Kubectl(str(cluster.kubectl_path), cluster.context)


@pytest.fixture(scope="session")
def node(cluster: Cluster) -> str:
    """Address of the cluster's node, where NodePorts are."""
    return cluster.address()


@pytest.fixture(scope="session")
def makkah(kube: Kubectl, node: str) -> Center:
    """examples/makkah.yaml, Ready."""
    center = Center(kube, "makkah", node)
    center.apply()
    center.ready()
    return center


@pytest.fixture(scope="session")
def facility() -> str:
    """Code of the facility that declares the sender of the shared file, in examples/makkah.yaml."""
    return "KFH"
