"""How long the operator takes for 22 HealthClusters, against a raw script that applies the same objects.

Both write to the same real API server, in turns, each round in fresh namespaces that are emptied afterwards. The
operator's clock runs from before the first HealthCluster is posted until its last write; the script's, while it
applies the very manifests that the core renders. What the operator does besides (Secrets, inventory, finalizers,
status, reading what it wrote) has no part in the script: that is what the ratio measures.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.api import Api, folder
from bench.declared import Declared, declare
from bench.operator import Operator, operator
from bench.outcome import Round, Spent, report
from bench.samples import Report
from e2e import crds
from e2e.apiserver import ApiServer, apiserver
from e2e.usage import peak_mib
from marsad.core.kinds import FACILITY, HEALTHCLUSTER, MANAGED, MONITORING, NAMESPACE, VOLUME_CLAIM, Kind
from marsad.core.templates import Templates, load
from marsad.core.world import Key
from marsad.shell.settings import SOURCE_TREE

OPERATOR_NAMESPACE = "marsad-system"
LOOK = 1.0  # seconds between looks at the operator's metrics, which cost it a few milliseconds each
QUIET = 3.0  # seconds without a write after which it is taken to be done
GIVE_UP = 180
KINDS = [kind for kind in MANAGED if kind.group != MONITORING and kind is not VOLUME_CLAIM]


async def measure(rounds: int) -> Report:
    """Run all rounds and report. Everything is started here and stopped here."""
    templates = load(SOURCE_TREE / "charts" / "center")
    with apiserver() as server:
        crds.install(server, [*crds.ours(), *crds.cloudnative_pg()])
        async with Api(server) as api:
            await _namespaces(api, [OPERATOR_NAMESPACE])
            await _raw(api, declare("warm-up"), templates)
            ours, raw = [], []
            for number in range(1, rounds + 1):
                mine, floor = declare(f"operator-{number}"), declare(f"raw-{number}")
                if number % 2:  # in turns, so that neither always runs on the warmer server
                    ours.append(await _operator(server, api, mine, templates))
                    raw.append(await _raw(api, floor, templates))
                else:
                    raw.append(await _raw(api, floor, templates))
                    ours.append(await _operator(server, api, mine, templates))
    return report(ours, raw)


async def _raw(api: Api, declared: Sequence[Declared], templates: Templates) -> Round:
    await _namespaces(api, [one.namespace for one in declared])
    wanted = [manifest for one in declared for manifest in one.wanted(templates)]
    spent, start = Spent.until_now(os.getpid()), time.monotonic()
    await api.apply_all(wanted)
    seconds = time.monotonic() - start
    done = Round(seconds, Spent.until_now(os.getpid()) - spent, len(wanted))
    await _empty(api, declared)
    return done


async def _operator(server: ApiServer, api: Api, declared: Sequence[Declared], templates: Templates) -> Round:
    await _namespaces(api, [one.namespace for one in declared])
    async with operator(server, OPERATOR_NAMESPACE) as running, _statuses(api) as last_write:
        facilities = (
            api.ask("POST", folder(FACILITY, one.namespace), facility)
            for one in declared for facility in one.facilities
        )  # fmt: skip
        await asyncio.gather(*facilities)
        await _quiet(running, last_write, time.monotonic())  # Facilities without a HealthCluster are told so first
        before, spent = await running.figures(), Spent.until_now(running.process.pid)
        start = time.monotonic()
        clusters = (api.ask("POST", folder(HEALTHCLUSTER, one.namespace), one.cluster) for one in declared)
        await asyncio.gather(*clusters)
        ended, then = await _quiet(running, last_write, start)
        after = await running.figures()
        writes = sum(after.writes.values()) - sum(before.writes.values())
        memory = peak_mib(running.process.pid)
        done = Round(ended - start, then - spent, writes, after.looks - before.looks, memory)
        await _complete(api, declared, templates)
    await _empty(api, declared)
    return done


async def _quiet(running: Operator, last_write: LastWrite, start: float) -> tuple[float, Spent]:
    """Wait until the operator has written nothing for a while and has nothing queued.

    When its last write was, and the processor time until the look that saw it: waiting costs, too.
    """
    written, looked, since, then = -1, start, start, Spent(0, 0)
    while True:
        spent = Spent.until_now(running.process.pid)
        figures, now = await running.figures(), time.monotonic()
        if sum(figures.writes.values()) != written:
            written, since, then = sum(figures.writes.values()), now, spent
            if last_write.at < looked:  # something else was written after the last status
                last_write.at = now
        if now - since >= QUIET and not figures.queued:
            return last_write.at, then
        assert now - start < GIVE_UP, f"still writing after {GIVE_UP} s: {figures}"
        looked = now
        await asyncio.sleep(LOOK)


@dataclass
class LastWrite:
    """When the last status was seen to be written. Each pass ends with those, so it is when the last pass wrote."""

    at: float = 0

    async def follow(self, api: Api, kind: Kind) -> None:
        """Watch a kind until cancelled; only its metadata, so that watching costs nobody much.

        A watch that the server ends is begun anew; what was missed meanwhile shows in the metrics, a look later.
        """
        while True:
            async for _ in api.watch(kind):
                self.at = time.monotonic()


@asynccontextmanager
async def _statuses(api: Api) -> AsyncIterator[LastWrite]:
    last_write = LastWrite()
    watching = [asyncio.create_task(last_write.follow(api, kind)) for kind in (HEALTHCLUSTER, FACILITY)]
    try:
        yield last_write
        for task in watching:
            if task.done():  # by an error: the end was not seen
                task.result()
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def _complete(api: Api, declared: Sequence[Declared], templates: Templates) -> None:
    """Every desired object exists; else the time measured is worth nothing."""
    lists = await asyncio.gather(*(api.list(kind) for kind in (NAMESPACE, *KINDS)))
    found = {Key.of(item) for items in lists for item in items}
    missing = {key for one in declared for key in one.keys(templates)} - found
    assert not missing, f"{len(missing)} objects are missing, such as {sorted(missing)[:3]}"


async def _namespaces(api: Api, names: Sequence[str]) -> None:
    manifests = ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names)
    await api.apply_all(manifests)


async def _empty(api: Api, declared: Sequence[Declared]) -> None:
    """Remove what a round left, so that the next one meets the same server. Nobody serves finalizers: take them off."""
    clusters = [item for item in await api.list(HEALTHCLUSTER) if item["metadata"].get("finalizers")]
    unbound = (
        api.ask("PATCH", f"{folder(HEALTHCLUSTER, item['metadata']['namespace'])}/{item['metadata']['name']}",
                {"metadata": {"finalizers": None}}, "application/merge-patch+json")
        for item in clusters
    )  # fmt: skip
    await asyncio.gather(*unbound)
    kinds = (HEALTHCLUSTER, FACILITY, *KINDS)
    await asyncio.gather(*(api.ask("DELETE", folder(kind, one.namespace)) for one in declared for kind in kinds))
