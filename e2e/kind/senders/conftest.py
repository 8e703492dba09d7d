"""Makkah with TLS (as docs/how-to/connect-over-tls.md says) and FHIR turned on, three more facilities, and a machine
of theirs: a pod of another namespace from which `marsad simulate` sends to the Service `gateway`. All go afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.start import Cluster
from e2e.console import REPOSITORY
from e2e.kind.center import Center
from e2e.kubectl import Kubectl, Refused, eventually
from e2e.mllp import Sender, Tls, code
from marsad_center.tests.gateway.certificates import Authority, Signed, client_context
from marsad_center.tests.gateway.playing import message

DECLARED = Path(__file__).with_name("declared.yaml")
AUTHORITY = "facilities"  # the ConfigMap with the facilities' authorities
NETWORK = "al-hada-network"  # the namespace that stands for Al-Hada's own network
HADA = ("HADAHIS", "HADA")
NAME = "his.hada.example"  # what its certificate is called


@dataclass(frozen=True)
class Senders:
    """The center, whose certificates it trusts, and what the facilities send with."""

    center: Center
    authority: Authority
    trusted: str  # the gateway's authority, in PEM
    folder: Path

    def tls(self, shown: Signed | None) -> Tls:
        """What a facility speaks TLS with when it shows this."""
        folder = self.folder / (shown.fingerprint.replace(":", "") if shown else "bare")
        folder.mkdir(exist_ok=True)
        return Tls(client_context(folder, self.trusted.encode(), shown), f"gateway.{self.center.name}.svc")

    def simulate(self, *words: str, stdin: str | None = None) -> dict[str, Any]:
        """The account of `marsad simulate`, run in Al-Hada's network with its certificate through the Service."""
        target = ("--to", f"gateway.{self.center.name}.svc:2576", "--tls", "--ca", "/tls/ca.crt")
        own = ("--cert", "/tls/tls.crt", "--key", "/tls/tls.key", "--json")
        text = self.center.kube.run(
            "exec", "-i", "-n", NETWORK, "his", "--", "python", "-m", "marsad.cli", "simulate", *target, *own, *words,
            stdin=stdin, deadline=120,
        )  # fmt: skip
        account: dict[str, Any] = json.loads(text)
        return account


@pytest.fixture(scope="package")
def senders(makkah: Center, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Senders]:
    kube, authority = makkah.kube, Authority("Facilities of Makkah")
    trust(makkah, authority)
    kube.apply(DECLARED.read_text())
    # While the gateway is replaced for TLS it learns of the facilities, too: one wait for both.
    tls = {"clientAuthority": {"configMapName": AUTHORITY}, "names": ["hl7.makkah.example"]}
    change(makkah, "merge", {"spec": {"pipelines": {"hl7": {"tls": tls}}}})
    try:
        makkah.ready()
        told = kube.get("configmap", "gateway-authority", makkah.name)
        assert told is not None
        found = Senders(makkah, authority, told["data"]["ca.crt"], tmp_path_factory.mktemp("certificates"))
        own = authority.sign("ignored", dns=(NAME,))
        secret = {"ca.crt": found.trusted, "tls.crt": own.certificate.decode(), "tls.key": own.key.decode()}
        kube.apply("\n---\n".join(json.dumps(each) for each in _network(cluster.images["operator"], secret)))
        makkah.look_again()  # the dashboard was not replaced
        eventually("the dashboard knows them", lambda: makkah.feed("JUMUM"), 120)
        with Sender(*makkah.gateway) as sender:
            refused = message("ADT^Z99", f"{time.time_ns()}", "PID|1||P1", sender="JUMUMHIS|JUMUM").encode()
            assert code(sender.send(refused)) == "AR"
        kube.wait("pod/his", "condition=Ready", NETWORK, 120)
        yield found
    finally:
        kube.run("delete", "-f", "-", "--ignore-not-found", "--wait=false", stdin=DECLARED.read_text())
        kube.run("delete", "namespace", NETWORK, "--ignore-not-found", "--wait=false")
        change(makkah, "merge", {"spec": {"pipelines": {"hl7": {"tls": None}}}})
        makkah.ready()
        kube.run("delete", "configmap", AUTHORITY, "-n", makkah.name, "--ignore-not-found")


@dataclass(frozen=True)
class Cli:
    """`marsad`, called as a person calls it: with kubectl on the path, and the cluster by its context."""

    kube: Kubectl
    namespace: str

    def __call__(self, *words: str, ok: tuple[int, ...] = (0,)) -> str:
        """What it prints. Raises Refused where it exits with anything but `ok`."""
        path = os.pathsep.join((str(Path(self.kube.binary).parent), os.environ["PATH"]))
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY / "operator"), "COLUMNS": "200"}
        command = [sys.executable, "-m", "marsad.cli", *words, "-n", self.namespace, "--context", self.kube.context]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode not in ok:
            raise Refused(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def json(self, *words: str) -> Any:
        """What it prints for programs."""
        return json.loads(self(*words, "--json").splitlines()[-1])


@pytest.fixture(scope="session")
def marsad(makkah: Center) -> Cli:
    return Cli(makkah.kube, makkah.name)


def trust(center: Center, *authorities: Authority) -> None:
    """Make these the authorities that sign the facilities' certificates."""
    together = "".join(each.certificate.decode() for each in authorities)
    metadata = {"name": AUTHORITY, "namespace": center.name}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": together}}
    center.kube.apply(json.dumps(document))


def change(center: Center, kind: str, patch: Any) -> None:
    """Change the HealthCluster's declaration."""
    target = f"healthcluster/{center.name}"
    center.kube.run("patch", target, "-n", center.name, f"--type={kind}", "-p", json.dumps(patch))


def metric(center: Center, workload: str, name: str) -> list[float]:
    """A metric of each of its pods, summed over its labels that are not named."""
    found = []
    for pod in center.kube.all("pods", center.name, f"app.kubernetes.io/name={workload}"):
        proxy = f"/api/v1/namespaces/{center.name}/pods/{pod['metadata']['name']}:9090/proxy/metrics"
        lines = center.kube.run("get", "--raw", proxy).splitlines()
        found.append(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)))
    return found


def _network(image: str, secret: Mapping[str, str]) -> list[dict[str, Any]]:
    """A namespace that is closed as it should be, Al-Hada's certificate, and a pod that waits for what to do."""
    metadata = {"name": "his", "namespace": NETWORK}
    container = {
        "name": "his", "image": image, "command": ["sleep", "infinity"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": True}],
    }  # fmt: skip
    pod = {
        "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0, "containers": [container],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tls", "secret": {"secretName": "his"}}],
    }  # fmt: skip
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NETWORK, "labels": labels}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(secret)},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod},
    ]
