"""Our operator in a cluster, installed as users do it: with Helm, from charts/marsad-operator."""

from __future__ import annotations

import json

from e2e.cluster.start import Cluster
from e2e.console import REPOSITORY, run
from e2e.node import binaries

NAMESPACE = "marsad-system"
RELEASE = "marsad"
CHART = REPOSITORY / "charts" / "marsad-operator"
NAMESPACE_RESTRICTED = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}
POSTGRESQL_UID = 26  # as center/postgresql/Dockerfile says


def install(cluster: Cluster) -> None:
    """Install or upgrade the operator, with the images that the cluster holds, and wait until it is available."""
    repository, _, tag = cluster.images["operator"].partition(":")
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "center.image": cluster.images["center"],
        "postgresql.image": cluster.images["postgresql"],
        "postgresql.uid": str(POSTGRESQL_UID),
    }
    cluster.kubectl("apply", "--server-side", "--filename", "-", stdin=json.dumps(NAMESPACE_RESTRICTED))
    command = [str(binaries.program("helm")), "--kube-context", cluster.context, "upgrade", "--install", RELEASE]
    command += [str(CHART), "--namespace", NAMESPACE, "--wait", "--timeout", "3m"]
    command += [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    advice = f"kubectl --context {cluster.context} --namespace {NAMESPACE} describe pods"
    run(command, log=f"helm-{cluster.name}", advice=advice, timeout=300)
