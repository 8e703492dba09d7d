"""Ways through the cluster's network as packets see them: who tries to connect to whom, and whether it works."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from e2e.console import output
from e2e.kubectl import Kubectl

# Every target at the same time; the words of those that accept a connection within 3 s.
TRY = """
try() { timeout 3 bash -c "exec 3<>/dev/tcp/${1%:*}/${1##*:}" 2>/dev/null && echo "$1"; }
for target in "$@"; do try "$target" & done
wait"""
NODE, MACHINE = "node", "machine"  # places that are no pods

Way = tuple[str, str]  # from a place, to PLACE:PORT or NAME.OF.A.SERVICE:PORT


@dataclass(frozen=True)
class Place:
    """Pods of a namespace by their labels, and the container in which one can type."""

    namespace: str
    labels: Mapping[str, str]
    container: str

    def has(self, pod: Mapping[str, Any]) -> bool:
        """Whether a pod is one of them, and runs."""
        metadata = pod["metadata"]
        return (metadata["namespace"] == self.namespace and self.labels.items() <= metadata.get("labels", {}).items()
                and pod["status"]["phase"] == "Running" and "deletionTimestamp" not in metadata)  # fmt: skip


@dataclass
class Ways:
    """Tries ways. `listening` are the test's own listeners on this machine by name, as MACHINE:NAME."""

    kube: Kubectl
    container: str  # the node's
    address: str  # the node's
    places: dict[str, Place]
    listening: dict[str, int] = field(default_factory=dict)

    @property
    def machine(self) -> str:
        """The address of this machine on the node's network."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards:
            towards.connect((self.address, 9))
            return str(towards.getsockname()[0])

    def open(self, ways: Iterable[Way]) -> set[Way]:
        """Those of the ways on which a connection is accepted."""
        pods = self._pods()
        targets: dict[str, dict[str, Way]] = {}
        for way in ways:
            targets.setdefault(way[0], {})[self._where(way[1], pods)] = way
        with ThreadPoolExecutor(8) as pool:  # what it waits for are packets that do not come
            reached = pool.map(lambda source: self._reached(source, targets[source], pods), targets)
            return {targets[source][one] for source, ones in zip(targets, reached, strict=True) for one in ones}

    def _pods(self) -> dict[str, dict[str, Any]]:
        """A running pod of each place that has one."""
        found = json.loads(self.kube.run("get", "pods", "--all-namespaces", "--output", "json"))["items"]
        return {name: pod for name, place in self.places.items() for pod in reversed(found) if place.has(pod)}

    def _where(self, target: str, pods: Mapping[str, dict[str, Any]]) -> str:
        """ADDRESS:PORT, or the target as it is where it is a name for the cluster's DNS."""
        place, _, port = target.rpartition(":")
        if place == MACHINE:
            return f"{self.machine}:{self.listening[port]}"
        if place == NODE:
            return f"{self.address}:{port}"
        return f"{pods[place]['status']['podIP']}:{port}" if place in self.places else target

    def _reached(self, source: str, targets: Iterable[str], pods: Mapping[str, dict[str, Any]]) -> list[str]:
        words = ["bash", "-c", TRY, "try", *targets]
        if source == NODE:
            return output(["docker", "exec", self.container, *words]).split()
        at, name = self.places[source], pods[source]["metadata"]["name"]
        return self.kube.run("exec", "-n", at.namespace, name, "-c", at.container, "--", *words).split()


@contextmanager
def listeners(*names: str) -> Iterator[dict[str, int]]:
    """Ports of this machine at which connections are accepted, by name: what is outside the cluster."""
    servers = {name: socket.create_server(("0.0.0.0", 0)) for name in names}
    for server in servers.values():
        threading.Thread(target=_accept, args=(server,), daemon=True).start()
    try:
        yield {name: server.getsockname()[1] for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.shutdown(socket.SHUT_RDWR)  # wakes `accept`
            server.close()


def _accept(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@contextmanager
def pods(kube: Kubectl, image: str, wanted: dict[str, Place]) -> Iterator[None]:
    """Pods that do nothing but listen at port 8080, ready, in namespaces of their own; gone afterwards."""
    made = [place.namespace for place in wanted.values() if kube.get("namespace", place.namespace) is None]
    try:
        for place in wanted.values():
            if place.namespace in made:
                kube.run("create", "namespace", place.namespace)
            kube.apply(json.dumps(_pod(image, place)))
        for place in wanted.values():
            kube.wait(f"pod/{place.container}", "condition=Ready", place.namespace, 120)
        yield
    finally:
        for place in wanted.values():
            kube.run("delete", "pod", place.container, "-n", place.namespace, "--ignore-not-found", "--wait=false")
        if made:
            kube.run("delete", "namespace", *made, "--ignore-not-found", "--timeout=60s", deadline=70)


def _pod(image: str, place: Place) -> dict[str, Any]:
    """A pod that is fit for Pod Security `restricted`, called as its container."""
    container = {
        "name": place.container, "image": image, "command": ["python", "-m", "http.server", "8080"],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }  # fmt: skip
    spec = {
        "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0, "containers": [container],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }  # fmt: skip
    metadata = {"name": place.container, "namespace": place.namespace, "labels": place.labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
