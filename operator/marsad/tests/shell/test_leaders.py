"""Two operators as real processes: never do both write, and one takes over when the other is gone or asleep."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack

from aiohttp import web

from marsad.shell.lease import LEASE
from marsad.tests.shell.conftest import World
from marsad.tests.shell.process import Operator
from marsad.tests.shell.proxy import problem
from marsad.tests.shell.waiting import eventually, until
from marsad.tests.shell.world import KINDS

TAKEOVER = 150.0  # seconds: the Lease lasts 15, and the machine may be busy


async def two(world: World, stack: AsyncExitStack) -> tuple[Operator, Operator]:
    """A leader and its standby, both with warm caches."""
    first = await stack.enter_async_context(world.operator("first"))
    await eventually(lambda: first.leads, "the first leads")
    second = await stack.enter_async_context(world.operator("second"))
    assert not second.leads
    return first, second


def writers(world: World, since: int = 0) -> list[str]:
    """Which operator wrote, write by write, Leases and Events apart."""
    seen = zip(world.proxy.seen[since:], world.proxy.agents[since:], strict=True)
    return [
        agent.split("(")[1].split("_")[0]
        for (method, path), agent in seen
        if method != "GET" and "/leases" not in path and agent.startswith("marsad/")
    ]


async def break_something(world: World) -> None:
    live = await world.center.get(KINDS["Service"], "gateway")
    if live is not None:
        await world.client.delete(KINDS["Service"], live, same_version=False)


async def is_repaired(world: World) -> None:
    async def back() -> bool:
        return await world.center.get(KINDS["Service"], "gateway") is not None

    await until(back, "the Service is made again", TAKEOVER)


async def test_a_standby_writes_nothing(world: World) -> None:
    async with AsyncExitStack() as stack:
        await two(world, stack)
        await world.center.declare()
        await world.center.become_ready()
        await break_something(world)
        await is_repaired(world)
        assert set(writers(world)) == {"first"}


async def test_what_dies_after_a_few_writes_is_finished_by_the_next(world: World) -> None:
    async with world.operator("first") as first:
        await eventually(lambda: first.leads, "the first leads")
        written = 0

        def third_is_the_last(request: web.Request) -> web.Response | None:
            nonlocal written
            if request.method != "PATCH" or not request.path.startswith(f"/api/v1/namespaces/{world.namespace}/"):
                return None
            written += 1
            if written == 3:
                first.signal(signal.SIGKILL)
            return problem(503, "the operator is dead") if written >= 3 else None

        world.proxy.fault = third_is_the_last
        await world.center.declare()
        await eventually(lambda: first.process.poll() is not None, "it is killed between two writes")
    left = {kind for kind, _name in await world.center.objects()}
    assert left, "it has begun"
    assert "Deployment" not in left, "and is far from done"
    world.proxy.fault = lambda _request: None
    async with world.operator("second"):
        await world.center.become_ready()


async def test_an_orderly_end_hands_over_at_once(world: World) -> None:
    async with AsyncExitStack() as stack:
        first, second = await two(world, stack)
        await world.center.declare()
        await world.center.become_ready()
        first.signal(signal.SIGTERM)
        await eventually(lambda: first.process.poll() is not None, "the first has ended")
        assert first.process.returncode == 0
        holder = (await world.client.get(LEASE, world.home, "marsad-operator"))["spec"]["holderIdentity"]
        assert not holder.startswith("first"), "it gave the Lease back: nobody waits for it to run out"
        await eventually(lambda: second.leads, "the second leads", TAKEOVER)
        await break_something(world)
        await is_repaired(world)


async def test_a_killed_leader_is_followed(world: World) -> None:
    async with AsyncExitStack() as stack:
        first, second = await two(world, stack)
        await world.center.declare()
        await world.center.is_("Ready", "False")
        first.process.kill()
        await eventually(lambda: second.leads, "the second leads", TAKEOVER)
        await world.center.become_ready()


async def test_a_leader_that_sleeps_past_its_lease_wakes_up_and_writes_nothing(world: World) -> None:
    async with AsyncExitStack() as stack:
        first, second = await two(world, stack)
        await world.center.declare()
        await world.center.become_ready()
        first.signal(signal.SIGSTOP)
        for _ in range(3):  # so that it has something to do as soon as it wakes up
            await break_something(world)
        await is_repaired(world)
        assert second.leads
        awake = len(world.proxy.seen)
        first.signal(signal.SIGCONT)
        await break_something(world)
        await is_repaired(world)
        await eventually(lambda: first.metric("marsad_leader") == 0, "the first knows that it does not lead")
        assert set(writers(world, awake)) <= {"second"}
