"""The parts of a center as processes of their own: started, killed as a failing machine would, started again."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from e2e.ports import free_ports
from marsad_center.settings import Component, DatabaseSettings, Settings
from marsad_center.tests.conftest import make_keys
from marsad_center.tests.environment import environment

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Part:
    """One process of a center. It keeps its ports from one life to the next, as a Service does for its pods."""

    settings: Settings
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def of(
        cls,
        settings: Settings,
        log: Path,
        database: DatabaseSettings | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Part:
        """A part on free ports; `database` leads elsewhere than the settings say, such as over a wire that breaks."""
        mllp, http, metrics = free_ports(3)
        settings = replace(settings, mllp_port=mllp, http_port=http, metrics_port=metrics)
        return cls(replace(settings, database=database or settings.database), log, environment or {})

    def start(self) -> None:
        """Start it; it may serve only a little later."""
        settings = replace(self.settings, keys=make_keys(self.settings.center.parent / "keys"))
        told = {**os.environ, "PYTHONPATH": str(REPOSITORY / "center"), **environment(settings), **self.environment}
        command = [sys.executable, "-m", "marsad_center", settings.component]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, env=told, stdout=out, stderr=out)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it in order, or by force."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    async def serves(self, seconds: float = 120) -> None:
        """Wait until it says that it is ready."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            try:
                await asyncio.to_thread(self._get, self.settings.metrics_port, "/readyz")
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return
            assert asyncio.get_running_loop().time() < deadline, self.log.read_text()[-3000:]

    async def json(self, path: str) -> Any:
        """A JSON answer of its HTTP port."""
        return json.loads(await asyncio.to_thread(self._get, self.settings.http_port, path))

    async def ready(self) -> bool:
        """Whether it says so now."""
        try:
            await asyncio.to_thread(self._get, self.settings.metrics_port, "/readyz")
        except OSError:
            return False
        return True

    async def metric(self, name: str) -> float:
        """One of its metrics, the sum over its labels."""
        text = (await asyncio.to_thread(self._get, self.settings.metrics_port, "/metrics")).decode()
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if re.match(rf"{name}(\{{| )", line))
        return sum(float(value) for _labels, value in lines)

    @staticmethod
    def _get(port: int, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return bytes(answer.read())


@dataclass
class Center:
    """A whole center: gateways, analytics, dashboard."""

    gateways: list[Part]
    analytics: Part
    dashboard: Part

    @classmethod
    def of(
        cls,
        settings: Mapping[Component, Settings],
        folder: Path,
        *,
        gateways: int = 1,
        environment: Mapping[str, str] | None = None,
    ) -> Center:
        """The parts by the settings of each component, not started."""

        def part(name: Component, log: str) -> Part:
            return Part.of(settings[name], folder / f"{log}.log", environment=environment)

        several = [part("gateway", f"gateway-{number}") for number in range(gateways)]
        return cls(several, part("analytics", "analytics"), part("dashboard", "dashboard"))

    @property
    def parts(self) -> list[Part]:
        """All of them."""
        return [*self.gateways, self.analytics, self.dashboard]

    async def __aenter__(self) -> Center:
        for part in self.parts:
            part.start()
        try:
            for part in self.parts:
                await part.serves()
        except BaseException:
            self.stop()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything."""
        for part in self.parts:
            part.stop()
