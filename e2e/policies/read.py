"""NetworkPolicies, pods and namespaces as `kubectl get --output json` gives them, into frozen types; pure.

Whatever a policy says that these types cannot hold raises `Uncovered`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any

Labels = Mapping[str, str]
PROTOCOLS = ("TCP", "UDP", "SCTP")
DIRECTIONS = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}


class Uncovered(ValueError):
    """A policy says something that the stand-in cannot enforce; the text names the policy and quotes it."""


@dataclass(frozen=True)
class Requirement:
    """One of a selector's matchExpressions."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Labels) -> bool:
        """Whether labels fulfil it. NotIn is fulfilled where the label is missing, as Kubernetes defines it."""
        among = labels.get(self.key) in self.values
        return {"In": among, "NotIn": not among, "Exists": self.key in labels,
                "DoesNotExist": self.key not in labels}[self.operator]  # fmt: skip


@dataclass(frozen=True)
class Selector:
    """A label selector; an empty one matches everything."""

    labels: Labels
    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        """Whether labels fulfil all of it."""
        return self.labels.items() <= labels.items() and all(one.holds(labels) for one in self.requirements)


@dataclass(frozen=True)
class Peer:
    """Who may be at the other end: pods by selectors (`namespaces` None: the policy's own), or addresses."""

    pods: Selector | None = None
    namespaces: Selector | None = None
    networks: tuple[IPv4Network, ...] = ()


@dataclass(frozen=True)
class Port:
    """A port; `first` None means all of the protocol, a text is the name of a container's port."""

    protocol: str
    first: int | str | None = None
    last: int | None = None


@dataclass(frozen=True)
class Rule:
    """What one rule opens: for `peers` and at `ports`, None meaning any."""

    peers: tuple[Peer, ...] | None
    ports: tuple[Port, ...] | None


@dataclass(frozen=True)
class Policy:
    """A NetworkPolicy: what it opens by direction; a direction that is no key here is not its business."""

    namespace: str
    name: str
    pods: Selector
    rules: Mapping[str, tuple[Rule, ...]]


@dataclass(frozen=True)
class Pod:
    """A pod of the pods' network that has an address. `ports` are numbers by name and protocol."""

    namespace: str
    name: str
    address: IPv4Address
    labels: Labels = field(default_factory=dict)
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)


def policy(manifest: Mapping[str, Any]) -> Policy:
    """A NetworkPolicy out of its manifest. Raises Uncovered."""
    name = f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
    try:
        spec = _known(manifest["spec"], "podSelector", "policyTypes", "ingress", "egress")
        kinds = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
        rules = {kind: tuple(_rule(rule, *DIRECTIONS[kind]) for rule in spec.get(DIRECTIONS[kind][0]) or ())
                 for kind in kinds}  # fmt: skip
        return Policy(manifest["metadata"]["namespace"], name, _selector(spec["podSelector"]), rules)
    except (KeyError, ValueError, TypeError) as error:
        said = json.dumps(manifest["spec"])
        raise Uncovered(
            f"NetworkPolicy {name} is beyond what e2e/policies enforces: {error}; it says {said}"
        ) from error


def pods(manifests: Iterable[Mapping[str, Any]]) -> tuple[Pod, ...]:
    """Pods that policies are about: with an address of their own, and not ended, whose address may be another's by now.

    Raises Uncovered for a pod with an address that is not IPv4.
    """
    found = []
    for manifest in manifests:
        metadata, spec, status = manifest["metadata"], manifest["spec"], manifest.get("status") or {}
        if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed") or not status.get("podIP"):
            continue
        if len(status.get("podIPs") or ()) > 1 or ":" in status["podIP"]:
            raise Uncovered(f"pod {metadata['namespace']}/{metadata['name']} has an address that is not IPv4")
        containers = [*spec["containers"], *(spec.get("initContainers") or ())]
        named = {(port["name"], port.get("protocol", "TCP")): int(port["containerPort"])
                 for container in containers for port in container.get("ports") or () if "name" in port}  # fmt: skip
        found.append(Pod(metadata["namespace"], metadata["name"], IPv4Address(status["podIP"]),
                         metadata.get("labels") or {}, named))  # fmt: skip
    return tuple(found)


def _known(part: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    if unknown := part.keys() - set(names):
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    return part


def _selector(part: Mapping[str, Any]) -> Selector:
    _known(part, "matchLabels", "matchExpressions")
    requirements = []
    for item in part.get("matchExpressions") or ():
        _known(item, "key", "operator", "values")
        if item["operator"] not in ("In", "NotIn", "Exists", "DoesNotExist"):
            raise ValueError(f"operator {item['operator']}")
        requirements.append(Requirement(item["key"], item["operator"], tuple(item.get("values") or ())))
    return Selector(part.get("matchLabels") or {}, tuple(requirements))


def _rule(part: Mapping[str, Any], direction: str, side: str) -> Rule:
    _known(part, side, "ports")
    peers, ports = part.get(side), part.get("ports")  # absent or empty means any, as Kubernetes defines it
    read = tuple(_port(port) for port in ports) if ports else None
    if direction == "egress" and any(isinstance(port.first, str) for port in read or ()):
        raise ValueError("a port by name in egress, which depends on who is at the other end")
    return Rule(tuple(_peer(peer) for peer in peers) if peers else None, read)


def _peer(part: Mapping[str, Any]) -> Peer:
    _known(part, "podSelector", "namespaceSelector", "ipBlock")
    if "ipBlock" in part:
        _known(part, "ipBlock")
        block = _known(part["ipBlock"], "cidr", "except")
        return Peer(networks=_without(IPv4Network(block["cidr"]), map(IPv4Network, block.get("except") or ())))
    if not part:
        raise ValueError("a peer that says nothing")
    spaces = part.get("namespaceSelector")
    return Peer(_selector(part.get("podSelector") or {}), None if spaces is None else _selector(spaces))


def _without(block: IPv4Network, excepted: Iterable[IPv4Network]) -> tuple[IPv4Network, ...]:
    left = [block]
    for hole in excepted:
        left = [piece for whole in left for piece in _cut(whole, hole)]
    return tuple(left)


def _cut(whole: IPv4Network, hole: IPv4Network) -> Iterable[IPv4Network]:
    if hole.subnet_of(whole):
        return whole.address_exclude(hole)
    return [] if whole.subnet_of(hole) else [whole]


def _port(part: Mapping[str, Any]) -> Port:
    _known(part, "protocol", "port", "endPort")
    protocol = part.get("protocol", "TCP")
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol {protocol}")
    return Port(protocol, part.get("port"), part.get("endPort"))
