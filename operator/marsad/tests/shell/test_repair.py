"""The primary goes while its replica is made: the operator frees CloudNativePG (which the test plays) in two steps."""

from __future__ import annotations

from typing import Any

from marsad.api.names import LABEL_HEALTHCLUSTER
from marsad.core.kinds import CLUSTER, VOLUME_CLAIM, Kind
from marsad.core.world import Manifest
from marsad.shell.client import path
from marsad.tests.shell.conftest import World
from marsad.tests.shell.waiting import eventually, until
from marsad.tests.shell.world import JOB

LONG_AGO = "2026-01-01T00:00:00Z"
JOIN = "database-2-join"


def long_ago(_path: str, answer: dict[str, Any]) -> None:
    """Makes what the API server lists as old as the operator's patience asks for."""
    for item in answer.get("items") or ():
        item["metadata"]["creationTimestamp"] = LONG_AGO
        for condition in (item.get("status") or {}).get("conditions") or ():
            condition["lastTransitionTime"] = LONG_AGO


async def engine_says(world: World, **status: Any) -> None:
    """CloudNativePG writes the status of its Cluster."""
    to = f"{path(CLUSTER, world.namespace, 'database')}/status"
    await world.client.ask("PATCH", to, body={"status": status}, content="application/merge-patch+json")


async def made(world: World, kind: Kind, name: str, spec: Manifest, **labels: str) -> None:
    """CloudNativePG makes an object of its Cluster."""
    owner = await world.client.get(CLUSTER, world.namespace, "database")
    child = {"apiVersion": owner["apiVersion"], "kind": "Cluster", "name": "database", "uid": owner["metadata"]["uid"]}
    metadata = {
        "namespace": world.namespace,
        "name": name,
        "labels": {"cnpg.io/cluster": "database", LABEL_HEALTHCLUSTER: world.center.name} | labels,
        "annotations": {"cnpg.io/pvcStatus": "ready" if name == "database-1" else "initializing"},
        "ownerReferences": [child | {"controller": True}],
    }
    await world.client.create(kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata} | spec)
    if kind is VOLUME_CLAIM:  # no controller is here that would let a protected claim go
        await world.client.patch(kind, world.namespace, name, {"metadata": {"finalizers": None}})


async def stick(world: World) -> None:
    """The primary's pod is gone, and a Job waits for it."""
    container = {"name": "join", "image": "example/postgresql:15"}
    job = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}}
    claim = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    for name in ("database-1", "database-2"):
        await made(world, VOLUME_CLAIM, name, claim)
    await made(world, JOB, JOIN, job, **{"cnpg.io/jobRole": "join", "cnpg.io/instanceName": "database-2"})
    await engine_says(world, phase="Creating a new replica", readyInstances=0, instancesStatus=None)


async def told(world: World) -> list[str]:
    """The Events that tell of a deletion."""
    items = (await world.client.ask("GET", f"/apis/events.k8s.io/v1/namespaces/{world.namespace}/events"))["items"]
    return [item["note"] for item in items if item["reason"] == "PrimaryBlocked" and "Deleted" in item["note"]]


async def test_the_job_that_blocks_the_primary_goes_and_then_the_claim_that_it_left(world: World) -> None:
    async def gone(kind: Kind, name: str) -> bool:
        return await world.center.get(kind, name) is None

    async with world.operator("first"):
        await world.center.declare()
        await world.center.become_ready()
        await stick(world)
        found = await world.center.is_("DatabaseReady", "False", "PrimaryBlocked")
        assert f"kubectl delete job --namespace {world.namespace} {JOIN}" in found["message"]
        assert not await gone(JOB, JOIN), "CloudNativePG is given time"

    world.proxy.edit = long_ago
    async with world.operator("second") as operator:  # whoever leads knows since when
        await until(lambda: gone(JOB, JOIN), "the Job is deleted")
        await eventually(lambda: operator.metric("marsad_database_repairs_total", kind="Job") == 1, "it is counted")
        alone = {"healthy": ["database-1"]}
        await engine_says(world, readyInstances=1, instancesStatus=alone, danglingPVC=["database-2"])
        found = await world.center.is_("DatabaseReady", "True", "PrimaryServing")
        assert f"kubectl delete pvc --namespace {world.namespace} database-2" in found["message"]
        assert not await gone(VOLUME_CLAIM, "database-2"), "CloudNativePG is given time"

    async with world.operator("third") as operator:
        await until(lambda: gone(VOLUME_CLAIM, "database-2"), "the claim is deleted")
        counted = "marsad_database_repairs_total"
        await eventually(lambda: operator.metric(counted, kind="PersistentVolumeClaim") == 1, "it is counted")
    assert not await gone(VOLUME_CLAIM, "database-1"), "what the primary has is never touched"
    assert sorted(note.split()[1] for note in await told(world)) == [
        f"Job.batch/{JOIN}.",
        "PersistentVolumeClaim/database-2.",
    ]
