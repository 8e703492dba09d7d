"""Policies by packets: what is declared suffices for a center to live, and everything else is closed.

Where the cluster's network plugin enforces NetworkPolicy, it is what is tested; our own node has none that does, and
there the stand-in of e2e/policies enforces while these stories run. A closed way proves something only if it is open to
others: each is tried from where it must be open, too, and, where the stand-in enforces, by the same probe without it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from e2e.cluster import kind
from e2e.cluster.start import Cluster
from e2e.kind import ways
from e2e.kind.center import EXAMPLES, SIMHOSP, Center
from e2e.kind.edges import BY_STORY, CLOSED, OPEN, PLACES, PROBES, control
from e2e.kind.ways import NODE, Way, Ways
from e2e.kubectl import Kubectl, eventually
from e2e.mllp import Sender, arrival, code
from e2e.policies.enforce import Enforcer
from marsad_center.tests.gateway.certificates import Authority

pytestmark = pytest.mark.kind


def name_of(way: Way) -> str:
    return " to ".join(way)


@dataclass(frozen=True)
class Seen:
    """Ways that were open with policies enforced and, where they could be lifted, without."""

    enforced: set[Way]
    lifted: set[Way] | None


@pytest.fixture(scope="module")
def network(kube: Kubectl, cluster: Cluster, node: str, makkah: Center) -> Iterator[Ways]:
    with ways.listeners("referrals", "other") as listening, ways.pods(kube, cluster.images["center"], PROBES):
        yield Ways(kube, kind.node(cluster.name), node, PLACES, listening)


@pytest.fixture(scope="module")
def enforcer(network: Ways, cluster: Cluster) -> Iterator[Enforcer | None]:
    """Policies are enforced from here on: by the stand-in, or, None, by the cluster's own network plugin."""
    way = ("stranger", "denied:8080")
    assert network.open([way]), "nothing is denied yet"
    deny = {"podSelector": {}, "policyTypes": ["Ingress"]}
    metadata = {"name": "deny", "namespace": PROBES["denied"].namespace}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": deny}
    network.kube.apply(json.dumps(policy))
    try:
        eventually("the plugin enforces it", lambda: not network.open([way]), 5)
    except AssertionError:
        with Enforcer(network.kube, network.container) as stand_in:
            yield stand_in
    else:
        yield None


@pytest.fixture(scope="module")
def oran(network: Ways, enforcer: Enforcer | None, node: str) -> Iterator[Center]:
    """Oran with a second database instance, reached from this machine and by one pod, made where policies are enforced.

    All that facilities may send by is turned on; of who gets in over TLS tell the stories of senders."""
    documents = list(yaml.safe_load_all((EXAMPLES / "oran.yaml").read_text()))
    spec = next(document for document in documents if document["kind"] == "HealthCluster")["spec"]
    spec["database"]["instances"] = 2
    machine = f"{network.machine}/32"
    destination = {"name": "referrals", "cidr": machine, "ports": [{"port": network.listening["referrals"]}]}
    sender = network.kube.get("pod", PROBES["sender"].container, PROBES["sender"].namespace)
    assert sender is not None
    facilities = [machine, f"{sender['status']['podIP']}/32"]
    spec["security"] |= {"allowedIngress": {"gateway": facilities, "dashboard": [machine]},
                         "allowedEgress": [destination]}  # fmt: skip
    spec["pipelines"] = {
        "hl7": {"tls": {"clientAuthority": {"configMapName": "facilities"}}},
        "fhir": {"enabled": True},
    }
    trusted = {"ca.crt": Authority("Facilities of Oran").certificate.decode()}
    metadata = {"name": "facilities", "namespace": "oran"}
    documents.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": trusted})
    center = Center(network.kube, "oran", node)
    network.kube.apply(yaml.safe_dump_all(documents, allow_unicode=True))
    try:
        center.ready()
        yield center
    finally:
        network.kube.run("delete", "namespace", center.name, "--timeout=180s", deadline=190)


@pytest.fixture(scope="module")
def seen(network: Ways, enforcer: Enforcer | None, oran: Center) -> Seen:
    """Every way tried with policies enforced, and without where that is possible."""
    tried = {*(way for group in OPEN.values() for way in group), *CLOSED, *map(control, CLOSED)}

    def twice(tried: set[Way]) -> set[Way]:
        found = network.open(tried)
        return found | network.open(tried - found)  # no way is closed because a busy machine was slow

    if enforcer is None:
        return Seen(twice(tried), None)
    enforcer.catch_up()
    enforced = twice(tried)
    with enforcer.lifted():
        return Seen(enforced, twice(set(CLOSED)))


