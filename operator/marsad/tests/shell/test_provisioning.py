"""A declaration becomes a control center, and status says how far it is. Tests play the controllers (see world.py)."""

from __future__ import annotations

import base64
import json

from marsad.api.names import FINALIZER
from marsad.core.kinds import FACILITY
from marsad.core.world import Manifest
from marsad.tests.shell.conftest import World
from marsad.tests.shell.process import Operator
from marsad.tests.shell.waiting import eventually, until

ROLES = ("owner", "gateway", "analytics", "reader")


async def passwords(world: World) -> dict[str, str]:
    """The passwords and keys as only an administrator can read them."""
    found = {}
    for role in ROLES:
        path = f"/api/v1/namespaces/{world.namespace}/secrets/database-{role}"
        data = (await world.client.ask("GET", path))["data"]
        assert base64.b64decode(data["username"]).decode() == role
        found[role] = base64.b64decode(data["password"]).decode()
    keys = (await world.client.ask("GET", f"/api/v1/namespaces/{world.namespace}/secrets/center-key"))["data"]
    return found | {name: base64.b64decode(value).decode() for name, value in keys.items()}


async def events(world: World) -> list[Manifest]:
    path = f"/apis/events.k8s.io/v1/namespaces/{world.namespace}/events"
    items = (await world.client.ask("GET", path))["items"]
    return [item for item in items if item["regarding"]["kind"] == "HealthCluster"]


