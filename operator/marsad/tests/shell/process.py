"""The operator as a real process between the test and a proxy, so that every write and every failure is in sight."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from prometheus_client.parser import text_string_to_metric_families

from e2e.ports import free_port
from marsad.tests.shell.proxy import Proxy
from marsad.tests.shell.waiting import eventually

ROOT = Path(__file__).parents[4]


@dataclass
class Operator:
    """`python -m marsad`. Use as an async context manager: entered, its caches are synced."""

    folder: Path
    proxy: Proxy | None = None
    kubeconfig: Path | None = None
    namespace: str = "default"
    name: str = "operator"
    environment: dict[str, str] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self.metrics_port = free_port()
        kubeconfig = self.kubeconfig
        if self.proxy is not None:
            kubeconfig = self.folder / f"{self.name}.kubeconfig"
            kubeconfig.write_text(json.dumps(_kubeconfig(self.proxy)))
        self.log = self.folder / f"{self.name}.log"
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "operator"),
            "KUBECONFIG": str(kubeconfig),
            "MARSAD_CENTER_IMAGE": "marsad/center:test",
            "MARSAD_POSTGRESQL_IMAGE": "marsad/postgresql:15.0",
            "MARSAD_NAMESPACE": self.namespace,
            "MARSAD_POD_NAME": self.name,
            "MARSAD_HOST": "127.0.0.1",
            "MARSAD_METRICS_PORT": str(self.metrics_port),
            "MARSAD_LIVENESS_PORT": str(free_port()),
            "MARSAD_LOG_LEVEL": "DEBUG",
            "MARSAD_REPORT_URL": "http://127.0.0.1:1/{namespace}",
            **self.environment,
        }
        self.process = _start(environment, self.log)
        await eventually(self.ready, f"ready; its log ends with {self.log.read_text()[-2000:]}")
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                await eventually(lambda: self.process.poll() is not None, "an orderly end")
            finally:
                self.process.kill()
                self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/readyz", timeout=30):
                return True
        except OSError:
            return False

    @property
    def leads(self) -> bool:
        return self.metric("marsad_leader") == 1

    def metrics(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def metric(self, name: str, /, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        wanted = set(labels.items())
        return sum(value for (found, has), value in self.metrics().items() if found == name and wanted <= set(has))

    def logged(self) -> list[dict[str, Any]]:
        """The log so far; every line of it must be JSON, but for the one that is being written."""
        whole, _, _begun = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]


def _start(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen([sys.executable, "-m", "marsad"], env=environment, stdout=out, stderr=out)


def _kubeconfig(proxy: Proxy) -> dict[str, Any]:
    connection = proxy.connection
    return {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": connection.server}}],
        "users": [{"name": "test", "user": {"token": connection.token}}],
    }
