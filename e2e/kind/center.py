"""A control center as a test reaches it from outside: its gateway, its dashboard's JSON, its database."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.kubectl import Kubectl, eventually

Measured = Callable[[str], None]  # says a figure that is printed after the tests
EXAMPLES = Path(__file__).parents[2] / "examples"
SIMHOSP = ("SIMHOSP", "SFAC")  # the sender of the shared file, declared in examples/makkah.yaml

NODE_PORT = """
apiVersion: v1
kind: Service
metadata: {name: e2e-%(name)s-%(port)d, namespace: %(namespace)s}
spec:
  type: NodePort
  selector: {app.kubernetes.io/name: %(name)s, marsad.dev/healthcluster: %(namespace)s}
  ports: [{name: door, port: %(port)d, targetPort: %(port)d}]
"""


def answers(address: tuple[str, int]) -> bool:
    """Whether something listens there; a NodePort that is not set up yet refuses."""
    with socket.create_connection(address, 5):
        return True


@dataclass(frozen=True)
class Center:
    """One HealthCluster's center. `name` is also its namespace. Reached through NodePorts of the test's own making,
    because a port-forward sticks to one pod and dies with it."""

    kube: Kubectl
    name: str
    node: str

    def apply(self) -> None:
        """Apply the example of that name."""
        self.kube.apply((EXAMPLES / f"{self.name}.yaml").read_text())

    def ready(self, seconds: int = 300) -> None:
        """Wait until Kubernetes itself says that the HealthCluster is Ready."""
        self.kube.wait(f"healthcluster/{self.name}", "condition=Ready", self.name, seconds)

    def door(self, workload: str, port: int) -> tuple[str, int]:
        """Address of a workload from the machine that runs the test; made when first asked for, and answering.

        Answering matters each time: a center may be Ready a moment before kube-proxy leads to its new pods.
        """
        name = f"e2e-{workload}-{port}"
        service = self.kube.get("service", name, self.name)
        if service is None:
            self.kube.apply(NODE_PORT % {"name": workload, "namespace": self.name, "port": port})
            service = self.kube.get("service", name, self.name)
            assert service is not None
        address = self.node, service["spec"]["ports"][0]["nodePort"]
        eventually(f"a way to {workload}", lambda: answers(address), 120)
        return address

    @property
    def gateway(self) -> tuple[str, int]:
        """Where facilities send HL7 v2."""
        return self.door("gateway", 2575)

    @property
    def gateway_over_tls(self) -> tuple[str, int]:
        """Where they send it over TLS."""
        return self.door("gateway", 2576)

    @property
    def fhir(self) -> str:
        """Base address of FHIR."""
        return "http://{}:{}/fhir".format(*self.door("gateway", 8080))

    @property
    def dashboard(self) -> str:
        """Base address of the dashboard."""
        return "http://{}:{}".format(*self.door("dashboard", 8000))

    def json(self, path: str) -> Any:
        """A JSON answer of the dashboard."""
        with urllib.request.urlopen(self.dashboard + path, timeout=30) as answer:
            return json.load(answer)

    def figure(self, indicator: str, facility: str | None) -> dict[str, Any]:
        """One row of /api/v1/indicators. Raises KeyError where there is none yet; `feed` alike."""
        rows: list[dict[str, Any]] = self.json(f"/api/v1/indicators?id={indicator}")
        return {row["facility"]: row for row in rows}[facility]

    def feed(self, facility: str, feed: str = "his") -> dict[str, Any]:
        """A feed of a facility, from /api/v1/feeds."""
        rows: list[dict[str, Any]] = self.json(f"/api/v1/feeds?facility={facility}")
        return {row["feed"]: row for row in rows}[feed]

    def stored(self, prefix: str) -> dict[str, int]:
        """How often each control id with a prefix is stored: 1 each where nothing is lost or doubled."""
        rows = self.kube.psql(self.name, "select control_id, count(*) from center.message "
                              f"where control_id like '{prefix}%' group by 1")  # fmt: skip
        return {control: int(count) for control, count in rows}

    def look_again(self) -> None:
        """Have the kubelet bring what the center's pods have mounted up to date now; by itself it looks about once a
        minute. The command is the one of docs/runbooks/messages-refused.md."""
        selector = "app.kubernetes.io/name in (gateway, analytics, dashboard)"
        mark = f"marsad.dev/looked={time.time_ns()}"
        self.kube.run("annotate", "pods", "-n", self.name, "-l", selector, "--overwrite", mark)

    def conditions(self) -> dict[str, dict[str, Any]]:
        """Conditions of the HealthCluster by type."""
        cluster = self.kube.get("healthcluster", self.name, self.name) or {}
        return {item["type"]: item for item in cluster.get("status", {}).get("conditions", [])}

    def settles(self, seconds: float = 180) -> None:
        """Wait until every workload is there again and the HealthCluster is Ready, after a fault."""
        eventually("Ready again", lambda: self.conditions()["Ready"]["status"] == "True", seconds)
