"""Parts for tests of the shell: a client of a real API server, a running operator, and waiting with a deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e import crds as definitions
from e2e.apiserver import ApiServer
from marsad.core.kinds import FACILITY, HEALTHCLUSTER
from marsad.shell.client import Client
from marsad.shell.connection import from_kubeconfig
from marsad.tests.shell.process import Operator
from marsad.tests.shell.proxy import Proxy
from marsad.tests.shell.waiting import eventually
from marsad.tests.shell.world import Center


@pytest.fixture
async def client(apiserver: ApiServer) -> AsyncIterator[Client]:
    """An administrator's client."""
    async with Client(from_kubeconfig(apiserver.kubeconfig), user_agent="tests") as opened:
        yield opened


class World:
    """An API server, a namespace with a HealthCluster's name, a proxy, and operators that run behind it."""

    def __init__(self, server: ApiServer, client: Client, namespace: str, proxy: Proxy, folder: Path) -> None:
        self.server, self.client, self.namespace, self.proxy, self.folder = server, client, namespace, proxy, folder
        self.home = server.create_namespace("operator")
        self.center = Center(client, namespace)

    def operator(self, name: str = "operator", **environment: str) -> Operator:
        """An operator whose Lease is in `home`; enter it to run it."""
        return Operator(self.folder, proxy=self.proxy, namespace=self.home, name=name, environment=environment)


@asynccontextmanager
async def world_of(server: ApiServer, folder: Path) -> AsyncIterator[World]:
    """A world of its own; what it leaves in the API server does not bother the next one."""
    namespace = server.create_namespace("makkah")
    async with (
        Client(from_kubeconfig(server.kubeconfig), user_agent="tests") as client,
        Proxy(server) as proxy,
    ):
        yield World(server, client, namespace, proxy, folder)
        for kind in (FACILITY, HEALTHCLUSTER):
            for item in (await client.list(kind, namespace=namespace)).items:
                await client.patch(kind, namespace, item["metadata"]["name"], {"metadata": {"finalizers": None}})
                await client.delete(kind, item, same_version=False)


@pytest.fixture
async def world(crds: ApiServer, cnpg_crds: ApiServer, tmp_path: Path) -> AsyncIterator[World]:
    """A world with all kinds installed, and no operator yet."""
    async with world_of(crds, tmp_path) as made:
        yield made


@pytest.fixture
async def operator(world: World) -> AsyncIterator[Operator]:
    """An operator that leads in `world`."""
    async with world.operator() as running:
        await eventually(lambda: running.leads, "it leads")
        yield running


def monitoring() -> list[dict[str, Any]]:
    """Bare definitions of the Prometheus operator's kinds, so that the rights for them are needed."""
    made = []
    for kind, plural in (("ServiceMonitor", "servicemonitors"), ("PrometheusRule", "prometheusrules")):
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
        made.append(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.monitoring.coreos.com"},
                "spec": {
                    "group": "monitoring.coreos.com",
                    "scope": "Namespaced",
                    "names": names,
                    "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
                },
            }
        )
    return made


@pytest.fixture
def prometheus(apiserver: ApiServer) -> Iterator[None]:
    """An API server that knows the Prometheus operator's kinds, for this test alone."""
    definitions.install(apiserver, monitoring())
    yield
    definitions.remove(apiserver, monitoring())
