"""The live world of a center, gathered once from the API server as the operator's cache would hold it."""

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from marsad.api.facility import Facility
from marsad.api.healthcluster import HealthCluster
from marsad.cli.centers.declared import Declared
from marsad.cli.centers.fault import Impossible
from marsad.core.kinds import FACILITY, HEALTHCLUSTER, MANAGED, NAMESPACE, Kind
from marsad.core.world import Key, Manifest, Observed, Platform
from marsad.shell.client import Client
from marsad.shell.connection import connect, from_kubeconfig
from marsad.shell.errors import NotFound


def client(kubeconfig: Path | None, context: str | None) -> Client:
    """A client of the cluster that the options name, or else KUBECONFIG, the pod, or ~/.kube/config."""
    if kubeconfig and not kubeconfig.exists():
        raise Impossible(f"{kubeconfig} does not exist")
    if kubeconfig or context:
        named = (os.environ.get("KUBECONFIG") or "").split(os.pathsep)[0]
        connection = from_kubeconfig(kubeconfig or Path(named or Path.home() / ".kube" / "config"), context)
    else:
        connection = connect()
    return Client(connection, user_agent="marsad-cli", timeout=15)


async def clusters(api: Client, namespace: str | None) -> list[HealthCluster]:
    """The HealthClusters of a namespace, or of all. Raises Impossible where the kind is not installed."""
    try:
        found = (await api.list(HEALTHCLUSTER, namespace=namespace or "")).items
    except NotFound as error:
        raise Impossible("the cluster does not know HealthCluster: install the operator with Helm first") from error
    return [HealthCluster.parse(item) for item in found]


async def facilities(api: Client, namespace: str) -> list[Facility]:
    """The Facilities of a namespace."""
    return [Facility.parse(item) for item in (await api.list(FACILITY, namespace=namespace)).items]


async def observe(api: Client, cluster: HealthCluster, platform: Platform) -> Observed:
    """Everything the operator would look at for a HealthCluster, all lists complete."""
    namespace = cluster.namespace
    served = await _served(api)
    kinds = [kind for kind in MANAGED if not kind.optional or (kind.group, kind.kind) in served]
    lists = await asyncio.gather(*(api.list(kind, namespace=namespace) for kind in kinds))
    objects = [item for listing in lists for item in listing.items]
    with suppress(NotFound):  # a declaration may name a namespace that is not there yet
        objects.append(await api.get(NAMESPACE, "", namespace))
    rivals = [other for other in await clusters(api, namespace) if other.name != cluster.name]
    return Observed(
        cluster=cluster,
        platform=platform,
        now=datetime.now(UTC),
        objects=_by_key(objects),
        rivals=tuple(rivals),
        facilities=tuple(await facilities(api, namespace)),
        served=served,
    )


async def as_declared(api: Client, declared: Declared, platform: Platform) -> Observed:
    """The world as it would be once the file is applied: its spec and Facilities in place of the live ones."""
    cluster = declared.cluster
    live = {other.name: other for other in await clusters(api, cluster.namespace)}.get(cluster.name)
    if live is not None:
        cluster = live.model_copy(update={"spec": cluster.spec})
    observed = await observe(api, cluster, platform)
    merged = {facility.name: facility for facility in (*observed.facilities, *declared.facilities)}
    return replace(observed, facilities=tuple(merged.values()))


async def _served(api: Client) -> frozenset[tuple[str, str]]:
    optional = {(kind.group, kind.version) for kind in MANAGED if kind.optional}
    answers = await asyncio.gather(*(api.served(group, version) for group, version in sorted(optional)))
    return frozenset(
        (group, kind) for (group, _), kinds in zip(sorted(optional), answers, strict=True) for kind in kinds
    ) | {_id(kind) for kind in MANAGED if not kind.optional}


def _id(kind: Kind) -> tuple[str, str]:
    return kind.group, kind.kind


def _by_key(objects: Iterable[Manifest]) -> dict[Key, Manifest]:
    return {Key.of(item): item for item in objects}
