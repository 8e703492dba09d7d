"""What NetworkPolicies say is what the rules made of them do, and what they cannot do is said aloud."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.policies import nftables, read
from e2e.policies.tests import worlds
from e2e.policies.tests.rules import NODE, passes
from e2e.policies.tests.worlds import DATABASE, GATEWAY, OUTSIDE, SCRAPER, STRANGER, ruleset
from marsad.tests.core.golden import STACKS
from marsad.tests.core.worlds import kinds, wanted

DENY = "{podSelector: {}, policyTypes: [Ingress, Egress]}"
DATABASE_FROM_GATEWAY = """
podSelector: {matchLabels: {app: database}}
policyTypes: [Ingress]
ingress: [{from: [{podSelector: {matchLabels: {app: gateway}}}], ports: [{port: 5432}]}]
"""
GATEWAY_TO_DATABASE = """
podSelector: {matchLabels: {app: gateway}}
policyTypes: [Egress]
egress:
  - to: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [database]}]}}]
    ports: [{port: 5432}]
"""


def test_without_policies_everything_passes() -> None:
    assert passes(ruleset(), STRANGER, DATABASE, 5432)
    assert passes(ruleset(), GATEWAY, NODE, 6443)


def test_a_denied_pod_neither_receives_nor_sends_and_others_do() -> None:
    rules = ruleset(DENY)
    assert not passes(rules, STRANGER, DATABASE, 5432)
    assert not passes(rules, GATEWAY, OUTSIDE, 443)
    assert not passes(rules, GATEWAY, NODE, 6443)
    assert passes(rules, STRANGER, SCRAPER, 9090)
    assert passes(rules, STRANGER, NODE, 6443)


def test_a_pod_that_no_policy_selects_in_a_direction_is_open_in_it() -> None:
    rules = ruleset(DATABASE_FROM_GATEWAY)
    assert passes(rules, DATABASE, OUTSIDE, 443)
    assert passes(rules, STRANGER, GATEWAY, 2575)
    assert not passes(rules, STRANGER, DATABASE, 5432)


@pytest.mark.parametrize(("policies", "open_"), [
    ([DENY], False),
    ([DENY, DATABASE_FROM_GATEWAY], False),
    ([DENY, GATEWAY_TO_DATABASE], False),
    ([DENY, DATABASE_FROM_GATEWAY, GATEWAY_TO_DATABASE], True),
])  # fmt: skip
def test_an_edge_needs_both_its_ends(policies: list[str], open_: bool) -> None:
    rules = ruleset(*policies)
    assert passes(rules, GATEWAY, DATABASE, 5432) is open_
    assert not passes(rules, GATEWAY, DATABASE, 8000)
    assert not passes(rules, GATEWAY, DATABASE, 5432, "udp")
    assert not passes(rules, STRANGER, DATABASE, 5432), "the same labels in another namespace"


def test_a_pod_always_reaches_itself() -> None:
    assert passes(ruleset(DENY), GATEWAY, GATEWAY, 2575)


@pytest.mark.parametrize(("peer", "who"), [
    ("{namespaceSelector: {}}", {GATEWAY, SCRAPER, STRANGER}),
    ("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}", {SCRAPER}),
    ("{namespaceSelector: {}, podSelector: {matchLabels: {app: gateway}}}", {GATEWAY, STRANGER}),
    ("{podSelector: {}}", {GATEWAY}),
    ("{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [gateway]}]}}", set()),
    ("{namespaceSelector: {matchExpressions: [{key: absent, operator: DoesNotExist}]}}", {GATEWAY, SCRAPER, STRANGER}),
    ("{namespaceSelector: {matchExpressions: [{key: absent, operator: Exists}]}}", set()),
    ("{ipBlock: {cidr: 0.0.0.0/0}}", {GATEWAY, SCRAPER, STRANGER, OUTSIDE}),
    ("{ipBlock: {cidr: 203.0.113.0/24}}", {OUTSIDE}),
    ("{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.8/31]}}", set()),
    ("{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.0/29]}}", {OUTSIDE}),
    ("{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.0.0/16]}}", set()),
])  # fmt: skip
def test_a_peer_is_whom_kubernetes_means_by_it(peer: str, who: set[str]) -> None:
    rules = ruleset(
        f"{{podSelector: {{matchLabels: {{app: database}}}}, policyTypes: [Ingress], ingress: [{{from: [{peer}]}}]}}"
    )
    assert {source for source in (GATEWAY, SCRAPER, STRANGER, OUTSIDE) if passes(rules, source, DATABASE, 1)} == who


@pytest.mark.parametrize(("port", "tcp", "udp"), [
    ("{port: 8000}", {8000}, set()),
    ("{port: 8000, protocol: UDP}", set(), {8000}),
    ("{port: 8000, endPort: 9090}", {8000, 9090}, set()),
    ("{port: metrics}", {9090}, set()),
    ("{port: unknown}", set(), set()),
    ("{protocol: TCP}", {53, 8000, 9090}, set()),
])  # fmt: skip
def test_a_port_is_what_kubernetes_means_by_it(port: str, tcp: set[int], udp: set[int]) -> None:
    rules = ruleset(f"{{podSelector: {{}}, policyTypes: [Ingress], ingress: [{{ports: [{port}]}}]}}")
    for protocol, open_ in (("tcp", tcp), ("udp", udp)):
        assert {to for to in (53, 8000, 9090) if passes(rules, OUTSIDE, GATEWAY, to, protocol)} == open_


@pytest.mark.parametrize("gone", [
    {"status": {"phase": "Succeeded"}}, {"status": {"podIP": ""}}, {"spec": {"hostNetwork": True}},
])  # fmt: skip
def test_a_pod_without_an_address_of_its_own_is_neither_selected_nor_a_peer(gone: dict[str, Any]) -> None:
    assert read.pods([worlds.pod("makkah", "migrate", DATABASE, **gone)]) == ()


def test_policy_types_that_are_not_said_are_those_that_kubernetes_supplies() -> None:
    assert set(read.policy(worlds.policy("{podSelector: {}}")).rules) == {"Ingress"}
    assert set(read.policy(worlds.policy("{podSelector: {}, egress: []}")).rules) == {"Ingress", "Egress"}


@pytest.mark.parametrize(("spec", "told"), [
    ("{podSelector: {}, priority: 3}", "unknown: priority"),
    ("{podSelector: {}, policyTypes: [Sideways]}", "Sideways"),
    ("{podSelector: {matchExpressions: [{key: a, operator: Gt, values: ['1']}]}}", "operator Gt"),
    ("{podSelector: {}, ingress: [{from: [{serviceSelector: {}}]}]}", "unknown: serviceSelector"),
    ("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 'fd00::/48'}}]}]}", "fd00::/48"),
    ("{podSelector: {}, ingress: [{from: [{}]}]}", "says nothing"),
    ("{podSelector: {}, ingress: [{ports: [{port: 1, protocol: ICMP}]}]}", "protocol ICMP"),
    ("{podSelector: {}, egress: [{ports: [{port: metrics}]}]}", "by name in egress"),
])  # fmt: skip
def test_what_cannot_be_enforced_is_an_error_that_names_it(spec: str, told: str) -> None:
    with pytest.raises(read.Uncovered, match=r"makkah/odd") as caught:
        read.policy(worlds.policy(spec, "odd"))
    assert told in str(caught.value)


def test_a_pod_of_ipv6_is_an_error_too() -> None:
    with pytest.raises(read.Uncovered, match="makkah/six"):
        read.pods([worlds.pod("makkah", "six", "fd00::6")])


@pytest.mark.parametrize("stack", STACKS)
def test_every_policy_of_a_center_can_be_enforced(stack: str) -> None:
    policies = [read.policy(item) for item in kinds(wanted(STACKS[stack]), "NetworkPolicy").values()]
    assert "chain egress_10_244_0_5 { # makkah/gateway" in nftables.ruleset(
        policies, read.pods(worlds.PODS), worlds.NAMESPACES
    )


def test_the_rules_replace_those_before_in_one_transaction_and_are_read_like_this() -> None:
    assert (
        ruleset(DATABASE_FROM_GATEWAY)
        == """\
table inet e2e_policies
delete table inet e2e_policies
table inet e2e_policies {
  chain ingress_10_244_0_6 { # makkah/database
    ip saddr 10.244.0.6 return
    ip saddr { 10.244.0.5/32 } tcp dport 5432 return # makkah/policy-0
    drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    meta nfproto ipv6 drop
    ip daddr 10.244.0.6 jump ingress_10_244_0_6
  }
  chain input {
    type filter hook input priority filter; policy accept;
    ct state established,related accept
  }
}
"""
    )
