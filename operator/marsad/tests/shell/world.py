"""A HealthCluster in a bare API server, and the test in the parts that no controller plays there.

Nothing runs behind this API server: there is no CloudNativePG, no Deployment controller, no Job controller, no garbage
collector. `Center.grow` writes the statuses that they would write, and `Center.wither` takes one back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from marsad.core.kinds import CLUSTER, FACILITY, HEALTHCLUSTER, MANAGED, POD, Kind
from marsad.core.world import Manifest
from marsad.shell.client import Client, path
from marsad.shell.errors import Conflict, NotFound
from marsad.tests.shell.waiting import DEADLINE, until

DEPLOYMENT = next(kind for kind in MANAGED if kind.kind == "Deployment")
JOB = next(kind for kind in MANAGED if kind.kind == "Job")
KINDS = {kind.kind: kind for kind in MANAGED}
CONTROLLER = {"fieldManager": "test-controller"}


def example(namespace: str, name: str = "makkah") -> list[Manifest]:
    """The objects of examples/makkah.yaml, without its Namespace, in this one."""
    text = (Path(__file__).parents[4] / "examples" / "makkah.yaml").read_text()
    documents = [document for document in yaml.safe_load_all(text) if document["kind"] != "Namespace"]
    for document in documents:
        document["metadata"]["namespace"] = namespace
        if document["kind"] == "HealthCluster":
            document["metadata"]["name"] = name
    return documents


@dataclass
class Center:
    """One HealthCluster and what belongs to it."""

    client: Client
    namespace: str
    name: str = "makkah"

    async def declare(self, change: Callable[[Manifest], None] = lambda _spec: None, facilities: bool = True) -> None:
        """Create the example's HealthCluster, its spec changed by `change`, and its Facilities."""
        for document in example(self.namespace, self.name):
            if document["kind"] == "HealthCluster":
                change(document["spec"])
                await self.client.create(HEALTHCLUSTER, document)
            elif facilities:
                await self.client.create(FACILITY, document)

    async def say(self, status: Manifest) -> None:
        """Write into the HealthCluster's status as someone else would, who is not the operator."""
        to = f"{path(HEALTHCLUSTER, self.namespace, self.name)}/status"
        body = {"status": status}
        await self.client.ask("PATCH", to, query=CONTROLLER, body=body, content="application/merge-patch+json")

    async def live(self) -> Manifest:
        return await self.client.get(HEALTHCLUSTER, self.namespace, self.name)

    async def edit(self, **spec: Any) -> None:
        await self.client.patch(HEALTHCLUSTER, self.namespace, self.name, {"spec": spec})

    async def delete(self) -> None:
        await self.client.delete(HEALTHCLUSTER, await self.live(), same_version=False)

    async def condition(self, kind: str) -> Manifest:
        status = (await self.live()).get("status", {})
        found = [condition for condition in status.get("conditions", ()) if condition["type"] == kind]
        return found[0] if found else {"status": "absent", "reason": "", "message": ""}

    async def is_(self, kind: str, status: str, reason: str | None = None, deadline: float = DEADLINE) -> Manifest:
        """Wait until a condition has this status (and reason) for the current generation; return it."""
        found: Manifest = {}
        try:
            async with asyncio.timeout(deadline):
                while True:
                    found, live = await self.condition(kind), await self.live()
                    current = found.get("observedGeneration") == live["metadata"]["generation"]
                    if current and found["status"] == status and reason in (None, found["reason"]):
                        return found
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{kind} is not {status} {reason or ''}: {found}") from None

    async def get(self, kind: Kind, name: str) -> Manifest | None:
        try:
            return await self.client.get(kind, self.namespace, name)
        except NotFound:
            return None

    async def objects(self) -> dict[tuple[str, str], Manifest]:
        """Everything of the managed kinds in the namespace, by (kind, name)."""
        found = {}
        for kind in MANAGED:
            try:
                for item in (await self.client.list(kind, namespace=self.namespace)).items:
                    found[kind.kind, item["metadata"]["name"]] = item
            except NotFound:  # an optional kind
                continue
        return found

    async def grow(self) -> None:
        """Play the controllers until everything that was written has come up."""
        for deployment in (await self.client.list(DEPLOYMENT, namespace=self.namespace)).items:
            await self._say(DEPLOYMENT, deployment, deployed(deployment))
        for job in (await self.client.list(JOB, namespace=self.namespace)).items:
            if "conditions" not in job.get("status", {}):
                await self._say(JOB, job, completed())
        try:
            databases = (await self.client.list(CLUSTER, namespace=self.namespace)).items
        except NotFound:
            return
        for database in databases:
            await self._say(CLUSTER, database, serving(database))

    async def become_ready(self) -> None:
        """Play the controllers until the HealthCluster is Ready."""
        try:
            async with asyncio.timeout(DEADLINE):
                while (await self.condition("Ready"))["status"] != "True":
                    await self.grow()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not Ready: {(await self.live()).get('status')}") from None

    async def collect(self) -> None:
        """Play the garbage collector: what waits for its dependents has none here."""
        for (kind, name), item in (await self.objects()).items():
            if "foregroundDeletion" in item["metadata"].get("finalizers", ()):
                await self.client.patch(KINDS[kind], self.namespace, name, {"metadata": {"finalizers": None}})

    async def vanish(self) -> None:
        """Play the garbage collector until the HealthCluster is gone."""

        async def went() -> bool:
            with contextlib.suppress(NotFound):
                await self.collect()
            return await self.get(HEALTHCLUSTER, self.name) is None

        await until(went, "the HealthCluster is gone")

    async def wither(self, name: str) -> None:
        """A Deployment loses its pods."""
        deployment = await self.client.get(DEPLOYMENT, self.namespace, name)
        status = deployed(deployment) | {"readyReplicas": 0, "availableReplicas": 0}
        status["unavailableReplicas"] = status["replicas"]
        status["conditions"] = [{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}]
        await self._say(DEPLOYMENT, deployment, status)

    async def pod(self, deployment: str, status: Manifest) -> None:
        """Play controller and kubelet: the Deployment has one pod, which reports this."""
        name = f"{deployment}-5d8c-x2x9"
        if (live := await self.get(POD, name)) is None:
            template = (await self.client.get(DEPLOYMENT, self.namespace, deployment))["spec"]["template"]
            metadata = {**template["metadata"], "namespace": self.namespace, "name": name}
            made = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
            live = await self.client.create(POD, made)
        await self._say(POD, live, status)

    async def _say(self, kind: Kind, item: Manifest, status: Manifest) -> None:
        if item.get("status") == status:
            return
        body = {"metadata": {"resourceVersion": item["metadata"]["resourceVersion"]}, "status": status}
        to = f"{path(kind, self.namespace, item['metadata']['name'])}/status"
        with contextlib.suppress(Conflict):  # it changed meanwhile; the next look plays on
            await self.client.ask("PATCH", to, query=CONTROLLER, body=body, content="application/merge-patch+json")


def deployed(deployment: Manifest) -> Manifest:
    replicas = deployment["spec"]["replicas"]
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    }


def completed() -> Manifest:
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # after the database was made, as it must be
    reason = "CompletionsReached"
    met = [{"type": kind, "status": "True", "reason": reason} for kind in ("SuccessCriteriaMet", "Complete")]
    return {"startTime": at, "completionTime": at, "succeeded": 1, "conditions": met}


def serving(database: Manifest) -> Manifest:
    instances = database["spec"]["instances"]
    names = [f"database-{number + 1}" for number in range(instances)]
    return {
        "phase": "Cluster in healthy state",
        "instances": instances,
        "readyInstances": instances,
        "instanceNames": names,
        "instancesStatus": {"healthy": names},
        "currentPrimary": names[0],
        "targetPrimary": names[0],
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "ClusterIsReady",
                "message": "Cluster is Ready",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
    }
