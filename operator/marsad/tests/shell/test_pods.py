"""A pod that does not come up is told within seconds, and a status that follows it is not written for ever."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from marsad.core.world import Manifest
from marsad.tests.shell.conftest import World
from marsad.tests.shell.process import Operator
from marsad.tests.shell.waiting import eventually

ENDED = {"terminated": {"exitCode": 1, "reason": "Error"}}


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def container(**told: Any) -> Manifest:
    """Status of a pod whose one container reports this."""
    known = {"name": "gateway", "image": "marsad/center:9", "imageID": "", "ready": False, "restartCount": 0}
    return {"phase": "Running", "containerStatuses": [known | told]}


async def test_what_the_scheduler_says_is_told_before_any_deadline_of_the_rollout(
    world: World, operator: Operator
) -> None:
    await world.center.declare()
    await world.center.become_ready()
    await world.center.wither("gateway")
    await world.center.is_("PipelinesReady", "False", "RolloutInProgress")
    message = "0/1 nodes are available: 1 Insufficient cpu."
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    await world.center.pod("gateway", {"phase": "Pending", "conditions": [unscheduled | {"lastTransitionTime": now()}]})
    found = await world.center.is_("PipelinesReady", "False", "Unschedulable")  # though nothing is heard after this
    assert message in found["message"]
    assert message in (await world.center.is_("Stalled", "True", "Blocked"))["message"]
    await world.center.pod("gateway", container(ready=True) | {"conditions": []})
    await world.center.become_ready()
    await world.center.is_("Stalled", "False")


async def test_a_crash_loop_is_told_once_whatever_its_phase(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()
    await world.center.wither("gateway")

    async def looked(status: Manifest) -> None:
        looks = operator.metric("marsad_reconcile_total")
        await world.center.pod("gateway", status)
        await eventually(lambda: operator.metric("marsad_reconcile_total") > looks, "a look at the pod")

    def backing_off(number: int) -> Manifest:
        message = f"back-off {10 * number}s restarting failed container=gateway pod=gateway-5d8c-x2x9"
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        return container(state=state, lastState=ENDED, restartCount=number)

    await looked(backing_off(1))
    found = await world.center.is_("PipelinesReady", "False", "CrashLoopBackOff")
    assert "x2x9" not in found["message"]
    for number in (2, 3):  # two looks later the one that wrote has ended, and what it wrote is counted
        await looked(backing_off(number))
    settled = operator.metric("marsad_writes_total")
    for number in (4, 5):
        await looked(container(state={"running": {"startedAt": now()}}, lastState=ENDED, restartCount=number))
        await looked(container(state=ENDED, restartCount=number))
        await looked(backing_off(number))
    assert operator.metric("marsad_writes_total") == settled
    assert await world.center.condition("PipelinesReady") == found
