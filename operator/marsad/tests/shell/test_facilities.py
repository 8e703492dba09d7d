"""A Facility that cannot be accepted any more: the center goes on hearing it, and its status says both."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from e2e import crds
from e2e.apiserver import apiserver as start_apiserver
from marsad.core.kinds import FACILITY
from marsad.core.world import Manifest
from marsad.tests.shell.conftest import World, world_of
from marsad.tests.shell.process import Operator
from marsad.tests.shell.waiting import eventually, until


async def known(world: World) -> dict[str, Manifest]:
    """What center.json says of each facility, by the name of its Facility."""
    document = json.loads((await world.center.objects())["ConfigMap", "center"]["data"]["center.json"])
    return {one["name"]: one for one in document["facilities"]}


async def accepted(world: World, name: str) -> Manifest:
    """The Facility's condition Accepted, when it was judged for what is declared now."""
    live = await world.client.get(FACILITY, world.namespace, name)
    found = {one["type"]: one for one in live.get("status", {}).get("conditions", ())}.get("Accepted", {})
    return found if found.get("observedGeneration") == live["metadata"]["generation"] else {}


async def is_refused(world: World, name: str, *words: str) -> None:
    """Wait until it is, with these words in the message."""

    async def so() -> bool:
        found = await accepted(world, name)
        said = all(word in found.get("message", "") for word in words)
        return (found.get("status"), found.get("reason")) == ("False", "Invalid") and said

    await until(so, f"{name} is refused: {words}")


async def test_a_slip_in_a_declaration_silences_no_facility_and_its_deletion_does(
    world: World, operator: Operator
) -> None:
    await world.center.declare()
    await world.center.become_ready()
    before = await known(world)
    name, (feed, *others) = next((name, one["feeds"]) for name, one in before.items() if one["feeds"])
    slip: dict[str, Any] = {"spec": {"feeds": [feed | {"timeZone": "Asia/Mecca"}, *others], "level": "Village"}}
    await world.client.patch(FACILITY, world.namespace, name, slip)
    await is_refused(world, name, "Asia/Mecca", "as it last was")
    assert await known(world) == before

    await world.client.delete(FACILITY, await world.client.get(FACILITY, world.namespace, name), same_version=False)

    async def gone() -> bool:
        return name not in await known(world)

    await until(gone, "it goes")


def newer(definition: dict[str, Any]) -> dict[str, Any]:
    """The CRD as of a release that has more kinds of facility."""
    made = deepcopy(definition)
    spec = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    spec["kind"]["enum"].append("Ship")
    return made


@pytest.fixture
async def newer_world(tmp_path: Path) -> AsyncIterator[World]:
    """An API server of its own, in which a newer release left its CRDs."""
    with start_apiserver() as server:
        found = {one["spec"]["names"]["kind"]: one for one in crds.ours()}
        crds.install(server, [*crds.cloudnative_pg(), found["HealthCluster"], newer(found["Facility"])])
        async with world_of(server, tmp_path) as made:
            yield made


async def test_a_facility_that_a_newer_release_let_in_is_heard_after_a_downgrade(newer_world: World) -> None:
    world = newer_world
    async with world.operator() as operator:
        await eventually(lambda: operator.leads, "it leads")
        await world.center.declare()
        await world.center.become_ready()
        before = await known(world)
        name = next(iter(before))
        await world.client.patch(FACILITY, world.namespace, name, {"spec": {"kind": "Ship"}})
        await is_refused(world, name, "cannot be read", "spec.kind", "as it last was")
        assert await known(world) == before

        crds.install(world.server, crds.ours())  # what stands there is against its own schema now
        path = f"/apis/marsad.dev/v1alpha1/namespaces/{world.namespace}/facilities/{name}/status"
        blank = {"status": {"conditions": None}}
        await world.client.ask("PATCH", path, body=blank, content="application/merge-patch+json")
        await is_refused(world, name, "cannot be read")
        assert await known(world) == before
        assert not [line["message"] for line in operator.logged() if "reconcile failed" in line["message"]]
