"""What the operator brings to a center: its release and images, as its Deployment says or as they are by default."""

import os
from collections.abc import Mapping
from typing import Any

import marsad
from marsad.core.kinds import MANAGED
from marsad.core.world import Platform
from marsad.shell import settings
from marsad.shell.client import Client

_DEPLOYMENT = next(kind for kind in MANAGED if kind.kind == "Deployment")
_SELECTOR = "app.kubernetes.io/name=marsad-operator"


def defaults() -> dict[str, str]:
    """The environment of an operator that is installed without any values, and over it this process's own."""
    return {
        "MARSAD_CENTER_IMAGE": f"marsad/center:{marsad.__version__}",
        "MARSAD_POSTGRESQL_IMAGE": "marsad/postgresql:15",
        **os.environ,
    }


def platform(environment: Mapping[str, str]) -> Platform:
    """The platform that an operator with this environment would have."""
    return settings.read(environment).platform


async def running(client: Client) -> tuple[Platform, str | None]:
    """The platform of the operator that runs in the cluster, and its Deployment's name; None where there is none."""
    found = (await client.list(_DEPLOYMENT, selector=_SELECTOR)).items
    if not found:
        return platform(defaults()), None
    deployment = found[0]
    namespace = deployment["metadata"]["namespace"]
    return platform({"MARSAD_NAMESPACE": namespace, **_environment(deployment)}), deployment["metadata"]["name"]


def _environment(deployment: Mapping[str, Any]) -> dict[str, str]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in containers[0].get("env") or () if entry.get("value")}
