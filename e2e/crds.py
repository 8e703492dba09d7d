"""CustomResourceDefinitions for tests: ours, CloudNativePG's, and how to install them in a test API server."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import yaml

from e2e.apiserver import ApiServer
from e2e.node import binaries

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def install(server: ApiServer, crds: list[dict[str, Any]], seconds: float = 60) -> None:
    """Apply CustomResourceDefinitions and wait until each kind is served. Raises AssertionError."""
    end = time.monotonic() + seconds
    for crd in crds:
        path = f"{CRDS}/{crd['metadata']['name']}?fieldManager=tests&force=true"
        code, answer = server.request("PATCH", path, crd, content="application/apply-patch+yaml")
        assert code in (200, 201), answer
    for crd in crds:
        spec = crd["spec"]
        served = next(version["name"] for version in spec["versions"] if version["served"])
        path = f"/apis/{spec['group']}/{served}/{spec['names']['plural']}"
        while server.request("GET", path)[0] != 200:  # Established comes a moment before the endpoint
            assert time.monotonic() < end, f"{path} is not served"
            time.sleep(0.05)


def remove(server: ApiServer, crds: list[dict[str, Any]], seconds: float = 60) -> None:
    """Delete definitions with all objects of their kinds, and wait until the group is served no more: other tests that
    share the server take it for one without them. Raises AssertionError."""
    end = time.monotonic() + seconds
    for crd in crds:
        code, answer = server.request("DELETE", f"{CRDS}/{crd['metadata']['name']}")
        assert code in (200, 404), answer
    groups = {crd["spec"]["group"] for crd in crds}
    while groups & {group["name"] for group in server.request("GET", "/apis")[1]["groups"]}:
        assert time.monotonic() < end, f"{groups} are still served"
        time.sleep(0.05)


def ours() -> list[dict[str, Any]]:
    """The CRDs of crds/."""
    folder = Path(__file__).resolve().parents[1] / "crds"
    return [yaml.safe_load(file.read_text()) for file in sorted(folder.glob("*.yaml"))]


def cloudnative_pg() -> list[dict[str, Any]]:
    """The CRDs of CloudNativePG, from the release manifest in the pinned Go module that its binary is built from."""
    tool = "cloudnative-pg"
    version = binaries.version(tool)
    module = json.loads(binaries.go_command(tool, "mod", "download", "-json", f"{binaries.MODULES[tool]}@{version}"))
    manifest = Path(module["Dir"]) / "releases" / f"cnpg-{version.removeprefix('v')}.yaml"
    documents = yaml.load_all(manifest.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [document for document in documents if document and document["kind"] == "CustomResourceDefinition"]