def test_a_default_deny_stops_others_and_not_the_node(network: Ways, enforcer: Enforcer | None) -> None:
    tried = {("stranger", "denied:8080"), (NODE, "denied:8080"), ("denied", "stranger:8080")}
    assert network.open(tried) == {(NODE, "denied:8080"), ("denied", "stranger:8080")}


def streaming(center: Center) -> bool:
    """Whether a second database instance receives what the first one writes."""
    return center.kube.psql(center.name, "select state from pg_stat_replication") == [["streaming"]]


def test_a_center_starts_from_nothing_within_its_policies(oran: Center) -> None:
    visit = f"walled-{time.time_ns()}"
    with Sender(*oran.gateway) as sender:
        assert code(sender.send(arrival(("SIHORAN", "CHUO"), visit, visit))) == "AA"
    eventually("the arrival is on the dashboard", lambda: oran.figure("ed.census", "CHUO")["value"] == 1, 120)
    eventually("the second instance replicates", lambda: streaming(oran), 120)

    def heard() -> bool:
        facility = oran.kube.get("facility", "chu-oran", "oran") or {}
        return any(
            item["type"] == "Connected" and item["status"] == "True" for item in facility["status"]["conditions"]
        )

    eventually("the operator has asked the dashboard", heard, 120)


def test_a_running_center_connects_anew_within_its_policies(makkah: Center, enforcer: Enforcer | None) -> None:
    everyone = "backend_type in ('client backend', 'walsender') and pid <> pg_backend_pid()"
    cut = makkah.kube.psql(makkah.name, f"select pg_terminate_backend(pid) from pg_stat_activity where {everyone}")
    assert len(cut) > 3, "gateways, analytics, dashboards and the second instance were connected"
    visit = f"walled-{time.time_ns()}"
    with Sender(*makkah.gateway) as sender:
        eventually("a message is acknowledged", lambda: code(sender.send(arrival(SIMHOSP, visit, visit))) == "AA", 120)
    assert makkah.stored(visit) == {visit: 1}
    eventually("the second instance replicates", lambda: streaming(makkah), 120)
    eventually("the dashboard reads", lambda: makkah.json("/api/v1/feeds"), 120)
    makkah.settles()


@pytest.mark.parametrize("way", [way for group in OPEN.values() for way in group], ids=name_of)
def test_a_declared_way_is_open(seen: Seen, way: Way) -> None:
    assert way in seen.enforced


@pytest.mark.parametrize("way", CLOSED, ids=name_of)
def test_what_is_not_declared_is_closed(seen: Seen, way: Way) -> None:
    if way[1].startswith(NODE) and seen.lifted is None:
        pytest.skip("Kubernetes leaves it to the network plugin whether a pod reaches its own node")
    assert control(way) in seen.enforced, "nobody gets there: that it is closed would prove nothing"
    assert seen.lifted is None or way in seen.lifted, "closed without policies, too: that would prove nothing"
    assert way not in seen.enforced


def test_every_policy_that_is_declared_is_proved_here(makkah: Center, oran: Center) -> None:
    declared = {item["metadata"]["name"] for namespace in (makkah.name, oran.name, "marsad-system")
                for item in makkah.kube.all("networkpolicies", namespace)}  # fmt: skip
    assert declared == OPEN.keys() | BY_STORY


def test_edges_that_someone_removes_are_closed_until_the_operator_puts_them_back(
    network: Ways, enforcer: Enforcer | None, oran: Center
) -> None:
    edge = ("oran-gateway", "oran-database:5432")
    others = {("oran-dashboard", "oran-database:5432"), ("scraper", "oran-gateway:9090"),
              ("oran-gateway", "machine:referrals")}  # fmt: skip

    def pause(paused: bool) -> None:
        patch = json.dumps({"spec": {"paused": paused}})
        oran.kube.run("patch", "healthcluster", oran.name, "-n", oran.name, "--type=merge", "-p", patch)

    def opens(*policies: str, expected: set[Way]) -> None:
        if policies:
            oran.kube.run("delete", "networkpolicy", *policies, "-n", oran.name)
        if enforcer:
            enforcer.catch_up()
        eventually(f"open is {expected}", lambda: network.open({edge, *others}) == expected, 120)

    opens(expected={edge, *others})
    pause(True)
    eventually("the operator rests", lambda: oran.conditions()["Reconciling"]["reason"] == "Paused", 120)
    opens("gateway-to-database", expected=others)
    left = {item["metadata"]["name"] for item in oran.kube.all("networkpolicies", oran.name)}
    opens(*left - {"default-deny"}, expected=set())  # what nothing opens is closed by the one that remains
    pause(False)
    opens(expected={edge, *others})
    oran.settles()
