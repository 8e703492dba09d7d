"""What is desired follows the declaration, and nothing is desired that should not be."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from marsad.api.names import managed_labels
from marsad.core.context import context
from marsad.core.kinds import kind_of
from marsad.core.quantity import amount
from marsad.core.world import Key, Manifest
from marsad.tests.core.golden import STACKS
from marsad.tests.core.worlds import EXTERNAL, MONITORING, cluster, facility, kinds, wanted, world


def pods(stack: str) -> list[tuple[str, int, dict[str, Any]]]:
    """(name, replicas, container) of every Deployment and the Job."""
    made = wanted(STACKS[stack])
    return [
        (one["metadata"]["name"], one["spec"].get("replicas", 1), one["spec"]["template"]["spec"]["containers"][0])
        for one in made
        if one["kind"] in ("Deployment", "Job")
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_every_object_carries_our_labels_and_a_digest(stack: str) -> None:
    for manifest in wanted(STACKS[stack]):
        if manifest["kind"] == "Namespace":
            continue
        labels = manifest["metadata"]["labels"]
        assert managed_labels("makkah", labels["app.kubernetes.io/name"]).items() <= labels.items()
        assert len(manifest["metadata"]["annotations"]["marsad.dev/digest"]) == 16
        assert manifest["metadata"]["namespace"] == "makkah"


@pytest.mark.parametrize("stack", STACKS)
def test_every_object_is_of_a_kind_in_the_table(stack: str) -> None:
    for manifest in wanted(STACKS[stack]):
        kind = kind_of(Key.of(manifest).group, manifest["kind"])
        assert kind.api_version == manifest["apiVersion"]
        assert "patch" in kind.verbs


def test_the_namespace_is_given_only_its_pod_security_labels() -> None:
    namespace = kinds(wanted(world()), "Namespace")["makkah"]
    modes = ("enforce", "audit", "warn")
    assert namespace["metadata"] == {
        "name": "makkah",
        "labels": {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in modes},
    }


def test_selectors_find_the_pods_they_mean() -> None:
    made = wanted(world())
    labels = {name: one["spec"]["template"]["metadata"]["labels"] for name, one in kinds(made, "Deployment").items()}
    for name, service in kinds(made, "Service").items():
        assert service["spec"]["selector"].items() <= labels[name].items()
    for name, budget in kinds(made, "PodDisruptionBudget").items():
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels[name].items()
    for name, deployment in kinds(made, "Deployment").items():
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels[name].items()


def test_passwords_are_no_part_of_what_is_desired() -> None:
    assert not kinds(wanted(world()), "Secret")


def test_what_the_server_does_not_serve_is_not_desired() -> None:
    made = wanted(world(served=frozenset()))
    assert not kinds(made, "Cluster")
    assert not kinds(made, "ServiceMonitor")
    assert kinds(made, "Deployment").keys() == {"gateway", "analytics", "dashboard"}


def test_an_external_database_brings_no_cluster_and_no_edges_of_one() -> None:
    made = wanted(world(cluster(database=EXTERNAL)))
    assert not kinds(made, "Cluster")
    assert not [name for name in kinds(made, "NetworkPolicy") if name.startswith("database-")]
    environment = kinds(made, "Deployment")["gateway"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "MARSAD_DATABASE_HOST", "value": "db.example.org"} in environment
    assert {"name": "MARSAD_DATABASE_PORT", "value": "6432"} in environment


def test_monitoring_objects_exist_where_their_kinds_are_served() -> None:
    made = wanted(world(served=frozenset(MONITORING)))
    assert kinds(made, "ServiceMonitor").keys() == kinds(made, "PrometheusRule").keys() == {"center"}


@pytest.mark.parametrize(("hl7", "fhir"), [(True, False), (False, True), (True, True)])
def test_facilities_reach_the_ports_of_the_pipelines_that_are_on(hl7: bool, fhir: bool) -> None:
    pipelines = {"hl7": {"enabled": hl7}, "fhir": {"enabled": fhir}}
    made = wanted(world(cluster(pipelines=pipelines)))
    (rule,) = kinds(made, "NetworkPolicy")["gateway-from-facilities"]["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == [2575] * hl7 + [8080] * fhir
    assert "gateway" in kinds(made, "Deployment")
    ports = [port["port"] for port in kinds(made, "Service")["gateway"]["spec"]["ports"]]
    assert ports == [*[2575] * hl7, 8080, 9090]


def test_one_replica_has_no_disruption_budget_because_no_node_could_be_drained() -> None:
    assert not kinds(wanted(world(cluster(size="small"))), "PodDisruptionBudget")
    assert kinds(wanted(world(cluster(size="medium"))), "PodDisruptionBudget").keys() == {"gateway", "dashboard"}
    single = cluster(size="medium", overrides={"gateway": {"replicas": 1}})
    assert kinds(wanted(world(single)), "PodDisruptionBudget").keys() == {"dashboard"}


def test_a_refused_declaration_desires_nothing() -> None:
    assert wanted(world(cluster(release="9.9.9"))) == ()


def test_the_job_has_another_name_as_soon_as_it_would_be_made_otherwise() -> None:
    def job(database: dict[str, Any]) -> str:
        return next(iter(kinds(wanted(world(cluster(database=database))), "Job")))

    elsewhere = {**EXTERNAL, "external": {**EXTERNAL["external"], "host": "other.example.org"}}  # type: ignore[dict-item]
    assert job(EXTERNAL) == job(EXTERNAL) != job(elsewhere)
    assert job(EXTERNAL).startswith("migrate-0-1-0-")


def test_the_size_does_not_change_the_job() -> None:
    jobs = {next(iter(kinds(wanted(world(cluster(size=size))), "Job"))) for size in ("small", "medium", "large")}
    assert len(jobs) == 1


def test_a_facility_reaches_the_center_as_a_file_and_restarts_no_pod() -> None:
    before, after = wanted(world()), wanted(world(facilities=(facility(),)))
    differing = [Key.of(one) for one, other in zip(before, after, strict=True) if one != other]
    assert [str(one) for one in differing] == ["ConfigMap/center"]
    told = json.loads(kinds(after, "ConfigMap")["center"]["data"]["center.json"])
    assert told["facilities"][0]["feeds"][0]["sendingApplication"] == "HIS-KFH"
    assert told["defaultLocale"] in told["locales"]


def test_the_time_zones_of_center_and_feeds_are_in_the_file() -> None:
    def told(**spec: Any) -> Any:
        feed = {"name": "his", "sendingApplication": "HIS", "sendingFacility": "SFAC", "timeZone": "Etc/GMT+3"}
        made = kinds(wanted(world(cluster(**spec), facilities=(facility(feeds=[feed]),))), "ConfigMap")
        return json.loads(made["center"]["data"]["center.json"])

    assert told()["timeZone"] == "UTC"
    assert told(timeZone="Asia/Riyadh")["timeZone"] == "Asia/Riyadh"
    assert told()["facilities"][0]["feeds"][0]["timeZone"] == "Etc/GMT+3"


def test_two_instances_confirm_each_commit_and_three_insist_on_it() -> None:
    def synchronous(instances: int) -> Any:
        made = wanted(world(cluster(database={"instances": instances, "storage": {"size": "5Gi"}})))
        return kinds(made, "Cluster")["database"]["spec"]["postgresql"].get("synchronous")

    assert synchronous(1) is None
    assert synchronous(2) == {"method": "any", "number": 1, "dataDurability": "preferred", "failoverQuorum": True}
    assert synchronous(3) == {"method": "any", "number": 1, "dataDurability": "required", "failoverQuorum": True}


def test_unencrypted_connections_are_rejected_before_any_other_rule() -> None:
    spec = kinds(wanted(world()), "Cluster")["database"]["spec"]
    assert spec["postgresql"]["pg_hba"][0] == "hostnossl all all all reject"
    assert spec["enableSuperuserAccess"] is False


def test_the_log_cannot_fill_the_volume() -> None:
    for size in ("1Gi", "2Gi", "500Gi"):
        spec = kinds(wanted(world(cluster(database={"storage": {"size": size}}))), "Cluster")["database"]["spec"]
        kept = [
            spec["postgresql"]["parameters"][name]
            for name in ("max_wal_size", "wal_keep_size", "max_slot_wal_keep_size")
        ]
        assert sum(amount(value.replace("MB", "Mi")) for value in kept) < amount(size) / 2


def test_a_medium_center_asks_for_little() -> None:
    instances = kinds(wanted(STACKS["medium"]), "Cluster")["database"]["spec"]
    asked = sum(replicas * amount(one["resources"]["requests"]["cpu"]) for _, replicas, one in pods("medium"))
    asked += instances["instances"] * amount(instances["resources"]["requests"]["cpu"])
    assert asked <= Decimal("0.7")


@pytest.mark.parametrize("stack", STACKS)
def test_the_quota_holds_a_rollout_of_everything(stack: str) -> None:
    hard = kinds(wanted(STACKS[stack]), "ResourceQuota")["center"]["spec"]["hard"]
    engine: Manifest | None = kinds(wanted(STACKS[stack]), "Cluster").get("database")
    for what in ("requests", "limits"):
        for resource in ("cpu", "memory"):
            need = sum(2 * replicas * amount(one["resources"][what][resource]) for _, replicas, one in pods(stack))
            if engine is not None:
                spec = engine["spec"]
                need += (spec["instances"] + 1) * amount(spec["resources"][what][resource])
            assert need <= amount(hard[f"{what}.{resource}"])


def test_an_override_replaces_the_size_and_pulls_the_other_bound_along() -> None:
    overrides = {"gateway": {"replicas": 5, "requests": {"cpu": 3}}, "analytics": {"limits": {"memory": "64Mi"}}}
    made = context(world(cluster(overrides=overrides)))
    assert made["gateway"]["replicas"] == 5
    assert made["gateway"]["resources"]["requests"]["cpu"] == made["gateway"]["resources"]["limits"]["cpu"] == "3"
    assert made["analytics"]["resources"]["requests"]["memory"] == "64Mi"


def test_a_setting_of_the_declaration_wins_over_the_size() -> None:
    database = {"storage": {"size": "10Gi"}, "parameters": {"shared_buffers": "2GB", "log_temp_files": "0"}}
    parameters = kinds(wanted(world(cluster(database=database))), "Cluster")["database"]["spec"]["postgresql"][
        "parameters"
    ]
    assert parameters["shared_buffers"] == "2GB"
    assert parameters["log_temp_files"] == "0"
    assert parameters["work_mem"] == "8MB"
