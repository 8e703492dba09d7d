"""The operator with the chart's rights and no others: it is refused nothing, and needs every one of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from e2e.apiserver import ApiServer
from marsad.shell.client import Client
from marsad.shell.connection import from_kubeconfig
from marsad.tests.shell.conftest import World
from marsad.tests.shell.proxy import Proxy
from marsad.tests.shell.test_certificates import authorities, over_tls
from marsad.tests.shell.test_chart import granted, one, render
from marsad.tests.shell.test_deletion import volume

GROUP = r"(?P<group>[^/]+\.[^/]+|apps|batch|policy)"
URL = re.compile(rf"^/apis?/(?:{GROUP}/)?v[^/]+(?:/namespaces/[^/]+(?=/))?/(?P<rest>[^?]*)")


async def grant(server: ApiServer, client: Client, namespace: str) -> str:
    """Install the chart's rights for a ServiceAccount of this namespace; return its token."""
    rights = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    for document in render():
        if document["kind"] not in rights:
            continue
        document["metadata"].pop("namespace", None)
        for subject in document.get("subjects", ()):
            subject["namespace"] = namespace
        text = yaml.safe_dump(document)
        where = [] if document["kind"].startswith("Cluster") else ["--namespace", namespace]
        server.kubectl("apply", "--server-side", *where, "--filename", "-", stdin=text)
    token = from_kubeconfig(server.service_account_kubeconfig(namespace, "marsad-operator")).token
    assert token
    return token


def used(proxy: Proxy) -> set[tuple[str, str, str]]:
    """(group, resource, verb) of every request that the operator made, as RBAC names them."""
    found = set()
    # An apply that makes something is a create, too.
    for method, path in [*proxy.seen, *(("POST", path) for path in proxy.made)]:
        parsed = URL.match(path)
        if parsed is None or not (rest := parsed["rest"]):
            continue
        resource, _, more = rest.partition("/")
        name, _, subresource = more.partition("/")
        if method == "GET":
            verb = "watch" if "watch=" in path else "get" if name else "list"
        else:
            verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}[method]
        found.add((parsed["group"] or "", f"{resource}/{subresource}" if subresource else resource, verb))
    return found


@pytest.mark.usefixtures("prometheus")
async def test_a_life_from_creation_to_deletion_needs_exactly_the_rights_of_the_chart(world: World) -> None:
    world.proxy.token = await grant(world.server, world.client, world.home)
    refused: list[str] = []

    def listen(path: str, answer: dict[str, Any]) -> None:
        if answer.get("kind") == "Status" and answer.get("code") in (401, 403):
            refused.append(f"{path}: {answer['message']}")

    world.proxy.edit = listen
    async with world.operator():
        await authorities(world)
        await world.center.declare(over_tls)
        await world.center.become_ready()
        names = {"hl7": {"tls": {"names": ["hl7.makkah.example"]}}}  # for which a certificate is issued anew
        await world.center.edit(size="small", pipelines=names)  # prunes budgets
        await world.center.become_ready()
        await volume(world)
        await world.center.delete()  # Retain: releases the volume
        await world.center.vanish()

        await world.center.declare(lambda spec: spec.update(deletionPolicy="Delete"), facilities=False)
        await world.center.become_ready()
        await world.center.delete()  # removes volumes and Secrets as well
        await world.center.vanish()
        assert set(await world.center.objects()) == {("ConfigMap", "facilities")}
    assert refused == []
    cluster_role = one(render(), "ClusterRole")
    needed = {right for right in used(world.proxy) if right[0] != "coordination.k8s.io"}
    assert needed == granted(cluster_role), "a right is granted that nothing needs, or the other way round"