async def test_ready_is_right_in_both_directions(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.is_("Ready", "False")
    await world.center.become_ready()
    await world.center.is_("Ready", "True", "AllStagesReady")

    await world.center.wither("gateway")
    await world.center.is_("PipelinesReady", "False")
    await world.center.is_("Ready", "False", "StageNotReady")
    await world.center.grow()
    await world.center.is_("Ready", "True")

    await world.center.edit(overrides={"dashboard": {"replicas": 3}})
    await world.center.is_("Ready", "False")  # is_ waits for the new generation
    await world.center.become_ready()


async def test_the_finalizer_is_there_before_anything_else(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.is_("Ready", "False")
    writes = [path for _method, path in world.proxy.writes(world.namespace)]
    assert f"/healthclusters/{world.center.name}?" in writes[0]
    assert FINALIZER in (await world.center.live())["metadata"]["finalizers"]
    policies = [number for number, path in enumerate(writes) if "/networkpolicies/" in path]
    workloads = [number for number, path in enumerate(writes) if "/deployments/" in path or "/jobs/" in path]
    assert max(policies) < min(workloads), "no pod may run for a moment without its policies"


async def test_everything_is_labelled_and_nothing_is_owned(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()
    objects = await world.center.objects()
    assert {"Deployment", "Job", "Service", "Secret", "NetworkPolicy", "Cluster", "ConfigMap"} <= {
        k for k, _ in objects
    }
    for (kind, name), item in objects.items():
        assert item["metadata"]["labels"]["marsad.dev/healthcluster"] == world.center.name, (kind, name)
        assert "ownerReferences" not in item["metadata"], (kind, name)


async def test_passwords_and_keys_are_made_once_and_told_to_nobody(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()
    before = await passwords(world)
    assert before.keys() == {*ROLES, "1", "tokens"}
    assert len(set(before.values())) == len(before)
    assert all(len(password) >= 40 for password in before.values())
    await world.center.edit(size="small")
    await world.center.is_("Ready", "False")
    await world.center.become_ready()
    assert await passwords(world) == before
    log = operator.log.read_text()
    objects = str(await world.center.objects())
    for password in before.values():
        assert password not in log
        assert password not in objects
        assert password not in json.dumps(await events(world))


async def test_events_tell_of_transitions_and_of_nothing_else(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()

    async def is_told(what: str) -> bool:  # an Event is posted after the status that it tells of
        return any(event["note"].startswith(what) for event in await events(world))

    async def looked(*values: str) -> None:
        looks = operator.metric("marsad_reconcile_total")
        for value in values:
            annotated = {"metadata": {"annotations": {"test": value}}}
            await world.client.patch(FACILITY, world.namespace, "al-noor", annotated)
        await eventually(lambda: operator.metric("marsad_reconcile_total") > looks, "a look")

    await until(lambda: is_told("Ready is True"), "the Event of Ready")
    await looked("before")  # the look that told of it has ended, and has told all
    told = await events(world)
    assert {event["reportingController"] for event in told} == {"marsad.dev/operator"}
    await looked("a", "b", "c")
    assert len(await events(world)) == len(told)
    assert not await is_told("Ready is False")
    await world.center.wither("gateway")
    await until(lambda: is_told("Ready is False"), "the Event of what was lost")


async def test_facilities_reach_the_center_and_are_told_what_became_of_them(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()

    async def accepted() -> dict[str, str]:
        found = {}
        for item in (await world.client.list(FACILITY, namespace=world.namespace)).items:
            conditions = {one["type"]: one for one in item.get("status", {}).get("conditions", ())}
            found[item["metadata"]["name"]] = conditions.get("Accepted", {}).get("reason", "")
        return found

    async def all_are(reason: str) -> bool:
        return set((await accepted()).values()) == {reason}

    await until(lambda: all_are("Accepted"), "every facility is accepted")
    document = json.loads((await world.center.objects())["ConfigMap", "center"]["data"]["center.json"])
    names = {item["spec"]["code"] for item in (await world.client.list(FACILITY, namespace=world.namespace)).items}
    assert {facility["code"] for facility in document["facilities"]} == names

    await world.center.delete()
    await world.center.vanish()
    await until(lambda: all_are("NoHealthCluster"), "without a HealthCluster they are told so")


async def test_metrics_have_their_documented_names_and_end_with_what_they_tell_of(
    world: World, operator: Operator
) -> None:
    await world.center.declare()
    await world.center.become_ready()
    about = {"namespace": world.namespace, "name": world.center.name}
    ready = {"type": "Ready", "status": "True", **about}
    await eventually(lambda: operator.metric("marsad_condition", **ready) == 1, "it tells of what it wrote")
    assert operator.metric("marsad_condition", type="Ready", status="False", **about) == 0
    assert operator.metric("marsad_reconcile_total", outcome="done") >= 1
    assert operator.metric("marsad_reconcile_duration_seconds_count") >= 1
    assert operator.metric("marsad_writes_total", kind="Deployment", verb="apply") >= 3
    assert operator.metric("marsad_leader") == 1
    names = {name for name, _labels in operator.metrics()}
    assert {"marsad_queue_depth", "marsad_cached_objects", "marsad_cache_synced"} <= names
    await world.center.delete()
    await world.center.vanish()
    await eventually(lambda: operator.metric("marsad_condition", **about) == 0, "its series are gone")


async def test_pods_of_others_are_kept_out_where_the_operator_knows_their_addresses(world: World) -> None:
    async with world.operator(MARSAD_POD_RANGES="10.244.0.0/16"):
        await world.center.declare()
        await world.center.become_ready()
        for name in ("gateway-from-facilities", "dashboard-from-users"):
            policy = (await world.center.objects())["NetworkPolicy", name]["spec"]
            peers = [peer["ipBlock"] for peer in policy["ingress"][0]["from"]]
            assert {"cidr": "10.0.0.0/8", "except": ["10.244.0.0/16"]} in peers


async def test_log_lines_name_the_object_and_the_cause(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()
    lines = [line for line in operator.logged() if line.get("object", {}).get("namespace") == world.namespace]
    assert lines
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in operator.logged())
    assert any("HealthCluster changed" in line.get("cause", "") for line in lines)
    assert not [line for line in operator.logged() if line["level"] in ("error", "critical")]


async def test_kopf_leaves_no_trace_on_our_objects(world: World, operator: Operator) -> None:
    await world.center.declare()
    await world.center.become_ready()
    for item in [await world.center.live(), *(await world.client.list(FACILITY, namespace=world.namespace)).items]:
        assert "kopf" not in json.dumps(item)
