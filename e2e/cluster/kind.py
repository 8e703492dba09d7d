"""Kind clusters: made, found again, recognised as dead, removed. Context names are kind's: `kind-<name>`."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from e2e.console import CACHE, LOGS, Failure, output, run, succeeds
from e2e.node import base, binaries, build, docker

DASHBOARD_PORT = 8000  # on the machine, if it is free
DASHBOARD_NODE_PORT = 30800
LABEL = "io.x-k8s.kind.cluster"


def kind() -> Path:
    """Path of the kind program."""
    return binaries.program("kind")


def kubectl() -> Path:
    """Path of the kubectl program."""
    return binaries.program("kubernetes", "kubectl")


def context(name: str) -> list[str]:
    """The start of a kubectl command line for a cluster."""
    return [str(kubectl()), "--context", f"kind-{name}"]


def node(name: str) -> str:
    """The container that is a cluster's one node."""
    return f"{name}-control-plane"


def node_image(extra: list[str], say: Callable[[str], None] = print) -> tuple[str, bool]:
    """The node image and whether it is our own; the stock one of the same release where it can be pulled."""
    stock = f"kindest/node:{binaries.version('kubernetes')}"
    if docker.pull(stock):
        return stock, False
    return build.ensure(base.ensure(), extra, say), True


def configuration(name: str) -> Path:
    """What kind was told when it made a cluster here; there as long as the cluster is not removed."""
    return CACHE / "kind" / "clusters" / f"{name}.json"


def names() -> list[str]:
    """The clusters that were made here, running or not."""
    return sorted(path.stem for path in configuration("").parent.glob("*.json"))


def exists(name: str) -> bool:
    """Whether containers of a cluster are there, alive or dead."""
    return bool(_containers(name))


def alive(name: str, patience: float = 45) -> bool:
    """Whether a cluster's API server is ready, waiting for it a while if its container runs."""
    states = _containers(name)
    if not states or set(states.values()) != {"running"}:
        return False
    if not succeeds([*context(name), "config", "get-contexts", f"kind-{name}"]):
        run([kind(), "export", "kubeconfig", "--name", name], log=f"kind-{name}")
    deadline = time.monotonic() + patience
    while not succeeds([*context(name), "--request-timeout=5s", "get", "--raw", "/readyz"]):
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    return True


def create(name: str, image: str, *, own: bool, port: int | None = None) -> None:
    """Make a cluster of one node and wait until it is ready; a dead one that was made here is removed first.

    `port` is a port of 127.0.0.1 that reaches the node port DASHBOARD_NODE_PORT.
    """
    if exists(name):
        delete(name)
    _raise_inotify_limits()
    told = configuration(name)
    told.parent.mkdir(parents=True, exist_ok=True)
    content = config(own=own, version_1=cgroup_v1(), port=port, resolver=_resolver())
    told.write_text(json.dumps(content, indent=1))
    command: list[str | Path] = [kind(), "create", "cluster", "--name", name, "--image", image, "--config", told]
    advice = f"docker logs {node(name)} (kept by `--retain`) may say more; `make down` removes it"
    run([*command, "--wait", "180s", "--retain"], log=f"kind-{name}", advice=advice, timeout=600)


def wait_services(name: str) -> None:
    """Wait until pods reach Services: kube-proxy runs on the node. A node is Ready some seconds before."""
    rollout = ["--namespace", "kube-system", "rollout", "status", "daemonset/kube-proxy", "--timeout=120s"]
    run([*context(name), *rollout], log=f"kind-{name}", advice=f"kubectl --context kind-{name} get pods -A")


def delete(name: str) -> None:
    """Remove a cluster that was made here, its volumes and its kubeconfig entry; nothing happens when there is none.

    Raises Failure where one of that name was made by someone else.
    """
    if not configuration(name).exists():
        if exists(name):
            advice = f"choose another NAME, or remove it yourself: kind delete cluster --name {name}"
            raise Failure(f"there is a kind cluster {name} that was not made here", advice)
        return
    run([kind(), "delete", "cluster", "--name", name], log=f"kind-{name}", timeout=120)


