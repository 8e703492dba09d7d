"""What the templates of charts/center/ may say: everything that depends on the declaration, computed and named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypedDict

from marsad.api import names
from marsad.api.components import ComponentOverride, ResourceOverride
from marsad.api.database import Engine, ExternalDatabase
from marsad.api.healthcluster import HealthCluster
from marsad.core import certificates
from marsad.core.quantity import amount, cores, size
from marsad.core.roster import listing
from marsad.core.secrets import KEYS, secret_name
from marsad.core.sizes import CONNECTIONS_A_POD, MIGRATE, SIZES, Amounts, Share, parameters
from marsad.core.world import Observed, Platform

UID = 10001  # user and group of the center's image
QUORUM_UNKNOWN = {"cnpg.synchronous_standby_names_metadata": ""}
"""CloudNativePG 1.30 reads this setting of its own before it first writes it, and does nothing more if it is not there:
with dataDurability `preferred` and failoverQuorum, a database of two instances would never get its second."""
CNPG_NAME = "database"  # of the CloudNativePG Cluster, and so of its Services and of its Secret with the authority


Network = IPv4Network | IPv6Network


class Workload(TypedDict):
    """A Deployment's or Job's share: `selector` are the labels its pods are found by."""

    replicas: int
    resources: Mapping[str, Mapping[str, str]]
    selector: Mapping[str, str]


def context(observed: Observed) -> dict[str, Any]:
    """Everything the templates may name, JSON-ready. The names are documented in charts/center/README.md."""
    cluster, platform = observed.cluster, observed.platform
    shares = workloads(cluster)
    return {
        "center": {
            "name": cluster.name,
            "namespace": cluster.namespace,
            "release": platform.release,
            "image": platform.center_image,
            "uid": UID,
            "keys_secret": KEYS,
            "document": document(cluster, platform, listing(observed)),
        },
        "platform": {
            "operator_namespace": platform.operator_namespace,
            "cnpg_namespace": platform.cnpg_namespace,
            "monitoring_namespace": platform.monitoring_namespace,
            "api_server_port": platform.api_server_port,
        },
        "pipelines": _pipelines(cluster),
        "security": {
            "gateway_blocks": blocks(cluster.spec.security.allowed_ingress.gateway, platform),
            "dashboard_blocks": blocks(cluster.spec.security.allowed_ingress.dashboard, platform),
            "destinations": [egress.dump() for egress in cluster.spec.security.allowed_egress],
            "quota": quota(shares, database_share(cluster)),
            "unnamed": _resources(SIZES[cluster.spec.size].unnamed),
        },
        "database": database(cluster, platform, shares),
        **{name: _workload(cluster, name, share) for name, share in shares.items()},
        "identity_header": cluster.spec.security.identity_header,
        "tls": tls(observed),
        "migrate": {
            **_workload(cluster, names.MIGRATE, MIGRATE),
            "job": f"migrate-{re.sub('[^a-z0-9]+', '-', platform.release.lower()).strip('-')}",
        },
    }


def document(cluster: HealthCluster, platform: Platform, facilities: list[dict[str, Any]]) -> str:
    """The text of center.json, from which the center's processes know what the center is."""
    spec = cluster.spec
    told = {
        "name": cluster.name,
        "namespace": cluster.namespace,
        "code": spec.code,
        "displayNames": spec.display_names,
        "region": spec.region,
        "release": platform.release,
        "locales": [str(item.locale) for item in spec.dashboards.locales],
        "defaultLocale": str(spec.dashboards.default_locale),
        "timeZone": spec.time_zone,
        "freshnessObjectiveSeconds": spec.freshness.objective_seconds,
        "facilities": facilities,
        "codes": [one.dump() for one in spec.codes],
        "indicators": [one.dump() for one in spec.indicators],
        "recommendations": [one.dump() for one in spec.recommendations],
        "history": spec.history.dump(),
    }
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def workloads(cluster: HealthCluster) -> dict[str, Share]:
    """Replicas and resources of gateway, analytics and dashboard: the size's, with the overrides."""
    row, overrides = SIZES[cluster.spec.size], cluster.spec.overrides
    return {
        names.GATEWAY: _overridden(row.gateway, overrides.gateway),
        names.ANALYTICS: _overridden(row.analytics, overrides.analytics),
        names.DASHBOARD: _overridden(row.dashboard, overrides.dashboard),
    }


def database_share(cluster: HealthCluster) -> Share:
    """Instances and resources of the database; none where it is external."""
    share = SIZES[cluster.spec.size].database
    if cluster.spec.database.engine is Engine.EXTERNAL:
        return Share(0, share.requests, share.limits)
    return Share(cluster.spec.database.instances or share.replicas, share.requests, share.limits)


def _overridden(share: Share, override: ResourceOverride) -> Share:
    replicas = override.replicas if isinstance(override, ComponentOverride) else None
    chosen = {}
    for what in ("cpu", "memory"):
        asked, at_most = getattr(override.requests, what), getattr(override.limits, what)
        request, limit = asked or getattr(share.requests, what), at_most or getattr(share.limits, what)
        if amount(request) > amount(limit):  # one of them is the size's, and follows the other
            request, limit = (request, request) if asked and not at_most else (limit, limit)
        chosen[what] = (_canonical(what, amount(request)), _canonical(what, amount(limit)))
    (cpu, cpu_limit), (memory, memory_limit) = chosen["cpu"], chosen["memory"]
    return Share(replicas or share.replicas, Amounts(cpu, memory), Amounts(cpu_limit, memory_limit))


