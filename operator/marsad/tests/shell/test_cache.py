"""The watch cache against a real API server behind a proxy that fails on demand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from marsad.api.names import LABEL_HEALTHCLUSTER
from marsad.core.kinds import POD, Kind
from marsad.core.world import Key, Manifest
from marsad.shell import watch
from marsad.shell.cache import Cache
from marsad.shell.client import Client
from marsad.shell.metrics import Metrics
from marsad.shell.watch import Watches
from marsad.tests.shell.proxy import Proxy, problem
from marsad.tests.shell.waiting import eventually

CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
SECRET = Kind("", "v1", "Secret", "secrets", metadata_only=True)
WIDGET = Kind("test.example", "v1", "Widget", "widgets", optional=True)
KINDS = (CONFIG_MAP, SECRET, WIDGET, POD)


def config_map(namespace: str, name: str, ours: bool = True, **data: str) -> Manifest:
    labels = {LABEL_HEALTHCLUSTER: "makkah"} if ours else {}
    metadata: dict[str, Any] = {"namespace": namespace, "name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


class World:
    """A running cache and what it reads from."""

    def __init__(self, proxy: Proxy, client: Client, cache: Cache, namespace: str) -> None:
        self.proxy, self.client, self.cache, self.namespace = proxy, client, cache, namespace
        self.changes: list[str] = []

    def names(self) -> set[str]:
        return {key.name for key in self.cache.namespace(self.namespace) if key.kind == "ConfigMap"}

    def get(self, name: str) -> Manifest | None:
        return self.cache.get(Key("", "ConfigMap", self.namespace, name))


@pytest.fixture
async def world(apiserver, namespace, client, monkeypatch) -> AsyncIterator[World]:
    monkeypatch.setattr(watch, "DISCOVERY", 0.2)
    metrics = Metrics()
    cache = Cache(metrics)
    async with Proxy(apiserver) as proxy, Client(proxy.connection) as proxied:
        world = World(proxy, client, cache, namespace)
        cache.listener = lambda _kind, item: world.changes.append(item["metadata"].get("name", ""))
        task = asyncio.create_task(Watches(proxied, cache, KINDS, metrics).run())
        await eventually(lambda: cache.synced(KINDS), "synced")
        yield world
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_what_changes_is_heard(world: World) -> None:
    await world.client.create(CONFIG_MAP, config_map(world.namespace, "a", x="1"))
    await eventually(lambda: world.names() == {"a"}, "the new object")
    await world.client.apply(CONFIG_MAP, config_map(world.namespace, "a", x="2"))
    await eventually(lambda: (world.get("a") or {}).get("data") == {"x": "2"}, "the change")
    await world.client.delete(CONFIG_MAP, await world.client.get(CONFIG_MAP, world.namespace, "a"))
    await eventually(lambda: world.names() == set(), "the deletion")


async def test_what_was_deleted_while_the_watch_was_cut_vanishes(world: World) -> None:
    for name in ("stays", "goes"):
        await world.client.create(CONFIG_MAP, config_map(world.namespace, name))
    await eventually(lambda: world.names() == {"stays", "goes"}, "both")
    world.proxy.fault = lambda _request: problem(500, "away")
    world.proxy.cut()
    await eventually(lambda: not world.cache.complete((CONFIG_MAP,)), "the cache knows that it may be wrong")
    await world.client.delete(CONFIG_MAP, await world.client.get(CONFIG_MAP, world.namespace, "goes"))
    assert world.names() == {"stays", "goes"}
    world.proxy.fault = lambda _request: None
    await eventually(lambda: world.names() == {"stays"}, "no ghost")
    await eventually(lambda: world.cache.complete(KINDS), "complete again")


async def test_an_expired_watch_leads_to_a_relist(world: World) -> None:
    await world.client.create(CONFIG_MAP, config_map(world.namespace, "a"))
    await eventually(lambda: world.names() == {"a"}, "the object")
    expired = [problem(410, "too old", reason="Expired") for _ in range(2)]
    world.proxy.fault = lambda request: expired.pop() if expired and "watch" in request.query else None
    world.proxy.cut()
    await world.client.delete(CONFIG_MAP, await world.client.get(CONFIG_MAP, world.namespace, "a"))
    await eventually(lambda: world.names() == set(), "the deletion")


async def test_a_failing_list_is_never_an_empty_list(world: World) -> None:
    await world.client.create(CONFIG_MAP, config_map(world.namespace, "a"))
    await eventually(lambda: world.names() == {"a"}, "the object")
    failing = "/api/v1/configmaps"
    world.proxy.fault = lambda request: problem(500, "sick") if request.path == failing else None
    world.proxy.cut()
    await eventually(lambda: not world.cache.complete(KINDS), "incomplete")
    lists = sum(failing in path for _method, path in world.proxy.seen)
    await eventually(lambda: sum(failing in path for _m, path in world.proxy.seen) > lists + 1, "it is tried again")
    assert world.names() == {"a"}
    assert world.cache.synced(KINDS)


async def test_a_kind_that_is_installed_later_is_watched_and_one_removed_is_forgotten(world: World) -> None:
    assert ("test.example", "Widget") not in world.cache.served()
    assert world.cache.complete(KINDS), "an optional kind that is not offered is known to be empty"
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    crd: Manifest = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.test.example"},
        "spec": {
            "group": "test.example",
            "scope": "Namespaced",
            "names": names,
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    definition = Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False)
    await world.client.apply(definition, crd)
    await eventually(lambda: ("test.example", "Widget") in world.cache.served(), "the kind is discovered")
    widget = {"apiVersion": "test.example/v1", "kind": "Widget"}
    await world.client.create(WIDGET, {**widget, "metadata": {"namespace": world.namespace, "name": "w"}})
    await eventually(lambda: Key.of(widget | {"metadata": {"namespace": world.namespace, "name": "w"}}), "the widget")
    live = await world.client.get(definition, "", "widgets.test.example")
    await world.client.delete(definition, live, same_version=False)
    world.proxy.cut()
    await eventually(lambda: ("test.example", "Widget") not in world.cache.served(), "the kind is forgotten")


async def test_a_secrets_value_and_managed_fields_are_not_kept(world: World) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": world.namespace, "name": "s"}}
    await world.client.create(SECRET, secret | {"stringData": {"password": "rosebud"}})
    await world.client.create(CONFIG_MAP, config_map(world.namespace, "theirs", ours=False, big="x" * 1000))
    await world.client.create(CONFIG_MAP, config_map(world.namespace, "ours", x="1"))
    await eventually(lambda: len(world.cache.namespace(world.namespace)) == 3, "three objects")
    assert "rosebud" not in str(world.cache.__dict__)
    assert "managedFields" not in str(world.cache.namespace(world.namespace))
    assert "data" not in (world.get("theirs") or {"data": ""}), "others' objects are known by name only"
    assert (world.get("ours") or {})["data"] == {"x": "1"}


async def test_of_pods_only_those_of_centers_are_kept_and_of_those_what_they_report(world: World) -> None:
    def pod(name: str, labels: dict[str, str]) -> Manifest:
        metadata = {"namespace": world.namespace, "name": name, "labels": labels, "annotations": {"spec": "copied"}}
        spec = {"containers": [{"name": "main", "image": "example/image:1"}]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def known() -> dict[str, Manifest]:
        return {item["metadata"]["name"]: item for item in world.cache.within(world.namespace, POD)}

    await world.client.create(POD, pod("theirs", {"app": "theirs"}))
    await world.client.create(POD, pod("ours", {LABEL_HEALTHCLUSTER: "makkah"}))
    await eventually(lambda: "ours" in known(), "the watch tells of our pod")
    world.proxy.cut()
    await world.client.create(POD, pod("another", {LABEL_HEALTHCLUSTER: "makkah"}))
    await eventually(lambda: "another" in known() and world.cache.complete(KINDS), "all are listed again")
    assert known().keys() == {"ours", "another"}
    for item in known().values():
        assert item.keys() == {"apiVersion", "kind", "metadata", "status"}
        assert item["status"]["phase"] == "Pending"
        assert "annotations" not in item["metadata"]


class TestOwnWrites:
    """The answer to a write is known before the watch tells it, and never outlives what the watch knows."""

    def test_the_echo_of_an_own_write_is_no_change(self) -> None:
        changes: list[str] = []
        cache = Cache(Metrics(), lambda _kind, item: changes.append(item["metadata"].get("resourceVersion", "")))
        cache.replace(CONFIG_MAP, [], "10")
        changes.clear()
        cache.wrote(CONFIG_MAP, versioned("a", 11))
        cache.hear(CONFIG_MAP, "ADDED", versioned("a", 11))
        cache.hear(CONFIG_MAP, "MODIFIED", versioned("a", 12))
        assert changes == ["11", "12"]

    def test_a_late_answer_does_not_bring_a_deleted_object_back(self) -> None:
        cache = Cache(Metrics())
        cache.replace(CONFIG_MAP, [versioned("a", 5)], "10")
        cache.hear(CONFIG_MAP, "DELETED", versioned("a", 12))
        cache.wrote(CONFIG_MAP, versioned("a", 11))
        assert cache.get(Key("", "ConfigMap", "n", "a")) is None

    def test_a_list_older_than_an_own_write_does_not_undo_it(self) -> None:
        cache = Cache(Metrics())
        cache.replace(CONFIG_MAP, [], "10")
        cache.wrote(CONFIG_MAP, versioned("a", 12))
        cache.replace(CONFIG_MAP, [], "11")
        assert cache.get(Key("", "ConfigMap", "n", "a")) is not None
        cache.replace(CONFIG_MAP, [], "13")
        assert cache.get(Key("", "ConfigMap", "n", "a")) is None


def versioned(name: str, version: int) -> Manifest:
    metadata = {"namespace": "n", "name": name, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def test_another_s_word_counts_only_when_it_is_newer_than_what_is_known() -> None:
    cache, known = Cache(Metrics()), config_map("makkah", "center")
    known["metadata"]["resourceVersion"] = "10"
    assert not cache.reached(Key.of(known), "9"), "nothing is known yet, or any more"
    cache.hear(CONFIG_MAP, "ADDED", known)
    assert cache.reached(Key.of(known), "9"), "as numbers: 9 is older than 10"
    assert cache.reached(Key.of(known), "10")
    assert not cache.reached(Key.of(known), "11")
