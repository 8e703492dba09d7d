"""A bad network, a sick server, a newer API, a missing engine: nothing is lost, and status says what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from e2e import crds
from e2e.apiserver import apiserver as start_apiserver
from marsad.core.kinds import HEALTHCLUSTER
from marsad.tests.shell.conftest import World, world_of
from marsad.tests.shell.process import Operator
from marsad.tests.shell.proxy import problem
from marsad.tests.shell.waiting import eventually, until
from marsad.tests.shell.world import KINDS


async def test_fields_of_a_newer_api_are_tolerated(world: World, operator: Operator) -> None:
    def newer(path: str, answer: dict[str, Any]) -> None:
        for item in [answer, *(answer.get("items") or ())]:
            for part in ("spec", "status"):
                if isinstance(item.get(part), dict):
                    item[part]["fromTheFuture"] = {"nested": [1, {"a": None}]}

    world.proxy.edit = newer
    world.proxy.cut()
    await world.center.declare()
    await world.center.become_ready()
    await world.center.edit(size="small")
    await world.center.is_("Ready", "False")
    await world.center.become_ready()
    deleted = [path for method, path in world.proxy.writes(world.namespace) if method == "DELETE"]
    assert {path.split("/")[-2] for path in deleted} == {"poddisruptionbudgets"}, "what the smaller size does without"
    assert not [line for line in operator.logged() if line["level"] in ("error", "critical")]


async def test_a_declaration_that_cannot_be_read_says_so_and_leaves_what_runs(world: World) -> None:
    async with world.operator():
        await world.center.declare()
        await world.center.become_ready()
    before = await world.center.objects()

    def unknown(_path: str, answer: dict[str, Any]) -> None:
        for item in [answer, *(answer.get("items") or ())]:
            if item.get("kind") == "HealthCluster":
                item["spec"]["size"] = "giant"

    world.proxy.edit = unknown
    async with world.operator("older"):
        found = await world.center.is_("Accepted", "False", "Invalid")
        assert "cannot be read: spec.size" in found["message"]
        await world.center.is_("Stalled", "True")
        status = (await world.center.live())["status"]
        assert status["endpoints"], "what was observed before stays"
        assert await world.center.objects() == before
        await world.center.delete()
        await until(lambda: says(world, "removed once it can be read"), "it says what its deletion waits for")
        world.proxy.edit = None
        await world.center.edit(region="Jeddah")
        await world.center.vanish()


async def says(world: World, words: str) -> bool:
    """Whether the condition Accepted has these words."""
    return words in (await world.center.condition("Accepted")).get("message", "")


async def test_what_vanished_while_the_watches_were_deaf_is_made_again(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()
    world.proxy.deaf = True
    world.proxy.cut()
    live = await world.client.get(KINDS["Service"], world.namespace, "gateway")
    await world.client.delete(KINDS["Service"], live)
    world.proxy.deaf = False

    async def back() -> bool:
        return await world.center.get(KINDS["Service"], "gateway") is not None

    await until(back, "the Service is made again")


async def test_a_short_cut_is_no_news(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()
    before = (await world.center.live())["status"]
    world.proxy.fault = lambda request: problem(500, "cut") if "/services" in request.path else None
    world.proxy.cut()
    await eventually(lambda: operator.metric("marsad_cache_synced", kind="Service") == 0, "the cut is noticed")
    waits = operator.metric("marsad_reconcile_total", outcome="wait")
    await eventually(lambda: operator.metric("marsad_reconcile_total", outcome="wait") > waits, "a look meanwhile")
    looks = operator.metric("marsad_reconcile_total", outcome="done")
    world.proxy.fault = lambda _request: None
    await eventually(lambda: operator.metric("marsad_cache_synced", kind="Service") == 1, "the watch is back")
    await eventually(lambda: operator.metric("marsad_reconcile_total", outcome="done") > looks, "a look after that")
    assert (await world.center.live())["status"]["conditions"] == before["conditions"]


async def test_a_server_that_fails_in_the_middle_only_delays(world: World, operator: Operator) -> None:
    failures = [problem(500, "disk") for _ in range(5)] + [problem(429, "busy", retry_after=0) for _ in range(5)]

    def sick(request: web.Request) -> web.Response | None:
        writes = request.method == "PATCH" and "/leases" not in request.path
        return failures.pop() if failures and writes else None

    world.proxy.fault = sick
    await world.center.declare()
    await world.center.become_ready()
    assert failures == []
    assert operator.metric("marsad_write_errors_total") >= 5


async def test_an_object_that_is_refused_is_named_with_the_servers_sentence(world: World, operator: Operator) -> None:
    def refuse(request: web.Request) -> web.Response | None:
        refused = request.method == "PATCH" and request.path.endswith("/deployments/gateway")
        return problem(403, "exceeded quota: tight, requested: pods=9", reason="Forbidden") if refused else None

    world.proxy.fault = refuse
    await world.center.declare()

    async def quoted() -> bool:
        return "exceeded quota: tight" in json.dumps((await world.center.live()).get("status", {}))

    await until(quoted, "status quotes the server")
    await world.center.is_("Ready", "False")
    assert await world.center.get(KINDS["Deployment"], "dashboard"), "the others are written"
    world.proxy.fault = lambda _request: None
    await world.center.become_ready()


@pytest.fixture
async def without_engine(tmp_path: Path) -> AsyncIterator[World]:
    """An API server of its own, without CloudNativePG's kinds."""
    with start_apiserver() as server:
        crds.install(server, crds.ours())
        async with world_of(server, tmp_path) as made:
            yield made


