"""The operator's client for the Kubernetes API: thin on aiohttp, because a client is on the road of every write.

Kinds marked `metadata_only` are always asked for and answered as PartialObjectMetadata, so that a Secret's value does
not enter this process (except the one it makes itself, for the one request that creates the Secret).
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from marsad.api.names import FIELD_MANAGER
from marsad.core.kinds import Kind
from marsad.core.world import Manifest
from marsad.shell.errors import Gone, NotFound, from_status
from marsad.shell.transport import JSON, Guard, Transport

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
PAGE = 500


@dataclass(frozen=True)
class Listing:
    """A complete list: all its pages were read. `resource_version` is where a watch goes on from."""

    items: list[Manifest]
    resource_version: str


@dataclass(frozen=True)
class WatchEvent:
    """ADDED, MODIFIED, DELETED or BOOKMARK, and the object (of a bookmark: its resourceVersion only)."""

    type: str
    object: Manifest


class Client(Transport):
    """The verbs of one API server. Use as an async context manager. All raise ApiError of shell/errors.py."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """One object. Raises NotFound."""
        return _typed(kind, await self.ask("GET", path(kind, namespace, name), accept=_accept(kind)))

    async def list(self, kind: Kind, *, namespace: str = "", selector: str = "") -> Listing:
        """All objects, cluster-wide unless a namespace is given. One page that fails fails the whole list."""
        items: list[Manifest] = []
        query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
        accept = METADATA_LIST if kind.metadata_only else JSON
        while True:
            page = await self.ask("GET", path(kind, namespace), query=query, accept=accept)
            items += [_typed(kind, item) for item in page.get("items") or ()]
            token = page["metadata"].get("continue")
            if not token:
                return Listing(items, page["metadata"].get("resourceVersion", ""))
            query["continue"] = token

    async def watch(self, kind: Kind, *, resource_version: str, selector: str = "") -> AsyncGenerator[WatchEvent, None]:
        """Changes since `resource_version`, until the server ends the stream (after about five minutes).

        Raises Gone when that version is too old, Unreachable when the stream is cut or silent.
        """
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(random.randint(240, 300)),  # noqa: S311 (spreads load, guards nothing)
        } | ({"labelSelector": selector} if selector else {})
        async for raw in self.stream(path(kind), query=query, accept=_accept(kind)):
            if raw["type"] == "ERROR":
                failure = from_status(raw["object"])
                raise Gone(failure.message, status=410) if failure.reason == "Expired" else failure
            yield WatchEvent(raw["type"], _typed(kind, raw["object"]))

    async def served(self, group: str, version: str) -> frozenset[str]:
        """The kinds the API server offers in a group and version; empty when it does not know them."""
        try:
            answer = await self.ask("GET", f"/apis/{group}/{version}" if group else f"/api/{version}")
        except NotFound:
            return frozenset()
        return frozenset(entry["kind"] for entry in answer.get("resources") or () if "/" not in entry["name"])

    async def apply(
        self, kind: Kind, manifest: Manifest, *, status: bool = False, guard: Guard | None = None
    ) -> Manifest:
        """Server-side apply as field manager `marsad`, with force: a managed field is ours."""
        metadata = manifest["metadata"]
        to = path(kind, metadata.get("namespace", ""), metadata["name"]) + ("/status" if status else "")
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._write("PATCH", to, kind, manifest, query=query, content=APPLY, guard=guard)

    async def create(self, kind: Kind, manifest: Manifest, *, guard: Guard | None = None) -> Manifest:
        """Create, never update. Raises Conflict (`exists`) when the name is taken."""
        to = path(kind, manifest["metadata"].get("namespace", ""))
        return await self._write("POST", to, kind, manifest, query={"fieldManager": FIELD_MANAGER}, guard=guard)

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        *,
        status: bool = False,
        guard: Guard | None = None,
    ) -> Manifest:
        """JSON merge patch; with `metadata.resourceVersion` in it, only of that version (else Conflict)."""
        to, query = path(kind, namespace, name) + ("/status" if status else ""), {"fieldManager": FIELD_MANAGER}
        return await self._write("PATCH", to, kind, patch, query=query, content=MERGE, guard=guard)

    async def delete(
        self,
        kind: Kind,
        live: Manifest,
        *,
        propagation: str = "Background",
        same_version: bool = True,
        guard: Guard | None = None,
    ) -> None:
        """Delete this very object: its uid must match, and its resourceVersion unless `same_version` is False.

        Raises Conflict when it is another object by now; one that is gone already is a success.
        """
        metadata = live["metadata"]
        preconditions = {name: metadata[name] for name in ("uid", "resourceVersion") if name == "uid" or same_version}
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": preconditions,
        }
        try:
            to = path(kind, metadata.get("namespace", ""), metadata["name"])
            await self._write("DELETE", to, kind, options, guard=guard)
        except NotFound:
            return

    async def _write(
        self,
        method: str,
        to: str,
        kind: Kind,
        body: Mapping[str, Any],
        *,
        query: Mapping[str, str] | None = None,
        content: str = JSON,
        guard: Guard | None = None,
    ) -> Manifest:
        # The server, too, must not carry out later what this side has given up.
        query = {**(query or {}), "timeout": f"{max(1, int(self.timeout))}s"}
        accept = _accept(kind)
        answer = await self.ask(method, to, query=query, accept=accept, body=body, content=content, guard=guard)
        return _typed(kind, answer) if method != "DELETE" else answer


def path(kind: Kind, namespace: str = "", name: str = "") -> str:
    """The URL path of a kind's objects: all, those of a namespace, or one."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    within = f"/namespaces/{namespace}" if kind.namespaced and namespace else ""
    return f"{root}{within}/{kind.plural}" + (f"/{name}" if name else "")


def _accept(kind: Kind) -> str:
    return METADATA if kind.metadata_only else JSON


def _typed(kind: Kind, found: Manifest) -> Manifest:
    """The object under its own type: items of a list carry none, and metadata that of PartialObjectMetadata."""
    return {**found, "apiVersion": kind.api_version, "kind": kind.kind}
