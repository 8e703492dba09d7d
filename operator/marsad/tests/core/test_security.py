"""Every pod passes Pod Security `restricted`, and every way through the network is there from both ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from marsad.core.world import Manifest
from marsad.tests.core.golden import STACKS
from marsad.tests.core.worlds import PLATFORM, TLS, cluster, kinds, wanted, world

PODS = {
    **{name: {"app.kubernetes.io/name": name, "marsad.dev/healthcluster": "makkah"}
       for name in ("gateway", "analytics", "dashboard", "migrate")},
    "database": {"cnpg.io/cluster": "database", "marsad.dev/healthcluster": "makkah"},
}  # fmt: skip
"""Labels of each kind of pod in a center."""


def templates(stack: str) -> Iterator[tuple[str, Any]]:
    """(name, pod spec) of everything that runs."""
    for manifest in wanted(STACKS[stack]):
        if manifest["kind"] in ("Deployment", "Job"):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


@pytest.mark.parametrize("stack", STACKS)
def test_every_pod_is_restricted(stack: str) -> None:
    for name, pod in templates(stack):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any(pod.get(field) for field in ("hostNetwork", "hostPID", "hostIPC")), name
        volumes = {"configMap", "emptyDir", "projected", "secret"}
        assert all(set(volume) - {"name"} <= volumes for volume in pod["volumes"]), name
        for container in pod["containers"] + pod.get("initContainers", []):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert not any("hostPort" in port for port in container.get("ports", [])), name


@pytest.mark.parametrize("stack", STACKS)
def test_no_pod_holds_a_token_of_the_api_server(stack: str) -> None:
    accounts = kinds(wanted(STACKS[stack]), "ServiceAccount")
    for name, pod in templates(stack):
        assert pod["automountServiceAccountToken"] is False, name
        assert accounts[pod["serviceAccountName"]]["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name


@pytest.mark.parametrize("stack", STACKS)
def test_every_container_says_what_it_needs_and_whether_it_lives(stack: str) -> None:
    for name, pod in templates(stack):
        for container in pod["containers"]:
            assert (
                container["resources"]["requests"].keys()
                == container["resources"]["limits"].keys()
                == {"cpu", "memory"}
            )
            if not name.startswith("migrate"):
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys(), name


@pytest.mark.parametrize("stack", STACKS)
def test_the_certificate_authority_is_mounted_without_its_key(stack: str) -> None:
    for name, pod in templates(stack):
        authority = next(volume for volume in pod["volumes"] if volume["name"] == "authority")
        assert authority["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}], name


def test_each_part_has_the_password_of_its_own_role_only() -> None:
    held = {}
    for name, pod in templates("medium"):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        held[name.partition("-")[0]] = volumes["credentials"]["secret"]["secretName"]
    assert held == {
        "gateway": "database-gateway",
        "analytics": "database-analytics",
        "dashboard": "database-reader",
        "migrate": "database-owner",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_only_the_gateway_has_the_keys_of_the_center(stack: str) -> None:
    holders = {
        name: volume["name"]
        for name, pod in templates(stack)
        for volume in pod["volumes"]
        if "center-key" in json.dumps(volume)
    }
    assert holders == {"gateway": "keys"}


@pytest.mark.parametrize("name", ["gateway", "dashboard"])
def test_a_rollout_takes_no_replica_away_before_another_serves(name: str) -> None:
    spec = kinds(wanted(world()), "Deployment")[name]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    wait = spec["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < wait < spec["template"]["spec"]["terminationGracePeriodSeconds"]


# The network


def policies(stack: str) -> list[Manifest]:
    """Every NetworkPolicy."""
    return list(kinds(wanted(STACKS[stack]), "NetworkPolicy").values())


def selects(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a label selector matches a pod's labels."""
    wanted_labels = (selector.get("matchLabels") or {}).items() <= labels.items()
    return wanted_labels and all(
        rule["operator"] == "In" and labels.get(rule["key"]) in rule["values"]
        for rule in selector.get("matchExpressions") or ()
    )


def edges(stack: str, direction: str) -> set[tuple[str, str, int]]:
    """(from, to, port) between pods of the center, as one end of the edge allows it."""
    peers, rules = ("from", "ingress") if direction == "Ingress" else ("to", "egress")
    found = set()
    for policy in policies(stack):
        for pod, labels in PODS.items():
            if not selects(policy["spec"]["podSelector"], labels):
                continue
            for rule in policy["spec"].get(rules) or ():
                for peer in rule.get(peers) or ():
                    others = [other for other, at in PODS.items() if _reaches(peer, at)]
                    ports = [port["port"] for port in rule["ports"]]
                    found |= {
                        (pod, other, port) if direction == "Egress" else (other, pod, port)
                        for other in others
                        for port in ports
                    }
    return found


def _reaches(peer: Any, labels: dict[str, str]) -> bool:
    return "podSelector" in peer and "namespaceSelector" not in peer and selects(peer["podSelector"], labels)


@pytest.mark.parametrize("stack", STACKS)
def test_what_may_leave_one_pod_may_enter_the_other_and_the_other_way_round(stack: str) -> None:
    assert edges(stack, "Egress") == edges(stack, "Ingress")


def test_the_edges_within_a_center_are_these_and_no_others() -> None:
    to_database = {(pod, "database", 5432) for pod in ("gateway", "analytics", "dashboard", "migrate", "database")}
    assert edges("medium", "Egress") == to_database | {("database", "database", 8000)}
    assert edges("external", "Egress") == set()


