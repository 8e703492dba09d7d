"""What is written once is not written again; what differs is written; and nothing else is touched."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from marsad.core.compare import as_desired, project
from marsad.core.diff import learn, overwrite, plan
from marsad.core.world import Key, Manifest
from marsad.tests.core.golden import STACKS
from marsad.tests.core.worlds import (
    Server,
    changed,
    cluster,
    deleting,
    facility,
    key,
    kinds,
    provided,
    wanted,
    with_objects,
    without,
    world,
)

GOING = {"deletionTimestamp": "2026-03-01T11:59:00Z"}


class Canonical(Server):
    """Rewrites quantities as the real API server does, and fills in what it fills in."""

    def admitted(self, live: Manifest) -> Manifest:
        made = deepcopy(live)
        if made["kind"] == "ResourceQuota":
            made["spec"]["hard"] = {name: value.replace("000m", "") for name, value in made["spec"]["hard"].items()}
            made["spec"]["hard"]["pods"] += ""
        if made["kind"] == "Deployment":
            made["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
            for container in made["spec"]["template"]["spec"]["containers"]:
                container["resources"]["requests"] = {"cpu": "rewritten", "memory": "rewritten"}
        if made["kind"] == "NetworkPolicy":
            for rule in made["spec"].get("ingress", []):
                rule["ports"] = [{**port, "endPort": None, "added": True} for port in rule["ports"]]
        return made


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("server", [Server, Canonical])
def test_a_second_pass_changes_nothing(stack: str, server: type[Server]) -> None:
    live = server(dict(STACKS[stack].objects))
    first = live.reconcile(STACKS[stack])
    assert {Key.of(one) for one in first.apply} == {Key.of(one) for one in wanted(STACKS[stack])}
    assert live.reconcile(STACKS[stack]).empty


def test_after_a_restart_only_what_the_server_rewrote_is_applied_and_only_once() -> None:
    server = Canonical()
    server.reconcile(world())
    again = server.reconcile(world(), learned={})
    assert {one["kind"] for one in again.apply} == {"Deployment", "NetworkPolicy"}
    assert server.reconcile(world()).empty


def test_without_rewriting_a_restart_applies_nothing() -> None:
    server = Server()
    server.reconcile(world())
    assert server.reconcile(world(), learned={}).empty


EDITS = [
    ("apps", "Deployment", "gateway", "spec.replicas", 0),
    ("apps", "Deployment", "gateway", "spec.template.spec.containers.0.image", "evil:latest"),
    ("apps", "Deployment", "dashboard", "spec.template.spec.securityContext.runAsNonRoot", False),
    ("", "Service", "gateway", "spec.ports.0.port", 2599),
    ("", "Service", "dashboard", "spec.selector", {}),
    ("", "ConfigMap", "center", "data.center~json", "{}"),
    ("", "ServiceAccount", "gateway", "automountServiceAccountToken", True),
    ("", "ResourceQuota", "center", "spec.hard.pods", "1"),
    ("", "LimitRange", "center", "spec.limits", []),
    ("policy", "PodDisruptionBudget", "gateway", "spec.maxUnavailable", 2),
    ("networking.k8s.io", "NetworkPolicy", "default-deny", "spec.policyTypes", ["Egress"]),
    ("networking.k8s.io", "NetworkPolicy", "default-deny", "spec.podSelector", {"matchLabels": {"a": "b"}}),
    ("networking.k8s.io", "NetworkPolicy", "default-deny", "spec.ingress", [{}]),
    ("networking.k8s.io", "NetworkPolicy", "dns", "spec.egress.0.ports.0.endPort", 65535),
    ("", "Service", "gateway", "spec.selector.more", "than ours"),
    ("postgresql.cnpg.io", "Cluster", "database", "spec.enableSuperuserAccess", True),
    ("postgresql.cnpg.io", "Cluster", "database", "spec.managed.roles.0.superuser", True),
]


@pytest.mark.parametrize(("group", "kind", "name", "path", "value"), EDITS, ids=[f"{e[1]}.{e[3]}" for e in EDITS])
@pytest.mark.parametrize("restarted", [False, True])
def test_an_edit_is_seen(group: str, kind: str, name: str, path: str, value: Any, restarted: bool) -> None:
    server = Server()
    server.reconcile(world())
    at = key(kind, name, group)
    server.objects[at] = changed(server.objects[at], path, value)
    step = plan(wanted(world()), server.seen(world()), {} if restarted else server.learned)
    assert [Key.of(one) for one in step.apply] == [at]
    assert not step.prune


def test_an_edit_of_a_rewritten_object_is_seen() -> None:
    server = Canonical()
    server.reconcile(world())
    at = key("Deployment", "gateway", "apps")
    server.objects[at] = changed(server.objects[at], "spec.template.spec.containers.0.resources.requests.cpu", "9")
    assert [Key.of(one) for one in server.reconcile(world()).apply] == [at]


def test_labels_taken_away_come_back() -> None:
    server = Server()
    server.reconcile(world())
    at = key("Service", "gateway")
    server.objects[at] = changed(server.objects[at], "metadata.labels", {})
    assert [Key.of(one) for one in server.reconcile(world()).apply] == [at]


def test_pod_security_labels_taken_from_the_namespace_come_back() -> None:
    server = Server()
    server.reconcile(world())
    at = Key("", "Namespace", "", "makkah")
    server.objects[at] = changed(server.objects[at], "metadata.labels", {"kubernetes.io/metadata.name": "makkah"})
    assert [Key.of(one) for one in server.reconcile(world()).apply] == [at]


def test_a_deleted_object_is_made_again() -> None:
    server = Server()
    server.reconcile(world())
    for at in list(server.objects):
        del server.objects[at]
        step = server.reconcile(world())
        assert at in server.objects, at
        assert len(step.apply) + (step.inventory is not None) == 1


def test_what_others_add_beside_our_fields_is_tolerated() -> None:
    server = Server()
    server.reconcile(world())
    at = key("Deployment", "gateway", "apps")
    live = changed(server.objects[at], "metadata.annotations.deployment~kubernetes~io/revision", "3")
    live["metadata"]["labels"]["team"] = "blue"
    live["status"] = {"replicas": 2}
    live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "mesh", "image": "mesh:1"})
    live["spec"]["template"]["spec"]["containers"][1]["env"].append({"name": "THEIRS", "value": "1"})
    server.objects[at] = live
    assert server.reconcile(world()).empty


def test_a_field_that_is_no_longer_declared_is_removed_by_its_digest() -> None:
    server = Server()
    database = {"storage": {"size": "10Gi"}, "parameters": {"log_temp_files": "0"}}
    server.reconcile(world(cluster(database=database)))
    step = server.reconcile(world())
    assert [Key.of(one).kind for one in step.apply] == ["Cluster"]


def test_an_object_that_is_being_deleted_is_made_again_only_once_it_is_gone() -> None:
    server = Server()
    server.reconcile(world())
    at = key("Deployment", "gateway", "apps")
    server.objects[at]["metadata"] |= GOING
    step = server.reconcile(world())
    assert step.empty
    assert step.differs == {at}
    del server.objects[at]
    assert [Key.of(one) for one in server.reconcile(world()).apply] == [at]


@pytest.mark.parametrize(
    "observed",
    [
        world(cluster(paused=True)),
        world(deleting(cluster())),
        world(cluster(release="9.9.9")),
        world(cluster("younger", born="2026-03-01T09:00:00Z"), rivals=(cluster(),)),
        with_objects(world(), {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "makkah"} | GOING}),
    ],
    ids=["paused", "deleting", "not in release", "namespace taken", "namespace going"],
)
def test_nothing_is_written(observed: Any) -> None:
    server = Server(dict(observed.objects))
    assert server.reconcile(observed).empty
    assert server.objects == observed.objects


def test_a_refusal_of_a_running_center_prunes_nothing() -> None:
    server = Server()
    server.reconcile(world())
    before = deepcopy(server.objects)
    step = server.reconcile(world(cluster(release="9.9.9")))
    assert step.empty
    assert server.objects == before


def test_a_pause_shows_what_would_be_written() -> None:
    observed = without(provided(), key("Service", "gateway"))
    paused = replace(observed, cluster=cluster(paused=True))
    step = plan(wanted(paused), paused, {})
    assert step.differs == {key("Service", "gateway")}
    assert step.empty


def test_an_object_of_someone_else_is_left_alone_and_named() -> None:
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "gateway", "namespace": "makkah", "uid": "x"}}
    server = Server({Key.of(theirs): theirs})
    step = server.reconcile(world())
    assert step.foreign == (key("Service", "gateway"),)
    assert server.objects[key("Service", "gateway")] == theirs
    assert server.reconcile(world()).foreign == step.foreign


def test_true_is_not_one_and_a_number_is_not_its_text() -> None:
    def live(value: Any) -> Manifest:
        return {"kind": "X", "spec": {"a": value, "list": [value]}}

    assert as_desired(live(1), live(1))
    assert not as_desired(live(1), live(True))
    assert not as_desired(live(1), live("1"))


def test_empty_and_absent_are_the_same() -> None:
    assert as_desired({"kind": "X", "spec": {"a": {}, "b": [], "c": None}}, {"kind": "X", "spec": {}})
    assert not as_desired({"kind": "X", "a": {}}, {"kind": "X", "a": {"b": 1}})
    assert not as_desired({"kind": "X", "a": False}, {"kind": "X"})


def test_a_projection_keeps_the_paths_we_set_and_whole_lists() -> None:
    manifest = kinds(wanted(world(facilities=(facility(),))), "Deployment")["gateway"]
    live = changed(manifest, "spec.paused", True)
    live["spec"]["template"]["spec"]["containers"].append({"name": "mesh"})
    assert project(manifest, live) == manifest
    assert learn(manifest, live) == (manifest["metadata"]["annotations"]["marsad.dev/digest"], manifest)


def test_an_overwrite_holds_the_version_it_was_decided_on() -> None:
    live = {"metadata": {"resourceVersion": "7"}}
    manifest = kinds(wanted(world()), "Service")["gateway"]
    patch = overwrite(manifest, live)
    assert patch["metadata"]["resourceVersion"] == "7"
    assert patch["spec"] == manifest["spec"]
    assert "resourceVersion" not in manifest["metadata"]
