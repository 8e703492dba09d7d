"""A small world: two namespaces with a few pods, and policies written as people write them."""

from __future__ import annotations

from typing import Any

import yaml

from e2e.policies import nftables, read

GATEWAY, DATABASE, STRANGER, SCRAPER = "10.244.0.5", "10.244.0.6", "10.244.0.7", "10.244.0.8"
OUTSIDE = "203.0.113.9"
NAMESPACES = {name: {"kubernetes.io/metadata.name": name} for name in ("makkah", "elsewhere", "monitoring")}


def pod(namespace: str, name: str, address: str, **more: Any) -> dict[str, Any]:
    """A running pod labelled `app: NAME`, with a container that names its port 9090 `metrics`."""
    ports = [{"name": "metrics", "containerPort": 9090}]
    return {
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "ports": ports}], **more.get("spec", {})},
        "status": {"phase": "Running", "podIP": address, **more.get("status", {})},
    }


PODS = [
    pod("makkah", "gateway", GATEWAY),
    pod("makkah", "database", DATABASE),
    pod("elsewhere", "gateway", STRANGER),  # of the same labels, which must not help it
    pod("monitoring", "scraper", SCRAPER),
]


def policy(spec: str, name: str = "policy") -> dict[str, Any]:
    """A NetworkPolicy of namespace makkah by the YAML of its spec."""
    return {"metadata": {"namespace": "makkah", "name": name}, "spec": yaml.safe_load(spec)}


def ruleset(*specs: str, pods: list[dict[str, Any]] = PODS) -> str:
    """The rules for policies of namespace makkah by the YAML of their specs."""
    policies = [read.policy(policy(spec, f"policy-{number}")) for number, spec in enumerate(specs)]
    return nftables.ruleset(policies, read.pods(pods), NAMESPACES)
