"""What the tests against the API server say to it about our kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from e2e.apiserver import ApiServer
from marsad.api.crds import KINDS

JSON = dict[str, Any]
PLURALS = {kind.name: kind.plural for kind in KINDS}


@dataclass(frozen=True)
class Objects:
    """Our kinds in one namespace of an API server; each call returns (HTTP status, answer)."""

    server: ApiServer
    namespace: str

    def path(self, kind: str, name: str = "") -> str:
        return f"/apis/marsad.dev/v1alpha1/namespaces/{self.namespace}/{PLURALS[kind]}" + (f"/{name}" if name else "")

    def create(self, obj: JSON, *, dry: bool = False) -> tuple[int, JSON]:
        return self.server.request("POST", self.path(obj["kind"]) + ("?dryRun=All" if dry else ""), obj)

    def get(self, obj: JSON) -> JSON:
        code, answer = self.server.request("GET", self.path(obj["kind"], obj["metadata"]["name"]))
        assert code == 200, answer
        return answer

    def replace(self, obj: JSON) -> tuple[int, JSON]:
        """Update an object that exists to exactly this spec."""
        version = self.get(obj)["metadata"]["resourceVersion"]
        wanted = obj | {"metadata": obj["metadata"] | {"resourceVersion": version}}
        return self.server.request("PUT", self.path(obj["kind"], obj["metadata"]["name"]), wanted)

    def patch_status(self, obj: JSON, status: JSON) -> tuple[int, JSON]:
        path = self.path(obj["kind"], obj["metadata"]["name"]) + "/status"
        return self.server.request("PATCH", path, {"status": status}, content="application/merge-patch+json")


@pytest.fixture
def objects(crds: ApiServer, namespace: str) -> Objects:
    """Our kinds in a fresh namespace."""
    return Objects(crds, namespace)


@pytest.fixture(scope="module")
def shared_objects(crds: ApiServer) -> Objects:
    """Our kinds in a namespace that the tests of a module share, for those that leave nothing behind."""
    return Objects(crds, crds.create_namespace())