def published_port(name: str) -> int | None:
    """The port of 127.0.0.1 that reaches DASHBOARD_NODE_PORT of a running cluster."""
    try:
        return int(output(["docker", "port", node(name), f"{DASHBOARD_NODE_PORT}/tcp"]).split(":")[-1])
    except (Failure, ValueError):
        return None


def free_port(wanted: int = DASHBOARD_PORT) -> int:
    """The wanted port of 127.0.0.1, or the next that nothing listens on."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Failure(f"no port from {wanted} to {wanted + 99} is free", "stop what listens there")


def cgroup_v1() -> bool:
    """Whether this machine has cgroups of version 1."""
    return not Path("/sys/fs/cgroup/cgroup.controllers").exists()


def config(*, own: bool, version_1: bool, port: int | None, resolver: Path | None) -> dict[str, object]:
    """kind's configuration for a node of ours or the stock one, on cgroup version 1 or 2."""
    kubelet: dict[str, object] = {"kind": "KubeletConfiguration"}
    if version_1:
        kubelet |= {"failCgroupV1": False, "cgroupDriver": "cgroupfs"}
    elif own:
        kubelet |= {"cgroupRoot": "/"}  # the container has a hierarchy of its own; the stock entry point makes /kubelet
    member: dict[str, object] = {"role": "control-plane"}
    if port is not None:
        mapping = {"containerPort": DASHBOARD_NODE_PORT, "hostPort": port, "listenAddress": "127.0.0.1"}
        member["extraPortMappings"] = [mapping]
    if own and resolver is not None:
        # Docker's resolver at 127.0.0.11 makes CoreDNS ask itself: pods get the machine's own ones.
        kubelet["resolvConf"] = "/etc/kubernetes/resolv.conf"
        member["extraMounts"] = [{"hostPath": str(resolver), "containerPath": "/etc/kubernetes/resolv.conf"}]
    # A node lives as long as its container: waiting for the disk at each write of etcd would protect nothing.
    etcd = {
        "kind": "ClusterConfiguration",
        "etcd": {"local": {"extraArgs": [{"name": "unsafe-no-fsync", "value": "true"}]}},
    }
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"disableDefaultCNI": own},
        "nodes": [member],
        "kubeadmConfigPatches": [json.dumps(patch) for patch in (kubelet, etcd) if len(patch) > 1],
    }


def nameservers(text: str) -> list[str]:
    """Name servers of a resolv.conf that a pod can reach, those of the loopback left out."""
    found = [line.split()[1] for line in text.splitlines() if line.startswith("nameserver ")]
    return [address for address in found if not address.startswith("127.") and address != "::1"]


def _resolver() -> Path:
    """A resolv.conf for pods; CoreDNS needs a name server in it, so without any it is an address that never answers."""
    servers: list[str] = []
    for source in (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")):
        servers = servers or (nameservers(source.read_text()) if source.exists() else [])
    path = CACHE / "kind" / "resolv.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"nameserver {address}\n" for address in servers or ["192.0.2.1"]))
    return path


def _containers(name: str) -> dict[str, str]:
    listing = ["docker", "ps", "--all", "--filter", f"label={LABEL}={name}", "--format", "{{.Names}} {{.State}}"]
    return dict(line.split() for line in output(listing).splitlines())


def _raise_inotify_limits() -> None:
    """Each node needs watches of its own; Debian's default of 128 instances ends at the second cluster."""
    for key, least in (("max_user_instances", 1024), ("max_user_watches", 524288)):
        path = Path("/proc/sys/fs/inotify") / key
        if int(path.read_text()) < least:
            try:
                path.write_text(str(least))
            except PermissionError:
                LOGS.mkdir(parents=True, exist_ok=True)
                subprocess.run(["sudo", "-n", "sysctl", "-q", f"fs.inotify.{key}={least}"], check=False)