def _canonical(what: str, number: Decimal) -> str:
    return cores(number) if what == "cpu" else size(number)


def _pipelines(cluster: HealthCluster) -> dict[str, Any]:
    """Which are on, each by its name, and their names for the gateway."""
    spec = cluster.spec.pipelines
    on = {"hl7": spec.hl7.enabled, "fhir": spec.fhir.enabled}
    return {**on, "heard": ",".join(name for name, enabled in on.items() if enabled)}


def _workload(cluster: HealthCluster, name: str, share: Share) -> Workload:
    return {"replicas": share.replicas, "resources": _resources(share), "selector": selector(cluster, name)}


def _resources(share: Share) -> Mapping[str, Mapping[str, str]]:
    return {
        "requests": {"cpu": share.requests.cpu, "memory": share.requests.memory},
        "limits": {"cpu": share.limits.cpu, "memory": share.limits.memory},
    }


def selector(cluster: HealthCluster, component: str) -> dict[str, str]:
    """Labels by which a component's pods are found."""
    return {names.LABEL_NAME: component, names.LABEL_HEALTHCLUSTER: cluster.name}


def database(cluster: HealthCluster, platform: Platform, shares: Mapping[str, Share]) -> dict[str, Any]:
    """Where the database is, who may enter, and how CloudNativePG shall run it where it does."""
    spec, external = cluster.spec.database, cluster.spec.database.external
    share = database_share(cluster)
    pods = sum(one.replicas for one in shares.values())
    storage = {"size": size(amount(spec.storage.size)), "storageClass": spec.storage.storage_class_name}
    components = {"gateway": names.GATEWAY, "analytics": names.ANALYTICS, "reader": names.DASHBOARD}
    return {
        "host": external.host if external else f"{CNPG_NAME}-rw",
        "port": external.port if external else 5432,
        "name": external.database if external else "center",
        "ca_secret": external.secret_name if external else f"{CNPG_NAME}-ca",
        "owner_secret": external.secret_name if external else secret_name("owner"),
        "external": external is not None,
        "destinations": destinations(external) if external else [],
        "instances": share.replicas,
        "image": platform.postgresql_image,
        "uid": platform.postgresql_uid,
        "resources": _resources(share),
        "storage": {name: value for name, value in storage.items() if value is not None},
        "parameters": {
            **(QUORUM_UNKNOWN if share.replicas > 1 else {}),
            **parameters(SIZES[cluster.spec.size], pods, amount(spec.storage.size)),
            **spec.parameters,
        },
        "roles": [
            {
                "name": role,
                "secret": secret_name(role),
                "connections": max(2 * CONNECTIONS_A_POD, CONNECTIONS_A_POD * shares[component].replicas),
            }
            for role, component in components.items()
        ],
    }


def tls(observed: Observed) -> dict[str, Any] | None:
    """Which objects the gateway speaks TLS with, and the authority that is published; None where it speaks none."""
    declared = certificates.declared(observed)
    if declared is None:
        return None
    clients = declared.client_authority
    return {
        "secret": declared.secret_name or certificates.SERVER,
        "clients": {"secret": clients.kind == "Secret", "name": clients.name},
        "authority": {"name": certificates.AUTHORITY, "certificate": certificates.published(observed)},
    }


def blocks(ranges: Iterable[str], platform: Platform) -> list[dict[str, Any]]:
    """The ranges as a network policy's `ipBlock`, without the pods in them: a range that has pods only means them."""
    pods = [ip_network(one) for one in platform.pod_ranges]
    made = []
    for one in ranges:
        whole = ip_network(one, strict=False)
        within = [str(pod) for pod in pods if _lies_in(pod, whole)]
        made.append({"cidr": one} | ({"except": within} if within else {}))
    return made


def _lies_in(pod: Network, whole: Network) -> bool:
    return pod.network_address in whole and pod.prefixlen > whole.prefixlen


def destinations(external: ExternalDatabase) -> list[str]:
    """The ranges at which the external database is: its host, where that is an address, and those that are declared."""
    try:
        own = [str(ip_network(ip_address(external.host)))]
    except ValueError:
        own = []
    return list(dict.fromkeys([*own, *external.addresses]))


def quota(shares: Mapping[str, Share], instances: Share) -> dict[str, str]:
    """What the namespace may use: every pod twice over, because a rollout holds old and new ones, and some to spare."""
    pods = [(2 * share.replicas, share) for share in (*shares.values(), MIGRATE)]
    pods.append((instances.replicas + 2 if instances.replicas else 0, instances))  # the engine's own Jobs are as large
    totals = {
        f"{kind}.{what}": sum((count * getattr(share, kind).numbers[at] for count, share in pods), Decimal(0))
        for kind in ("requests", "limits")
        for at, what in enumerate(("cpu", "memory"))
    }
    hard = {name: cores(total) if name.endswith("cpu") else size(total) for name, total in totals.items()}
    hard["pods"] = str(sum(count for count, _ in pods) + 10)
    hard["persistentvolumeclaims"] = str(2 * instances.replicas + 1)
    return hard
