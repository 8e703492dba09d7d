"""What others change is repaired, what nobody changed is left alone, and nothing is written without a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from marsad.core.kinds import MANAGED, NAMESPACE
from marsad.core.world import Manifest
from marsad.tests.shell.conftest import World
from marsad.tests.shell.process import Operator
from marsad.tests.shell.proxy import problem
from marsad.tests.shell.waiting import eventually, until
from marsad.tests.shell.world import KINDS

WHEN = "2026-01-01T00:00:00Z"
EDITS: dict[str, Any] = {
    "Service": {"spec": {"ports": [{"name": "http", "port": 9999}]}},
    "ServiceAccount": {"automountServiceAccountToken": True},
    "ResourceQuota": {"spec": {"hard": {"pods": "1"}}},
    "LimitRange": {"spec": {"limits": []}},
    "Deployment": {"spec": {"replicas": 0, "template": {"spec": {"automountServiceAccountToken": True}}}},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": "100%", "minAvailable": None}},
    "NetworkPolicy": {"spec": {"podSelector": {"matchLabels": {"other": "pods"}}}},
    "Cluster": {"spec": {"instances": 1}},
    "Job": {"metadata": {"labels": {"marsad.dev/healthcluster": None}}},  # its spec cannot be changed
    "Secret": {"metadata": {"labels": {"app.kubernetes.io/part-of": "control-center"}}},  # never written again
}


def edit(live: Manifest) -> Any:
    """A merge patch that changes what the operator wrote. (What others add beside it is tolerated, and not tried.)"""
    return {"data": dict.fromkeys(live["data"], "{}")} if live["kind"] == "ConfigMap" else EDITS[live["kind"]]


def essence(item: Manifest) -> Any:
    """What an edit can change: not versions, times, statuses and who owns which field."""
    volatile = ("resourceVersion", "uid", "creationTimestamp", "managedFields", "generation")
    metadata = {name: value for name, value in item["metadata"].items() if name not in volatile}
    rest = {name: value for name, value in item.items() if name not in ("metadata", "status")}
    if item["kind"] == "Service":  # addresses are given anew
        rest["spec"] = {name: value for name, value in rest["spec"].items() if not name.startswith("clusterIP")}
    if item["kind"] == "Job":  # the server makes its selector from the uid
        rest = {}
        metadata["labels"] = {n: v for n, v in metadata["labels"].items() if "uid" not in n}
    if item["kind"] in ("Secret", "PersistentVolumeClaim"):
        rest = {}
    return metadata, rest


async def settled(world: World) -> dict[tuple[str, str], Any]:
    await world.center.declare()
    await world.center.become_ready()
    return {key: essence(item) for key, item in (await world.center.objects()).items()}


async def test_every_managed_object_that_is_edited_is_repaired(world: World, operator: Operator) -> None:
    before = await settled(world)
    edited = set()
    for kind, name in before:
        live = await world.client.get(KINDS[kind], world.namespace, name)
        await world.client.patch(KINDS[kind], world.namespace, name, edit(live))
        edited.add(kind)
        await repaired(world, kind, name, before[kind, name])
    served = {kind.kind for kind in MANAGED if not kind.optional or kind.kind == "Cluster"}
    assert edited == served - {"PersistentVolumeClaim"}, "an edit for each kind that exists here"


async def test_every_managed_object_that_is_deleted_is_made_again(world: World, operator: Operator) -> None:
    before = await settled(world)
    for kind, name in before:
        live = await world.client.get(KINDS[kind], world.namespace, name)
        await world.client.delete(KINDS[kind], live, same_version=False)
        await repaired(world, kind, name, before[kind, name])


async def repaired(world: World, kind: str, name: str, wanted: Any) -> None:
    async def right() -> bool:
        live = await world.center.get(KINDS[kind], name)
        return live is not None and essence(live) == wanted

    await until(right, f"{kind}/{name} is as it was")


@pytest.mark.usefixtures("prometheus")
async def test_what_prometheus_is_told_is_repaired_too(world: World) -> None:
    async with world.operator():
        before = await settled(world)
        told = [(kind, name) for kind, name in before if kind in ("ServiceMonitor", "PrometheusRule")]
        assert {kind for kind, _name in told} == {"ServiceMonitor", "PrometheusRule"}
        for kind, name in told:
            live = await world.client.get(KINDS[kind], world.namespace, name)
            nothing: Manifest = {"spec": {"endpoints": []} if kind == "ServiceMonitor" else {"groups": []}}
            await world.client.patch(KINDS[kind], world.namespace, name, nothing)
            await repaired(world, kind, name, before[kind, name])
            await world.client.delete(KINDS[kind], live, same_version=False)
            await repaired(world, kind, name, before[kind, name])


async def test_a_rule_added_to_the_default_deny_goes(world: World, operator: Operator) -> None:
    before = await settled(world)
    opened: Manifest = {"spec": {"ingress": [{}], "egress": [{}]}}
    await world.client.patch(KINDS["NetworkPolicy"], world.namespace, "default-deny", opened)
    await repaired(world, "NetworkPolicy", "default-deny", before["NetworkPolicy", "default-deny"])


async def test_the_pod_security_labels_of_the_namespace_are_kept(world: World, operator: Operator) -> None:
    await settled(world)
    label = "pod-security.kubernetes.io/enforce"

    async def restricted() -> bool:
        live = await world.client.get(NAMESPACE, "", world.namespace)
        return bool(live["metadata"].get("labels", {}).get(label) == "restricted")

    await until(restricted, "the label is there")
    for value in ("privileged", None):
        await world.client.patch(NAMESPACE, "", world.namespace, {"metadata": {"labels": {label: value}}})
        await until(restricted, f"the label is repaired after {value}")


async def quiet(world: World, operator: Operator, looks: int) -> None:
    """Wait until so many looks in a row have written nothing."""
    seen = (operator.metric("marsad_reconcile_total"), len(world.proxy.writes()))

    def still() -> bool:
        nonlocal seen
        now = (operator.metric("marsad_reconcile_total"), len(world.proxy.writes()))
        if now[1] != seen[1]:
            seen = now
        return now[0] >= seen[0] + looks

    await eventually(still, f"{looks} looks without a write", deadline=400)


async def test_an_idle_center_is_looked_at_and_nothing_is_written(world: World) -> None:
    async with world.operator(MARSAD_RESYNC_SECONDS="1", MARSAD_POLL_SECONDS="1") as operator:
        await world.center.declare()
        await world.center.become_ready()
        # What was under way ends first; the first answer about feeds changes status, too.
        await quiet(world, operator, looks=20)
        looks, writes = operator.metric("marsad_reconcile_total"), len(world.proxy.writes())
        await eventually(lambda: operator.metric("marsad_reconcile_total") >= looks + 6, "six resyncs")
        assert world.proxy.writes()[writes:] == []


async def test_what_others_wrote_into_a_status_goes_and_then_nothing_is_written(world: World) -> None:
    await world.center.declare()
    lie = {"type": "BackedUp", "status": "True", "reason": "ByHand", "message": "", "lastTransitionTime": WHEN}
    theirs = {"conditions": [lie], "database": {"engine": "by-hand", "primary": "theirs"}}
    await world.center.say(theirs)
    async with world.operator(MARSAD_RESYNC_SECONDS="1") as operator:

        async def gone() -> bool:
            return "ByHand" not in (told := json.dumps((await world.center.live()).get("status"))) and "Ready" in told

        await until(gone, "the operator's own status stands alone")
        assert "theirs" not in json.dumps((await world.center.live())["status"])
        await quiet(world, operator, looks=10)
        assert operator.metric("marsad_writes_total", kind="HealthCluster", verb="patch-status") >= 1


async def test_a_restarted_operator_writes_nothing_that_is_right_already(world: World) -> None:
    async with world.operator("first"):
        await world.center.declare()
        await world.center.become_ready()
    writes = len(world.proxy.writes())
    async with world.operator("second") as operator:
        await eventually(lambda: operator.metric("marsad_reconcile_total", outcome="done") >= 1, "a look")
        about = [path for _method, path in world.proxy.writes()[writes:]]
        assert [path for path in about if "/status" not in path] == []


class TestOthers:
    """What is not ours is not touched."""

    async def test_an_object_of_a_wanted_name_that_is_someone_elses_is_left_alone(self, world, operator) -> None:
        theirs = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"namespace": world.namespace, "name": "dashboard"},
        }
        theirs["spec"] = {"ports": [{"name": "x", "port": 1}]}
        made = await world.client.create(KINDS["Service"], theirs)
        await world.center.declare()
        await world.center.is_("Ready", "False")
        await world.center.is_("DashboardsReady", "False")
        await eventually(lambda: operator.metric("marsad_writes_total", kind="Deployment") >= 3, "the rest is written")
        live = await world.client.get(KINDS["Service"], world.namespace, "dashboard")
        assert live["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]

    async def test_objects_that_carry_no_label_outlive_the_center(self, world: World, operator: Operator) -> None:
        metadata = {"namespace": world.namespace, "name": "theirs"}
        theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}
        made = await world.client.create(KINDS["ConfigMap"], theirs)
        await world.center.declare(lambda spec: spec.update(deletionPolicy="Delete"))
        await world.center.become_ready()
        await world.center.delete()
        await world.center.vanish()
        live = await world.client.get(KINDS["ConfigMap"], world.namespace, "theirs")
        assert live["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


class TestPruning:
    """What is no longer wanted goes, but only after complete lists."""

    async def replicas(self, world: World, name: str, number: int) -> bool:
        live = await world.client.get(KINDS["Deployment"], world.namespace, name)
        return bool(live["spec"]["replicas"] == number)

    async def budgets(self, world: World) -> set[str]:
        return {name for kind, name in await world.center.objects() if kind == "PodDisruptionBudget"}

    async def test_what_a_smaller_size_does_without_is_removed(self, world: World, operator: Operator) -> None:
        await settled(world)
        assert await self.budgets(world) == {"gateway", "dashboard"}
        await world.center.edit(size="small")

        async def none() -> bool:
            return not await self.budgets(world)

        await until(none, "no budget is left")

    @pytest.mark.parametrize("failing", ["/apis/networking.k8s.io/v1/networkpolicies", "/api/v1/configmaps"])
    async def test_nothing_is_removed_while_a_list_fails(self, world: World, operator: Operator, failing: str) -> None:
        await settled(world)
        world.proxy.fault = lambda request: problem(500, "sick") if request.path == failing else None
        world.proxy.cut()
        kind = "NetworkPolicy" if "networkpolicies" in failing else "ConfigMap"
        await eventually(lambda: operator.metric("marsad_cache_synced", kind=kind) == 0, "the list fails")
        looks = operator.metric("marsad_reconcile_total")
        await world.center.edit(size="small")
        await eventually(lambda: operator.metric("marsad_reconcile_total") >= looks + 2, "looks at the new size")
        await until(lambda: self.replicas(world, "gateway", 1), "what can be applied is applied")
        assert await self.budgets(world) == {"gateway", "dashboard"}
        assert not [path for method, path in world.proxy.writes() if method == "DELETE"]
        world.proxy.fault = lambda _request: None

        async def none() -> bool:
            return not await self.budgets(world)

        await until(none, "they go once the lists are whole")


class TestPause:
    """spec.paused: observe and report, write nothing."""

    async def test_nothing_is_written_while_paused_and_everything_is_repaired_after(self, world, operator) -> None:
        before = await settled(world)
        await world.center.edit(paused=True)
        await world.center.is_("Ready", "True")
        live = await world.client.get(KINDS["ConfigMap"], world.namespace, "center")
        await world.client.delete(KINDS["ConfigMap"], live)
        looks = operator.metric("marsad_reconcile_total")
        await world.center.wither("gateway")
        await world.center.is_("PipelinesReady", "False")
        await eventually(lambda: operator.metric("marsad_reconcile_total") > looks, "looks")
        assert await world.center.get(KINDS["ConfigMap"], "center") is None
        await world.center.edit(paused=False)
        await repaired(world, "ConfigMap", "center", before["ConfigMap", "center"])

    async def test_a_declaration_that_is_born_paused_is_not_provisioned(self, world: World, operator: Operator) -> None:
        await world.center.declare(lambda spec: spec.update(paused=True))
        await world.center.is_("Ready", "False")
        assert await world.center.objects() == {}
        assert "finalizers" not in (await world.center.live())["metadata"]