@pytest.mark.parametrize("stack", STACKS)
def test_everything_is_denied_first(stack: str) -> None:
    deny = kinds(wanted(STACKS[stack]), "NetworkPolicy")["default-deny"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}


@pytest.mark.parametrize("stack", STACKS)
def test_no_policy_allows_everything_by_an_empty_list_of_peers(stack: str) -> None:
    for policy in policies(stack):
        for rule in policy["spec"].get("ingress") or ():
            assert rule["from"], policy["metadata"]["name"]
        for rule in policy["spec"].get("egress") or ():
            assert rule["ports"], policy["metadata"]["name"]
            assert rule.get("to") or policy["metadata"]["name"] == "database-to-kubernetes-api"


def test_no_range_at_all_means_no_policy_rather_than_one_for_everybody() -> None:
    security = {"residency": {"country": "SA"}, "allowedIngress": {"gateway": [], "dashboard": []}}
    names = kinds(wanted(world(cluster(security=security))), "NetworkPolicy").keys()
    assert not {"gateway-from-facilities", "dashboard-from-users"} & names


@pytest.mark.parametrize(
    ("host", "addresses", "ranges"),
    [
        ("db.example.org", ["10.4.0.8/32", "fd00:4::/64"], ["10.4.0.8/32", "fd00:4::/64"]),
        ("10.4.0.8", [], ["10.4.0.8/32"]),
        ("fd00:4::8", ["10.4.0.8/32"], ["fd00:4::8/128", "10.4.0.8/32"]),
    ],
)
def test_the_way_to_an_external_database_leads_to_its_addresses_only(
    host: str, addresses: list[str], ranges: list[str]
) -> None:
    external = {"host": host, "addresses": addresses, "secretName": "their-database"}
    made = kinds(wanted(world(cluster(database={"engine": "external", "external": external}))), "NetworkPolicy")
    assert made["center-to-external-database"]["spec"]["egress"] == [
        {"to": [{"ipBlock": {"cidr": one}} for one in ranges], "ports": [{"protocol": "TCP", "port": 5432}]}
    ]


def test_no_address_at_all_means_no_way_rather_than_one_to_everywhere() -> None:
    external = {"host": "db.example.org", "secretName": "their-database"}  # as it was once admitted
    made = kinds(wanted(world(cluster(database={"engine": "external", "external": external}))), "NetworkPolicy")
    assert "center-to-external-database" not in made


def test_pods_of_others_are_no_facilities_unless_they_are_meant() -> None:
    platform = replace(PLATFORM, pod_ranges=("10.244.0.0/16", "fd00:10::/56"))
    ranges = ["10.0.0.0/8", "192.168.0.0/16", "fd00::/8", "10.244.0.0/16", "10.244.7.0/24"]
    security = {"residency": {"country": "SA"}, "allowedIngress": {"gateway": ranges}}
    made = kinds(wanted(replace(world(cluster(security=security)), platform=platform)), "NetworkPolicy")
    assert [peer["ipBlock"] for peer in made["gateway-from-facilities"]["spec"]["ingress"][0]["from"]] == [
        {"cidr": "10.0.0.0/8", "except": ["10.244.0.0/16"]},
        {"cidr": "192.168.0.0/16"},
        {"cidr": "fd00::/8", "except": ["fd00:10::/56"]},
        {"cidr": "10.244.0.0/16"},
        {"cidr": "10.244.7.0/24"},
    ]
    users = made["dashboard-from-users"]["spec"]["ingress"][0]["from"]
    assert {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.244.0.0/16"]}} in users


def test_each_destination_is_a_policy_of_the_gateway() -> None:
    egress = kinds(wanted(STACKS["medium"]), "NetworkPolicy")["gateway-egress-referrals"]["spec"]
    assert egress["podSelector"]["matchLabels"] == PODS["gateway"]
    assert egress["egress"] == [
        {"to": [{"ipBlock": {"cidr": "10.9.0.0/16"}}], "ports": [{"port": 443, "protocol": "TCP"}]}
    ]


@pytest.mark.parametrize(
    ("hl7", "fhir", "ports"),
    [
        ({}, False, {2575}),
        ({}, True, {2575, 8080}),
        (TLS["hl7"], False, {2575, 2576}),
        (TLS["hl7"], True, {2575, 2576, 8080, 8443}),
        (TLS["hl7"] | {"enabled": False}, True, {8080, 8443}),
    ],
)
def test_facilities_reach_the_ports_of_what_is_declared(hl7: Manifest, fhir: bool, ports: set[int]) -> None:
    found = wanted(world(cluster(pipelines={"hl7": hl7, "fhir": {"enabled": fhir}})))
    (policy,) = [one for one in found if one["metadata"]["name"] == "gateway-from-facilities"]
    assert {each["port"] for each in policy["spec"]["ingress"][0]["ports"]} == ports
    (service,) = [one for one in found if (one["kind"], one["metadata"]["name"]) == ("Service", "gateway")]
    assert {each["port"] for each in service["spec"]["ports"]} == ports | {8080, 9090}
    (deployment,) = [one for one in found if (one["kind"], one["metadata"]["name"]) == ("Deployment", "gateway")]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {each["name"] for each in container["ports"]} >= {each["targetPort"] for each in service["spec"]["ports"]}
