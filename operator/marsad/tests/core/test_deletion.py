"""A HealthCluster goes in steps: nothing that holds data goes with it unless it was told to."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from marsad.core import inventory
from marsad.core.deletion import DeletionPlan, deletion
from marsad.core.world import Key, Manifest, Observed
from marsad.tests.core.worlds import changed, cluster, deleting, key, provided, secret, with_objects, world

CLUSTER = key("Cluster", "database", "postgresql.cnpg.io")
CLAIMS = {key("PersistentVolumeClaim", f"database-{at}") for at in (1, 2)}
ROLES = ("owner", "gateway", "analytics", "reader")
SECRETS = {key("Secret", name) for name in (*(f"database-{role}" for role in ROLES), "center-key")}


def claim(name: str, **metadata: Any) -> Manifest:
    """A volume claim of the database as CloudNativePG makes it: owned by the Cluster, and labelled."""
    owner = {"kind": "Cluster", "name": "database", "uid": f"uid-{CLUSTER}"}
    labels = {"cnpg.io/cluster": "database", "marsad.dev/healthcluster": "makkah"}
    made = {"name": name, "namespace": "makkah", "uid": f"uid-{name}", "resourceVersion": "5", "labels": labels}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": made | {"ownerReferences": [owner]} | metadata,
    }


def doomed(policy: str = "Retain", **spec: Any) -> Observed:
    """A provided center that is being deleted, with its volumes and something of someone else."""
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "theirs", "namespace": "makkah", "uid": "t"}}
    observed = with_objects(provided(), claim("database-1"), claim("database-2"), theirs, secret("database-theirs"))
    return replace(observed, cluster=deleting(cluster(deletionPolicy=policy, **spec)))


def obey(observed: Observed, step: DeletionPlan) -> Observed:
    """The world after a step: patched, deleted, and with what the Cluster owns collected."""
    objects = deepcopy(dict(observed.objects))
    for change in step.patches:
        metadata = objects[Key.of(change.live)]["metadata"]
        for name, value in change.patch["metadata"].items():
            if value is None:
                metadata.pop(name, None)
            else:
                metadata[name] = {**metadata.get(name, {}), **value} if isinstance(value, dict) else value
    for live in step.deletes:
        objects.pop(Key.of(live))
    if CLUSTER not in objects:
        for at in [at for at, live in objects.items() if live["metadata"].get("ownerReferences")]:
            del objects[at]
    return replace(observed, objects=objects)


def story(observed: Observed) -> tuple[list[str], Observed]:
    """Names of the steps to the end, and the world at the end."""
    steps = []
    for _ in range(20):
        step = deletion(observed)
        steps.append(step.step)
        if step.finished:
            return steps, observed
        assert step.patches or step.deletes, f"{step.step} would wait for ever"
        observed = obey(observed, step)
    raise AssertionError(steps)


def test_retain_keeps_volumes_and_passwords_and_removes_the_rest() -> None:
    steps, after = story(doomed())
    assert steps == ["workloads", "halt", "release", "database", "rest", "inventory", "done"]
    namespace = Key("", "Namespace", "", "makkah")
    kept = {namespace, *CLAIMS, *SECRETS, key("Service", "theirs"), key("Secret", "database-theirs")}
    assert set(after.objects) == kept
    assert not any("ownerReferences" in after.objects[at]["metadata"] for at in CLAIMS)


def test_delete_removes_volumes_and_passwords_too_and_nothing_of_others() -> None:
    steps, after = story(doomed("Delete"))
    assert steps == ["workloads", "database", "rest", "inventory", "done"]
    kept = {Key("", "Namespace", "", "makkah"), key("Service", "theirs"), key("Secret", "database-theirs")}
    assert set(after.objects) == kept


def test_what_someone_wrote_into_the_inventory_is_not_deleted_for_it() -> None:
    theirs = key("Service", "theirs")
    observed = doomed("Delete")
    listed = inventory.manifest(observed, inventory.inventory(observed) | {inventory.entry(theirs)})
    assert theirs in story(with_objects(observed, listed))[1].objects


def test_what_lost_our_labels_is_deleted_all_the_same() -> None:
    service = key("Service", "gateway")
    observed = doomed()
    stripped = changed(observed.objects[service], "metadata.labels", {})
    assert service not in story(with_objects(observed, stripped))[1].objects


def test_the_cluster_is_not_deleted_while_it_owns_a_volume() -> None:
    observed = doomed()
    for _ in range(3):
        step = deletion(observed)
        assert CLUSTER not in {Key.of(live) for live in step.deletes}
        observed = obey(observed, step)
    assert [Key.of(live) for live in deletion(observed).deletes] == [CLUSTER]
    late = with_objects(observed, claim("database-3"))
    assert deletion(late).step == "release"


@pytest.mark.parametrize("labels", [{}, {"cnpg.io/cluster": "database"}, {"marsad.dev/healthcluster": "makkah"}])
def test_a_volume_that_lost_its_labels_is_released_too(labels: dict[str, str]) -> None:
    bare = claim("database-1", labels=labels)
    _steps, after = story(with_objects(doomed(), bare))
    assert set(after.objects) >= CLAIMS


def test_the_engine_is_told_to_leave_the_database_alone_before_it_loses_a_volume() -> None:
    halting = deletion(obey(doomed(), deletion(doomed())))
    assert [Key.of(change.live) for change in halting.patches] == [CLUSTER]
    assert halting.patches[0].patch["metadata"]["annotations"] == {"cnpg.io/reconciliationLoop": "disabled"}


def test_a_patch_holds_the_version_it_was_decided_on_and_other_owners_stay() -> None:
    other = {"kind": "Backup", "name": "b", "uid": "uid-other"}
    owners = [claim("x")["metadata"]["ownerReferences"][0], other]
    observed = with_objects(doomed(), claim("database-1", ownerReferences=owners))
    while deletion(observed).step != "release":
        observed = obey(observed, deletion(observed))
    first = deletion(observed).patches[0].patch["metadata"]
    assert first == {"resourceVersion": "5", "ownerReferences": [other]}


def test_fences_go_after_all_that_they_fence() -> None:
    observed = doomed()
    while (step := deletion(observed)).step != "rest":
        assert not {Key.of(live).kind for live in step.deletes} & {"NetworkPolicy", "ServiceAccount", "ResourceQuota"}
        observed = obey(observed, step)
    assert "NetworkPolicy" in {Key.of(live).kind for live in step.deletes}


def test_what_is_going_already_is_awaited_and_not_deleted_twice() -> None:
    observed = doomed()
    gateway = key("Deployment", "gateway", "apps")
    going = changed(observed.objects[gateway], "metadata.deletionTimestamp", "2026-03-01T12:00:00Z")
    step = deletion(with_objects(observed, going))
    assert gateway in step.awaited
    assert gateway not in {Key.of(live) for live in step.deletes}


def test_an_incomplete_view_deletes_nothing_and_finishes_nothing() -> None:
    for observed in (doomed(), replace(doomed(), objects={})):
        step = deletion(replace(observed, complete=False))
        assert not (step.deletes + step.patches)
        assert not step.finished


def test_a_pause_holds_up_the_deletion_and_says_so() -> None:
    step = deletion(doomed(paused=True))
    assert not (step.deletes + step.patches)
    assert not step.finished
    assert "spec.paused" in step.message


@pytest.mark.parametrize("paused", [False, True])
def test_a_namespace_that_is_going_is_not_held_up(paused: bool) -> None:
    namespace = {"name": "makkah", "deletionTimestamp": "2026-03-01T12:00:00Z"}
    going = with_objects(doomed(paused=paused), {"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
    assert deletion(going).finished


def test_a_refused_rival_goes_without_touching_the_center() -> None:
    rival = deleting(cluster("younger", born="2026-03-01T09:00:00Z", deletionPolicy="Delete"))
    observed = replace(doomed(), cluster=rival, rivals=(cluster(),))
    assert deletion(observed).finished


def test_a_health_cluster_that_never_made_anything_goes_at_once() -> None:
    assert deletion(world(deleting(cluster()))).finished
