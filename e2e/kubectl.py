"""The few things a test says to a Kubernetes cluster, through the real kubectl."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class Refused(AssertionError):
    """kubectl said no; the text is what a person would have read."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl bound to one context. `namespace` None means the whole cluster or the manifest's own."""

    binary: str
    context: str

    def run(self, *words: str, stdin: str | None = None, deadline: float = 120) -> str:
        """Standard output of `kubectl WORDS`; `Refused` with standard error where it exits non-zero."""
        done = subprocess.run(
            [self.binary, "--context", self.context, *words],
            input=stdin, text=True, capture_output=True, timeout=deadline, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Refused(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any] | None:
        """The object, or None where it does not exist."""
        text = self.run("get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "json")
        return json.loads(text) if text.strip() else None

    def all(self, kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """The objects of a kind in a namespace, filtered by a label selector."""
        items: list[dict[str, Any]] = json.loads(self.run("get", kind, "-n", namespace, "-l", selector, "-o", "json"))[
            "items"
        ]
        return items

    def apply(self, text: str) -> str:
        """`kubectl apply` of YAML or JSON text, as a person's first command would be."""
        return self.run("apply", "-f", "-", stdin=text)

    def wait(self, target: str, condition: str, namespace: str, seconds: int) -> None:
        """`kubectl wait`, exactly as the README and a rollout use it."""
        self.run("wait", f"--for={condition}", target, "-n", namespace, f"--timeout={seconds}s", deadline=seconds + 15)

    def psql(self, namespace: str, query: str) -> list[list[str]]:
        """Rows of a query in the center's database, asked on its primary over the local socket."""
        primary = self.run("get", "cluster.postgresql.cnpg.io", "database", "-n", namespace, "-o",
                           "jsonpath={.status.currentPrimary}")  # fmt: skip
        text = self.run("exec", "-n", namespace, primary, "-c", "postgres", "--",
                        "psql", "-d", "center", "-XAtqF", "\t", "-c", query)  # fmt: skip
        return [line.split("\t") for line in text.splitlines()]


def eventually(what: str, look: Callable[[], T], seconds: float = 120, pause: float = 0.2) -> T:
    """The first truthy answer of `look`, asked again until the deadline; errors while waiting count as "not yet".

    Raises AssertionError with what was awaited, the last answer and the last error.
    """
    end = time.monotonic() + seconds
    answer: T | None = None
    error: Exception | None = None
    while time.monotonic() < end:
        try:
            answer, error = look(), None
            if answer:
                return answer
        except (OSError, AssertionError, subprocess.SubprocessError, ValueError, KeyError, IndexError) as caught:
            error = caught
        time.sleep(pause)
    raise AssertionError(f"{what}: not within {seconds:.0f} s; last answer {answer!r}, last error {error!r}")
