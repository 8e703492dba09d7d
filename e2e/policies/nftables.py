"""Policies, pods and namespaces into nftables rules for the node that the pods are on; pure.

A packet between pods passes the hook `forward` (on one bridge, too, where the kernel's br_netfilter is on), one from a
pod to the node the hook `input`; both come after a Service's address was translated and before the sender's is. What
the node sends passes neither, and so is never judged. Each direction in which a pod is closed is a chain: what a policy
opens returns from it, and what reaches its end is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, collapse_addresses

from e2e.policies.read import Labels, Peer, Pod, Policy, Port, Rule

TABLE = "inet e2e_policies"
REMOVAL = f"table {TABLE}\ndelete table {TABLE}\n"  # declared first, because it may not be there
OTHER_END = {"Ingress": "saddr", "Egress": "daddr"}
OWN_END = {"Ingress": "daddr", "Egress": "saddr"}


def ruleset(policies: Iterable[Policy], pods: Iterable[Pod], namespaces: Mapping[str, Labels]) -> str:
    """What `nft -f -` shall read to enforce these policies instead of those it was given before, in one transaction.

    `namespaces` are labels by name. The same world gives the same text.
    """
    policies, everybody = sorted(policies, key=lambda one: one.name), sorted(pods, key=lambda pod: pod.address)
    jumps: dict[str, list[str]] = {"Ingress": [], "Egress": []}
    chains: list[str] = []
    for pod in everybody:
        for direction, lines in jumps.items():
            selecting = [one for one in policies if selects(one, pod, direction)]
            if selecting:
                name = f"{direction.lower()}_{str(pod.address).replace('.', '_')}"
                lines.append(f"    ip {OWN_END[direction]} {pod.address} jump {name}")
                chains += _chain(name, pod, direction, selecting, everybody, namespaces)
    return "\n".join([
        REMOVAL + f"table {TABLE} {{",
        *chains,
        *_base("forward", [*jumps["Egress"], *jumps["Ingress"]]),
        *_base("input", jumps["Egress"]),
        "}\n",
    ])  # fmt: skip


def selects(policy: Policy, pod: Pod, direction: str) -> bool:
    """Whether a policy closes a pod in a direction, but for what it opens."""
    return direction in policy.rules and policy.namespace == pod.namespace and policy.pods.matches(pod.labels)


def _base(hook: str, jumps: Iterable[str]) -> list[str]:
    # IPv6 is not used between pods; their link-local addresses must not be a way around.
    return [
        f"  chain {hook} {{",
        f"    type filter hook {hook} priority filter; policy accept;",
        "    ct state established,related accept",
        *(["    meta nfproto ipv6 drop"] if hook == "forward" else []),
        *jumps,
        "  }",
    ]


def _chain(
    name: str,
    pod: Pod,
    direction: str,
    policies: Iterable[Policy],
    everybody: Iterable[Pod],
    namespaces: Mapping[str, Labels],
) -> Iterator[str]:
    yield f"  chain {name} {{ # {pod.namespace}/{pod.name}"
    yield f"    ip {OTHER_END[direction]} {pod.address} return"  # a pod always reaches itself
    for policy in policies:
        for rule in policy.rules[direction]:
            where = _addresses(rule, policy, direction, everybody, namespaces)
            for ports in _ports(rule, pod):
                if where is not None:
                    yield " ".join(filter(None, ["   ", where, ports, f"return # {policy.name}"]))
    yield "    drop"
    yield "  }"


def _addresses(
    rule: Rule, policy: Policy, direction: str, everybody: Iterable[Pod], namespaces: Mapping[str, Labels]
) -> str | None:
    """The match for a rule's peers: empty for any, None where there is nobody now."""
    if rule.peers is None:
        return ""
    networks = [*(block for peer in rule.peers for block in peer.networks),
                *(IPv4Network(pod.address) for pod in everybody
                  if any(_is(peer, pod, policy.namespace, namespaces) for peer in rule.peers))]  # fmt: skip
    if not networks:
        return None
    return f"ip {OTHER_END[direction]} {{ {', '.join(map(str, collapse_addresses(networks)))} }}"


def _is(peer: Peer, pod: Pod, namespace: str, namespaces: Mapping[str, Labels]) -> bool:
    if peer.pods is None or not peer.pods.matches(pod.labels):
        return False
    if peer.namespaces is None:
        return pod.namespace == namespace
    return pod.namespace in namespaces and peer.namespaces.matches(namespaces[pod.namespace])


def _ports(rule: Rule, pod: Pod) -> Iterator[str]:
    """A match for each of a rule's ports: an empty one for any, none where the pod has no port of that name."""
    if rule.ports is None:
        yield ""
        return
    for port in rule.ports:
        protocol, first = port.protocol.lower(), _number(port, pod)
        if port.first is None:
            yield f"meta l4proto {protocol}"
        elif first is not None:
            yield f"{protocol} dport {first}" + (f"-{port.last}" if port.last else "")


def _number(port: Port, pod: Pod) -> int | None:
    return pod.ports.get((port.first, port.protocol)) if isinstance(port.first, str) else port.first
