"""What should be: the manifests of a center, rendered from charts/center/ and stamped as ours in one place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from marsad.api import names
from marsad.api.database import Engine
from marsad.api.healthcluster import HealthCluster
from marsad.core.acceptance import refusal
from marsad.core.certificates import published
from marsad.core.context import context, destinations, workloads
from marsad.core.kinds import CNPG, MONITORING
from marsad.core.stamp import stamped
from marsad.core.templates import TemplateError, Templates
from marsad.core.world import Key, Manifest, Observed

_COMPONENT_OF_FOLDER = {"security": names.CENTER, "monitoring": names.CENTER, "external": names.DATABASE}


def desired(observed: Observed, templates: Templates) -> tuple[Manifest, ...]:
    """Everything that should exist for the HealthCluster, in the order in which it should be written.

    Empty when the declaration is refused (`plan` then writes nothing at all, and in particular prunes nothing).
    Passwords are not in it (see secrets.py), nor kinds that the API server does not serve. Callers must not change what
    they get. Raises TemplateError when a template is broken.
    """
    if refusal(observed) is not None:
        return ()
    values = context(observed)
    chosen = tuple(wanted_templates(observed, templates))
    question = json.dumps([chosen, values], sort_keys=True)
    return templates.remembered(question, lambda: _made(observed.cluster, templates, chosen, values))


def _made(
    cluster: HealthCluster, templates: Templates, chosen: Iterable[str], values: Mapping[str, Any]
) -> tuple[Manifest, ...]:
    made: dict[Key, Manifest] = {}
    for name in chosen:
        folder = name.partition("/")[0]
        component = _COMPONENT_OF_FOLDER.get(folder, folder)
        for document in templates.render(name, values):
            manifest = stamped(document, cluster, component)
            key = Key.of(manifest)
            if key in made:
                raise TemplateError(f"two templates make {key}; the second is {name}")
            made[key] = manifest
    return tuple(made.values())


def wanted_templates(observed: Observed, templates: Templates) -> Iterator[str]:
    """The templates that apply, in the order of writing: what fences comes before what runs."""
    spec, shares = observed.cluster.spec, workloads(observed.cluster)
    unwanted = {
        "gateway/from-facilities": not spec.security.allowed_ingress.gateway,  # no range: an empty list would allow all
        "gateway/authority": not published(observed),
        "gateway/disruption": shares[names.GATEWAY].replicas == 1,
        "dashboard/from-users": not spec.security.allowed_ingress.dashboard,
        "dashboard/disruption": shares[names.DASHBOARD].replicas == 1,
        "external/network": spec.database.external is not None and not destinations(spec.database.external),
        "database/cluster": (CNPG, "Cluster") not in observed.served,
        "monitoring/targets": (MONITORING, "ServiceMonitor") not in observed.served,
        "monitoring/rules": (MONITORING, "PrometheusRule") not in observed.served,
    }
    for folder in folders(observed):
        yield from (name for name in templates.of(folder) if not unwanted.get(name, False))


def folders(observed: Observed) -> tuple[str, ...]:
    """The components that are wanted, by their folders."""
    spec = observed.cluster.spec
    engine = "external" if spec.database.engine is Engine.EXTERNAL else names.DATABASE
    gateway = (names.GATEWAY,) if spec.pipelines.hl7.enabled or spec.pipelines.fhir.enabled else ()
    return ("security", names.CENTER, engine, names.MIGRATE, *gateway, names.ANALYTICS, names.DASHBOARD, "monitoring")
