"""What `make up` shows: the control center of examples/makkah.yaml, fed with facility traffic, at a local address."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

from e2e.cluster import kind
from e2e.cluster.start import Cluster
from e2e.console import REPOSITORY, Failure

CENTER = "makkah"  # HealthCluster and namespace
EXAMPLE = REPOSITORY / "examples" / "makkah.yaml"
FACILITIES = "facilities"  # the namespace that stands for the facilities' own network
SIMULATOR = "facilities-simulator"
MEMORY = "/var/lib/facilities"  # lives as long as the pod: a killed container finds there whom it has to send home
SPEED = (
    5  # times life's own pace: something happens every few seconds, and stays and turnarounds keep their proportions
)


def apply(cluster: Cluster) -> None:
    """Declare the center as the example says, whoever changed it meanwhile."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename", EXAMPLE)


def wait_ready(cluster: Cluster, say: Callable[[str], None], *, seconds: float = 600) -> None:
    """Wait until the HealthCluster is Ready for its newest declaration, saying which stage it is at."""
    deadline, said = time.monotonic() + seconds, ""
    while not ready(found := _center(cluster)):
        stage = waits_for(found)
        if stage != said:
            say(stage)
            said = stage
        if time.monotonic() > deadline:
            describe = f"kubectl --context {cluster.context} --namespace {CENTER} describe healthcluster {CENTER}"
            raise Failure(f"{CENTER} was not ready within {seconds:.0f} s; {said}", describe)
        time.sleep(0.5)


def ready(center: dict[str, Any]) -> bool:
    """Whether a HealthCluster's status says Ready about the generation it has now."""
    status = center.get("status") or {}
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or []}
    return conditions.get("Ready") == "True" and status.get("observedGeneration") == center["metadata"]["generation"]


def waits_for(center: dict[str, Any]) -> str:
    """The first stage that is not established yet, with the reason and sentence of the operator."""
    conditions = (center.get("status") or {}).get("conditions") or []
    summaries = {"Ready", "Reconciling", "Stalled", "FreshnessMet"}
    for condition in conditions:
        if condition["status"] != "True" and condition["type"] not in summaries:
            return f"{condition['type']}: {condition.get('reason', '')} {condition.get('message', '')}".strip()
    return "waiting for the operator"


def open_dashboard(cluster: Cluster) -> str:
    """Make the dashboard reachable at the cluster's published port; its address."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "dashboard-local",
            "namespace": CENTER,
            "labels": {"app.kubernetes.io/part-of": "make-up"},
        },
        "spec": {
            "type": "NodePort",
            "selector": {"app.kubernetes.io/name": "dashboard", "marsad.dev/healthcluster": CENTER},
            "ports": [{"port": 8000, "targetPort": 8000, "nodePort": kind.DASHBOARD_NODE_PORT}],
        },
    }
    _apply(cluster, service)
    return f"http://127.0.0.1:{cluster.port}"


def play(cluster: Cluster) -> None:
    """Have facilities send to the center's gateway, from a namespace and a pod of their own."""
    declaration = EXAMPLE.read_text()
    for manifest in facilities(cluster.images["operator"], declaration):
        _apply(cluster, manifest)
    rollout = ["rollout", "status", f"deployment/{SIMULATOR}", "--namespace", FACILITIES, "--timeout=120s"]
    cluster.kubectl(*rollout, timeout=130)


def facilities(image: str, declaration: str) -> list[dict[str, Any]]:
    """Namespace, declaration and Deployment that play the Facilities declared in a YAML text."""
    labels = {"app.kubernetes.io/name": SIMULATOR}
    metadata = {"name": SIMULATOR, "namespace": FACILITIES, "labels": labels}
    target = ["--to", f"gateway.{CENTER}.svc:2575"]
    arguments = ["simulate", *target, "--center", "/etc/facilities/center.yaml", "--speed", str(SPEED)]
    # A picture from the first minute; nobody left behind by a restart, nor by a container that was killed.
    arguments += ["--warm-start", "--empty-at-end", "--remember", f"{MEMORY}/open"]
    container = {
        "name": "simulator",
        "image": image,
        "command": ["python", "-m", "marsad.cli"],
        "args": arguments,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [
            {"name": "facilities", "mountPath": "/etc/facilities", "readOnly": True},
            {"name": "memory", "mountPath": MEMORY},
        ],
    }
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 60,  # time to tell of every patient's departure, so that no ghost stays
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [
            {"name": "facilities", "configMap": {"name": SIMULATOR}},
            {"name": "memory", "emptyDir": {"sizeLimit": "16Mi"}},
        ],
    }
    # Another declaration is another pod: the player reads it once, when it starts.
    digest = {"marsad.dev/declaration": hashlib.sha256(declaration.encode()).hexdigest()[:16]}
    deployment = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels, "annotations": digest}, "spec": pod},
    }
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FACILITIES, "labels": restricted}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"center.yaml": declaration}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": deployment},
    ]


def _center(cluster: Cluster) -> dict[str, Any]:
    center: dict[str, Any] = json.loads(
        cluster.kubectl("get", "healthcluster", CENTER, "--namespace", CENTER, "--output", "json")
    )
    return center


def _apply(cluster: Cluster, manifest: dict[str, Any]) -> None:
    cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager", "make-up", "--filename", "-",
        stdin=json.dumps(manifest),
    )  # fmt: skip