async def test_a_missing_engine_is_named_and_used_once_it_is_installed(without_engine: World) -> None:
    world = without_engine
    async with world.operator():
        await world.center.declare()
        found = await world.center.is_("DatabaseReady", "False", "EngineMissing")
        assert "CloudNativePG" in found["message"]
        await world.center.is_("Ready", "False")
        await asyncio.to_thread(crds.install, world.server, crds.cloudnative_pg())
        await world.center.become_ready()


class Dashboard:
    """A center's /api/v1/feeds, as the test wants it to answer."""

    def __init__(self) -> None:
        self.feeds: list[dict[str, Any]] | None = []

    async def answer(self, _request: web.Request) -> web.Response:
        return web.Response(status=503) if self.feeds is None else web.json_response(self.feeds)


@pytest.fixture
async def dashboard() -> AsyncIterator[tuple[Dashboard, str]]:
    """A dashboard and its address, with the place for the namespace in it."""
    made = Dashboard()
    application = web.Application()
    application.router.add_get("/{namespace}/feeds", made.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield made, f"http://127.0.0.1:{runner.addresses[0][1]}/{{namespace}}/feeds"
    await runner.cleanup()


async def test_freshness_is_what_the_center_says_and_unknown_when_it_is_silent(world: World, dashboard) -> None:
    center, url = dashboard
    async with world.operator(MARSAD_REPORT_URL=url, MARSAD_POLL_SECONDS="1") as operator:
        await world.center.declare()
        await world.center.become_ready()
        center.feeds = [feed("KFH", "his", "live", 3.0)]
        await world.center.is_("FreshnessMet", "True")
        status = (await world.client.get(HEALTHCLUSTER, world.namespace, world.center.name))["status"]
        assert status["facilities"]["reporting"] == 1
        center.feeds = [feed("KFH", "his", "live", 999.0)]
        await world.center.is_("FreshnessMet", "False")
        await world.center.is_("Ready", "True")
        center.feeds = None
        await world.center.is_("FreshnessMet", "Unknown")
        await eventually(lambda: operator.metric("marsad_center_polls_total", outcome="failed") >= 2, "failed polls")


def feed(facility: str, name: str, state: str, p95: float | None) -> dict[str, Any]:
    freshness = {"p50": p95, "p95": p95, "max": p95}
    return {"facility": facility, "feed": name, "state": state, "freshnessSeconds": freshness}
