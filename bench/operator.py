"""The real operator as a process of its own, looked at from outside by its metrics."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bench.declared import PLATFORM
from bench.process import last, python
from e2e.apiserver import ApiServer
from e2e.ports import free_ports

START_SECONDS = 60


@dataclass(frozen=True)
class Figures:
    """What /metrics said. `writes` are by (kind, verb), renewals of the Lease not among them."""

    leads: bool
    queued: int
    writes: dict[tuple[str, str], int]
    looks: int


@dataclass
class Operator:
    """A running `python -m marsad`."""

    process: subprocess.Popen[bytes]
    port: int
    session: aiohttp.ClientSession

    async def figures(self) -> Figures:
        """Its metrics, now."""
        async with self.session.get(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text = await answer.text()
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        value = {one.name: one.value for one in samples if not one.labels}
        writes = {
            (one.labels["kind"], one.labels["verb"]): int(one.value)
            for one in samples
            if one.name == "marsad_writes_total"
        }
        looks = sum(int(one.value) for one in samples if one.name == "marsad_reconcile_total")
        return Figures(bool(value["marsad_leader"]), int(value["marsad_queue_depth"]), writes, looks)

    async def leading(self) -> None:
        """Wait until it leads, which it does only with whole caches. Raises AssertionError or TimeoutError."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                assert self.process.poll() is None, "the operator ended"
                try:
                    if (await self.figures()).leads:
                        return
                except (aiohttp.ClientError, KeyError):
                    pass  # not listening yet
                await asyncio.sleep(0.1)


@asynccontextmanager
async def operator(server: ApiServer, namespace: str) -> AsyncIterator[Operator]:
    """Start the operator (its Lease in `namespace`), yield it leading, and end it as a node would, or by force."""
    metrics, liveness = free_ports(2)
    settings = {
        "KUBECONFIG": str(server.kubeconfig),
        "MARSAD_RELEASE": PLATFORM.release,
        "MARSAD_CENTER_IMAGE": PLATFORM.center_image,
        "MARSAD_POSTGRESQL_IMAGE": PLATFORM.postgresql_image,
        "MARSAD_NAMESPACE": namespace,
        "MARSAD_HOST": "127.0.0.1",
        "MARSAD_METRICS_PORT": str(metrics),
        "MARSAD_LIVENESS_PORT": str(liveness),
        "MARSAD_REPORT_URL": "http://127.0.0.1:9/{namespace}",  # no center runs: refused at once
    }
    log = server.folder / "operator.log"
    with python(["marsad"], settings, log, folder=server.folder) as process:
        async with aiohttp.ClientSession() as session:
            running = Operator(process, metrics, session)
            try:
                await running.leading()
            except (AssertionError, TimeoutError) as error:
                raise RuntimeError(f"the operator does not lead: {error}\n{last(log)}") from None
            yield running
