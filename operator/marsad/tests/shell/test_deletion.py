"""How a HealthCluster goes, and who may follow it. Tests play CloudNativePG (see world.py)."""

from __future__ import annotations

import json

from marsad.api.names import LABEL_HEALTHCLUSTER
from marsad.core.kinds import CLUSTER, SECRET, VOLUME_CLAIM
from marsad.core.world import Manifest
from marsad.tests.shell.conftest import World
from marsad.tests.shell.process import Operator
from marsad.tests.shell.waiting import eventually, until
from marsad.tests.shell.world import KINDS, Center

SECRETS = {*(f"database-{role}" for role in ("owner", "gateway", "analytics", "reader")), "center-key"}


async def volume(world: World, name: str = "database-1", *, labelled: bool = True) -> Manifest:
    """A volume claim as CloudNativePG makes one: a child of its Cluster, with the labels it inherits."""
    database = await world.client.get(CLUSTER, world.namespace, "database")
    owner = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "name": "database", "controller": True}
    claim: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "namespace": world.namespace,
            "name": name,
            "labels": {"cnpg.io/cluster": "database", LABEL_HEALTHCLUSTER: world.center.name} if labelled else {},
            "annotations": {"cnpg.io/nodeSerial": "1"},
            "ownerReferences": [owner | {"uid": database["metadata"]["uid"]}],
            "finalizers": [],
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await world.client.create(VOLUME_CLAIM, claim)
    # The protection finalizer would need a controller to let the claim go.
    free = {"metadata": {"finalizers": None}}
    return await world.client.patch(VOLUME_CLAIM, world.namespace, name, free)


async def left(world: World) -> set[tuple[str, str]]:
    return set(await world.center.objects())


async def test_retain_keeps_volumes_and_passwords_and_a_new_one_of_the_name_finds_them(
    world: World, operator: Operator
) -> None:
    await world.center.declare()
    await world.center.become_ready()
    before = await volume(world)
    await volume(world, "database-2", labelled=False)  # someone took its labels
    owner = await world.client.get(SECRET, world.namespace, "database-owner")
    await world.center.delete()
    await world.center.vanish()
    volumes = {("PersistentVolumeClaim", name) for name in ("database-1", "database-2")}
    assert await left(world) == {("Secret", name) for name in SECRETS} | volumes
    kept = [await world.client.get(VOLUME_CLAIM, world.namespace, name) for _kind, name in sorted(volumes)]
    assert kept[0]["metadata"]["uid"] == before["metadata"]["uid"]
    assert not any(claim["metadata"].get("ownerReferences") for claim in kept), "nothing takes them along"
    written = [path for _method, path in world.proxy.writes(world.namespace)]
    released = max(number for number, path in enumerate(written) if "/persistentvolumeclaims/" in path)
    deletions = [path for method, path in world.proxy.writes(world.namespace)[released:] if method == "DELETE"]
    assert any("/clusters/" in path for path in deletions), "the volume is released before the database is deleted"

    await world.center.declare(facilities=False)
    await world.center.become_ready()
    again = await world.client.get(SECRET, world.namespace, "database-owner")
    assert again["metadata"]["uid"] == owner["metadata"]["uid"], "the password is the old one"


async def test_delete_leaves_nothing(world: World, operator: Operator) -> None:
    await world.center.declare(lambda spec: spec.update(deletionPolicy="Delete"))
    await world.center.become_ready()
    await volume(world)
    await world.center.delete()
    await world.center.vanish()
    assert await left(world) == set()
    assert not [line["message"] for line in operator.logged() if "reconcile failed" in line["message"]]


async def test_a_deletion_waits_while_paused_and_says_so(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()
    await world.center.edit(paused=True)
    await world.center.is_("Accepted", "True")
    before = await left(world)
    await world.center.delete()

    async def told() -> bool:
        status = (await world.center.live())["status"]
        return "paused" in json.dumps(status["conditions"])

    await until(told, "the condition says why nothing happens")
    assert await left(world) == before
    await world.center.edit(paused=False)
    await world.center.vanish()


async def test_the_second_healthcluster_of_a_namespace_is_refused_until_the_first_is_gone(
    world: World, operator: Operator
) -> None:
    await world.center.declare()
    await world.center.become_ready()
    second = Center(world.client, world.namespace, "second")
    await second.declare(facilities=False)
    await second.is_("Accepted", "False", "NamespaceTaken")
    await second.is_("Ready", "False")
    assert "finalizers" not in (await second.live())["metadata"], "it may go without the operator"
    objects = await world.center.objects()
    assert {item["metadata"]["labels"][LABEL_HEALTHCLUSTER] for item in objects.values()} == {world.center.name}
    await world.center.is_("Ready", "True")

    await world.center.delete()
    await world.center.vanish()
    await second.is_("Accepted", "True")
    deployment = KINDS["Deployment"]

    async def provided() -> bool:
        live = await world.center.get(deployment, "gateway")
        return live is not None and live["metadata"]["labels"][LABEL_HEALTHCLUSTER] == "second"

    await until(provided, "the second is provided")


async def test_an_operator_that_was_away_finishes_what_was_begun(world: World) -> None:
    async with world.operator("first") as first:
        await eventually(lambda: first.leads, "it leads")
        await world.center.declare()
        await world.center.become_ready()
    await world.center.delete()
    assert await world.center.live(), "the finalizer holds it"
    async with world.operator("second"):
        await world.center.vanish()


async def test_a_database_that_somebody_deletes_leaves_its_volumes_to_the_next_one(
    world: World, operator: Operator
) -> None:
    await world.center.declare()
    await world.center.become_ready()
    before = await world.client.get(CLUSTER, world.namespace, "database")
    claim = await volume(world)
    await world.client.delete(CLUSTER, before, same_version=False)

    async def made_anew() -> bool:
        live = await world.center.get(CLUSTER, "database")
        return live is not None and live["metadata"]["uid"] != before["metadata"]["uid"]

    await until(made_anew, "another Cluster is there")
    kept = await world.client.get(VOLUME_CLAIM, world.namespace, "database-1")
    assert kept["metadata"]["uid"] == claim["metadata"]["uid"]
    assert "ownerReferences" not in kept["metadata"], "the garbage collector has no reason to take it"
    live = await world.client.get(CLUSTER, world.namespace, "database")
    assert "cnpg.io/reconciliationLoop" not in (live["metadata"].get("annotations") or {}), "the engine may work"
    await world.center.become_ready()
