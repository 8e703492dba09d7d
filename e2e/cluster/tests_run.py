"""`make test`: have everything that any test needs, then one pytest run whose summary line is the last."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster import cnpg, debian, environment, kind, operator, start
from e2e.console import REPOSITORY, Steps

CLUSTER = "marsad-test"
# A browser, fonts with Arabic, a database server of the same release line as the operand's, and a clock to set.
PACKAGES = ["chromium", "fonts-noto-core", "postgresql", "postgresql-client", "faketime", "curl"]


def run(arguments: Sequence[str]) -> int:
    """Prepare with progress, run pytest, and leave no cluster behind; pytest's exit code (5 when it found no test)."""
    steps = Steps(start.PREPARE_STEPS + 3)
    with steps.step("Python packages for tests and checks"):
        environment.ensure("dev")
    with steps.step("Debian packages for tests"):
        installed = debian.install(PACKAGES)
        steps.outcome(f"{len(installed)} installed" if installed else "there already")
    names = start.prepare(steps)
    with steps.step("node image"):
        kind.node_image([cnpg.image(), names["postgresql"]], steps.say)
    kept = kind.exists(CLUSTER)  # somebody works with it
    try:
        # Two workers: one plays the stories on kind, which wait more than they compute, the other all the rest.
        command: list[str | Path] = [environment.PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadscope", *arguments]
        return subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, check=False).returncode
    finally:
        if not kept:
            start.remove(CLUSTER)


@contextmanager
def provided(name: str = CLUSTER, *, with_operator: bool = True) -> Iterator[start.Cluster]:
    """A cluster for tests with CloudNativePG and our images, by default with our operator, gone afterwards."""
    cluster = start.start(name, Steps(start.STEPS), port=kind.DASHBOARD_PORT)
    try:
        if with_operator:
            operator.install(cluster)
        yield cluster
    finally:
        start.remove(name)
