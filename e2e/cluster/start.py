"""From a bare machine to a cluster with CloudNativePG and our images in it: what `make up` and the tests share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster import cnpg, daemon, environment, images, kind, load
from e2e.console import Failure, Steps, output
from e2e.node import base, binaries

PREPARE_STEPS = 5  # that `prepare` announces
STEPS = PREPARE_STEPS + 2  # that `start` announces


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its name, our images by name (`operator`, `center`, `postgresql`), the dashboard's port."""

    name: str
    images: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None

    @property
    def context(self) -> str:
        """The kubeconfig context."""
        return f"kind-{self.name}"

    @property
    def kubectl_path(self) -> Path:
        """The kubectl program."""
        return kind.kubectl()

    def kubectl(self, *arguments: str | Path, stdin: str | None = None, timeout: float = 60) -> str:
        """What kubectl prints; raises Failure with what it said when it fails."""
        return output([*kind.context(self.name), *arguments], stdin=stdin, timeout=timeout)

    def helm(self, *arguments: str | Path, timeout: float = 300) -> str:
        """What helm prints; raises Failure with what it said when it fails."""
        return output([binaries.program("helm"), "--kube-context", self.context, *arguments], timeout=timeout)

    def address(self) -> str:
        """The node's address, reachable from this machine (node ports are there too)."""
        path = "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}"
        return self.kubectl("get", "nodes", "--output", path).strip()


def prepare(steps: Steps) -> dict[str, str]:
    """Python environment, Docker, binaries and images (PREPARE_STEPS steps); our images' names."""
    with steps.step("Python environment (.venv)"):
        environment.ensure()
    with steps.step("Docker"):
        steps.outcome(daemon.ensure())
    with steps.step("Kubernetes, kind, helm and CloudNativePG from Go modules"):
        wanted = binaries.unbuilt()
        for number, tool in enumerate(wanted, 1):
            minutes = binaries.MINUTES.get(tool, 1)
            steps.say(f"building {tool} ({number} of {len(wanted)}, about {minutes} min)")
            binaries.build(tool)
        steps.outcome(f"{len(wanted)} built" if wanted else "all in the cache")
        environment.link([kind.kubectl(), kind.kind(), binaries.program("helm")])
    with steps.step("Debian base image"):
        steps.outcome(base.ensure())
    with steps.step("Images of operator, center and PostgreSQL"):
        names = images.build_all(steps.say)
    return names


def start(name: str, steps: Steps, *, port: int | None = None) -> Cluster:
    """Have the cluster `name` running with CloudNativePG and our images; STEPS steps.

    A running cluster is kept and brought up to date, a dead one is made anew. `port` is the wanted port of 127.0.0.1
    for the dashboard; the next free one is taken for a new cluster, and a running cluster keeps its own.
    """
    names = prepare(steps)
    operator = cnpg.image()
    with steps.step(f"kind cluster {name}"):
        if kind.alive(name):
            steps.outcome("runs already")
        else:
            image, own = kind.node_image([operator, names["postgresql"]], steps.say)
            steps.say("starting")
            free = None if port is None else kind.free_port(port)
            together(
                lambda: kind.create(name, image, own=own, port=free),
                lambda: [load.archive(names[which]) for which in ("operator", "center")],
            )
    with steps.step("CloudNativePG, and our images into the cluster"):
        together(lambda: _postgresql(name, operator), lambda: load.load(name, list(names.values())))
    return Cluster(name, names, kind.published_port(name))


def remove(name: str) -> None:
    """Remove a cluster and what was kept for it; nothing happens when there is none, nor to one not made here."""
    made = kind.configuration(name)
    if not daemon.answers() and made.exists():
        daemon.ensure()  # a stopped daemon still keeps the cluster's container and volumes on the disk
    if daemon.answers():
        kind.delete(name)
    made.unlink(missing_ok=True)


def _postgresql(name: str, operator: str) -> None:
    load.load(name, [operator])
    if not cnpg.installed(name, operator):
        kind.wait_services(name)  # an operator that cannot reach the API server yet is restarted, later and later
        cnpg.install(name, operator)
    cnpg.wait(name)


def together(*jobs: Callable[[], object]) -> None:
    """Run jobs at the same time; the first failure is raised when all have ended."""
    failures: list[BaseException] = []

    def guarded(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure if isinstance(failure, Failure) else Failure(str(failure)) from failure
