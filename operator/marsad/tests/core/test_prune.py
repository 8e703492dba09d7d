"""Only what we made, what is no longer declared, and what was certainly seen, is ever pruned."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from marsad.core import inventory
from marsad.core.diff import Plan, plan
from marsad.core.kinds import MANAGED
from marsad.core.world import Key, Manifest, Observed
from marsad.tests.core.worlds import MONITORING, Server, changed, cluster, key, secret, wanted, with_objects, world

BUDGET = key("PodDisruptionBudget", "gateway", "policy")
SMALLER = world(cluster(overrides={"gateway": {"replicas": 1}}))


def provisioned(observed: Observed | None = None) -> Server:
    """A server in which a medium center was written."""
    server = Server()
    server.reconcile(observed or world())
    return server


def pruned(step: Plan) -> set[Key]:
    """What a plan prunes."""
    return {Key.of(live) for live in step.prune}


def due(server: Server, observed: Observed) -> Plan:
    """The plan for a world with what is in that server, not carried out."""
    now = server.seen(observed)
    return plan(wanted(now), now, server.learned)


def test_what_is_no_longer_declared_is_pruned_and_then_forgotten() -> None:
    server = provisioned()
    assert pruned(server.reconcile(SMALLER)) == {BUDGET}
    assert BUDGET not in server.objects
    forgetting = server.reconcile(SMALLER)
    assert forgetting.inventory is not None
    assert not forgetting.apply
    assert inventory.entry(BUDGET) not in inventory.inventory(server.seen(SMALLER))
    assert server.reconcile(SMALLER).empty


def test_an_incomplete_view_prunes_nothing_and_forgets_nothing() -> None:
    server = provisioned()
    partial = replace(SMALLER, complete=False)
    assert not due(server, partial).prune
    del server.objects[key("Service", "dashboard")]  # as a failed list would show it
    server.reconcile(partial)
    assert inventory.entry(BUDGET) in inventory.inventory(server.seen(SMALLER))


def test_an_object_without_our_label_is_not_pruned() -> None:
    server = provisioned()
    server.objects[BUDGET] = changed(server.objects[BUDGET], "metadata.labels", {})
    assert not due(server, SMALLER).prune


def test_an_object_of_another_health_cluster_is_not_pruned() -> None:
    server = provisioned()
    server.objects[BUDGET] = changed(server.objects[BUDGET], "metadata.labels.marsad~dev/healthcluster", "other")
    assert not due(server, SMALLER).prune


def test_an_object_that_only_looks_like_ours_is_not_pruned() -> None:
    server = provisioned()
    theirs = changed(server.objects[BUDGET], "metadata.name", "copied-with-its-labels")
    server.objects[Key.of(theirs)] = theirs
    assert not due(server, world()).prune


@pytest.mark.parametrize("broken", ["", "{", "[1]", '{"a": 1}', "null"])
def test_a_broken_inventory_prunes_nothing_and_is_repaired(broken: str) -> None:
    server = provisioned()
    at = key("ConfigMap", inventory.NAME)
    server.objects[at] = changed(server.objects[at], "data.objects", broken)
    step = server.reconcile(SMALLER)
    assert not step.prune
    assert step.inventory is not None


def test_a_lost_inventory_prunes_nothing() -> None:
    server = provisioned()
    del server.objects[key("ConfigMap", inventory.NAME)]
    assert not server.reconcile(SMALLER).prune


def test_the_inventory_is_written_before_what_it_lists() -> None:
    step = due(Server(), world())
    assert step.inventory is not None
    listed = {tuple(item) for item in json.loads(step.inventory["data"]["objects"])}
    assert listed == {inventory.entry(Key.of(one)) for one in step.apply if one["kind"] != "Namespace"}


def test_the_database_is_not_pruned_even_when_nobody_serves_its_kind() -> None:
    server = provisioned()
    assert not due(server, world(served=frozenset())).prune


def test_monitoring_objects_are_not_pruned_while_their_kind_is_not_served() -> None:
    server = provisioned(world(served=frozenset({("postgresql.cnpg.io", "Cluster"), *MONITORING})))
    assert not {at for at in pruned(due(server, world())) if at.group == "monitoring.coreos.com"}


@pytest.mark.parametrize("kind", [kind for kind in MANAGED if not kind.prunable], ids=lambda kind: kind.kind)
def test_what_holds_state_or_secrets_is_never_pruned(kind: object) -> None:
    from marsad.core.kinds import Kind

    assert isinstance(kind, Kind)
    labels = {"app.kubernetes.io/managed-by": "marsad", "marsad.dev/healthcluster": "makkah"}
    live: Manifest = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": "old", "namespace": "makkah", "uid": "u", "labels": labels},
    }
    observed = with_objects(world(), live)
    listed = inventory.manifest(observed, {inventory.entry(Key.of(live))})
    observed = with_objects(observed, listed, secret("old"))
    assert inventory.entry(Key.of(live)) in inventory.inventory(observed)
    assert not plan(wanted(observed), observed, {}).prune
