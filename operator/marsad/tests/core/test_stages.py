"""The conditions say what is observed: one story a rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from marsad.api.conditions import Reason
from marsad.api.model import Condition
from marsad.core.outcome import Refused
from marsad.core.status import status
from marsad.core.world import Platform
from marsad.tests.core.judging import CLUSTER, FALSE, GATEWAY, TRUE, UNKNOWN, judged, says
from marsad.tests.core.worlds import (
    NOW,
    cluster,
    cluster_status,
    deleting,
    deployment_status,
    key,
    provided,
    wanted,
    with_objects,
    without,
    world,
)

# A whole center


def test_a_center_as_declared_is_ready() -> None:
    found = judged(provided())
    assert [one.type for one in found.values()] == [
        "Accepted", "SecurityReady", "DatabaseReady", "PipelinesReady", "DashboardsReady",
        "FreshnessMet", "Ready", "Reconciling", "Stalled",
    ]  # fmt: skip
    says(found["Ready"], TRUE, Reason.ALL_STAGES_READY)
    says(found["DatabaseReady"], TRUE, Reason.ALL_INSTANCES_READY)
    says(found["Reconciling"], FALSE, Reason.SETTLED)
    says(found["Stalled"], FALSE, Reason.NOT_STALLED)


def test_a_center_that_was_never_written_is_not_ready_and_reconciling() -> None:
    found = judged(world())
    says(found["SecurityReady"], FALSE, Reason.PROVISIONING, "Namespace/makkah")
    says(found["DatabaseReady"], FALSE, Reason.PROVISIONING)
    says(found["Ready"], FALSE, Reason.STAGE_NOT_READY, "SecurityReady")
    says(found["Reconciling"], TRUE, Reason.PROGRESSING)


def test_a_center_without_senders_is_ready() -> None:
    found = judged(provided(world()))
    says(found["Ready"], TRUE, Reason.ALL_STAGES_READY)
    says(found["FreshnessMet"], UNKNOWN, Reason.NO_FEEDS)


def test_ready_waits_for_an_object_that_belongs_to_no_stage() -> None:
    found = judged(without(provided(), key("PodDisruptionBudget", "gateway", "policy")))
    says(found["Ready"], FALSE, Reason.PROGRESSING, "PodDisruptionBudget")


def test_ready_waits_until_what_is_no_longer_declared_is_gone() -> None:
    destination = {"name": "referrals", "cidr": "10.9.0.0/16", "ports": [{"port": 443}]}
    security = {"residency": {"country": "SA"}, "allowedEgress": [destination]}
    observed = replace(provided(world(cluster(security=security))), cluster=cluster())
    says(judged(observed)["Ready"], FALSE, Reason.PROGRESSING, "no longer declared")


def test_every_condition_is_judged_for_the_generation_it_saw() -> None:
    observed = replace(provided(), cluster=cluster(generation=7))
    assert {one.observed_generation for one in judged(observed).values()} == {7}


def test_time_of_transition_is_kept_while_the_status_is_the_same_and_only_then() -> None:
    early = replace(provided(), now=NOW - timedelta(hours=1))
    written = early.cluster.model_validate(
        early.cluster.dump() | {"status": status(early, list(judged(early).values()))}
    )
    later = replace(early, now=NOW, cluster=written)
    assert {one.last_transition_time for one in judged(later).values()} == {early.now}
    broken = without(later, CLUSTER)
    assert judged(broken)["DatabaseReady"].last_transition_time == NOW
    assert judged(broken)["PipelinesReady"].last_transition_time == early.now


# Accepted


def test_the_younger_of_two_in_a_namespace_is_refused_and_the_older_is_not() -> None:
    older, younger = cluster("older"), cluster("younger", born="2026-03-01T08:00:01Z")
    found = judged(world(younger, rivals=(older,)))
    says(found["Accepted"], FALSE, Reason.NAMESPACE_TAKEN, "older", "makkah")
    says(found["DatabaseReady"], UNKNOWN, Reason.WAITING_FOR_STAGE)
    says(found["Ready"], FALSE, Reason.STAGE_NOT_READY)
    says(found["Stalled"], TRUE, Reason.BLOCKED)
    says(judged(world(older, rivals=(younger,)))["Accepted"], TRUE, Reason.ACCEPTED)


@pytest.mark.parametrize(
    ("namespace", "keeper"),
    [
        ("default", "whatever names none"),
        ("kube-system", "Kubernetes itself"),
        ("kube-public", "Kubernetes itself"),
        ("operators", "the operator"),
        ("databases", "CloudNativePG"),
        ("prometheus", "monitoring"),
    ],
)
def test_a_center_is_refused_where_its_fences_would_hold_pods_of_others(namespace: str, keeper: str) -> None:
    there = Platform("0.1.0", "c", "p", operator_namespace="operators", cnpg_namespace="databases",
                     monitoring_namespace="prometheus")  # fmt: skip
    hc = cluster()
    moved = hc.model_copy(update={"metadata": hc.metadata.model_copy(update={"namespace": namespace})})
    observed = replace(world(moved), platform=there)
    found = judged(observed)
    says(found["Accepted"], FALSE, Reason.NAMESPACE_RESERVED, f"{namespace} is that of {keeper}")
    says(found["Stalled"], TRUE, Reason.BLOCKED)
    assert wanted(observed) == ()
    says(judged(replace(world(), platform=there))["Accepted"], TRUE, Reason.ACCEPTED)


def test_of_two_made_in_the_same_second_exactly_one_is_accepted() -> None:
    one, other = cluster("one"), cluster("other")
    accepted = [judged(world(a, rivals=(b,)))["Accepted"].status for a, b in ((one, other), (other, one))]
    assert sorted(accepted) == [FALSE, TRUE]


def test_a_release_that_this_operator_lacks_is_refused_while_the_center_runs_on() -> None:
    found = judged(replace(provided(), cluster=cluster(release="0.2.0")))
    says(found["Accepted"], FALSE, Reason.NOT_IN_RELEASE, "0.2.0", "0.1.0")
    says(found["Stalled"], TRUE, Reason.BLOCKED)
    says(judged(world(cluster(release="0.1.0")))["Accepted"], TRUE, Reason.ACCEPTED)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"overrides": {"gateway": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}}}, "gateway requests more cpu"),
        ({"overrides": {"analytics": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1G"}}}}, "more memory"),
        ({"overrides": {"dashboard": {"limits": {"cpu": "many"}}}}, "not a quantity"),
        ({"database": {"parameters": {"a\nb": "1"}}}, "settings of PostgreSQL are named in lower-case"),
        ({"database": {"parameters": {"Fsync": "off"}}}, "has 'Fsync'"),
        ({"timeZone": "Asia/Mecca"}, "spec.timeZone is 'Asia/Mecca', which the IANA time zone database has not"),
        ({"timeZone": "America/Argentina"}, "'America/Argentina'"),  # a folder of zones
    ],
)
def test_what_contradicts_itself_is_invalid(spec: dict[str, Any], words: str) -> None:
    says(judged(world(cluster(**spec)))["Accepted"], FALSE, Reason.INVALID, words)


def test_a_name_too_long_for_a_label_is_invalid() -> None:
    says(judged(world(cluster("a" * 64)))["Accepted"], FALSE, Reason.INVALID, "63")


def test_an_object_of_someone_else_in_our_place_is_named() -> None:
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "gateway", "namespace": "makkah"}}
    found = judged(with_objects(world(), theirs))
    says(found["Accepted"], FALSE, Reason.INVALID, "Service/gateway")
    says(found["Stalled"], TRUE, Reason.BLOCKED)


# SecurityReady


def test_a_missing_policy_makes_security_unready() -> None:
    found = judged(without(provided(), key("NetworkPolicy", "default-deny", "networking.k8s.io")))
    says(found["SecurityReady"], FALSE, Reason.PROVISIONING, "default-deny")


def test_a_namespace_without_its_labels_makes_security_unready() -> None:
    bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "makkah"}}
    says(judged(with_objects(provided(), bare))["SecurityReady"], FALSE, Reason.PROVISIONING, "Namespace/makkah")


def test_a_refused_object_is_quoted_in_its_stage() -> None:
    service = key("Service", "gateway")
    refused = {service: Refused(Reason.APPLY_FAILED, "spec.ports[3].name: Duplicate value")}
    found = judged(without(provided(), service), refused)
    says(found["PipelinesReady"], FALSE, Reason.APPLY_FAILED, "Service/gateway", "Duplicate value")
    says(found["Ready"], FALSE, Reason.STAGE_NOT_READY, "Duplicate value")
    says(found["Stalled"], TRUE, Reason.BLOCKED)


def test_a_permission_that_is_missing_is_told_apart() -> None:
    policy = key("NetworkPolicy", "dns", "networking.k8s.io")
    found = judged(without(provided(), policy), {policy: Refused(Reason.FORBIDDEN, "cannot patch")})
    says(found["SecurityReady"], FALSE, Reason.FORBIDDEN, "cannot patch")


# PipelinesReady and DashboardsReady


def gateway(**status: Any) -> Condition:
    """PipelinesReady when the gateway's Deployment says this."""
    observed = provided()
    return judged(with_objects(observed, deployment_status(observed.objects[GATEWAY], **status)))["PipelinesReady"]


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 0},
        {"updatedReplicas": 1},
        {"availableReplicas": 1},
        {"replicas": 3},
    ],
    ids=["unseen change", "old pods", "unready pod", "old pod still there"],
)
def test_a_rollout_is_not_ready_before_its_end(status: dict[str, int]) -> None:
    says(gateway(**status), FALSE, Reason.ROLLOUT_IN_PROGRESS, "gateway")


def test_pods_that_wait_for_the_database_say_so() -> None:
    observed = provided()
    observed = with_objects(observed, deployment_status(observed.objects[GATEWAY], availableReplicas=0))
    observed = with_objects(observed, cluster_status(observed.objects[CLUSTER], currentPrimary=""))
    says(judged(observed)["PipelinesReady"], FALSE, Reason.WAITING_FOR_STAGE, "0 of 2", "database")


def test_a_rollout_that_does_not_get_on_needs_a_person() -> None:
    late = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    says(gateway(availableReplicas=1, conditions=late), FALSE, Reason.PODS_FAILING, "1 of 2")


def test_a_quota_that_forbids_a_pod_is_quoted_without_the_pods_random_name() -> None:
    message = 'pods "gateway-7c9-x2x" is forbidden: exceeded quota: center, requested: cpu=1'
    failing = [{"type": "ReplicaFailure", "status": "True", "message": message}]
    found = gateway(replicas=0, updatedReplicas=0, availableReplicas=0, conditions=failing)
    says(found, FALSE, Reason.QUOTA_EXCEEDED, "exceeded quota")
    assert "x2x" not in found.message


@pytest.mark.parametrize("hl7", [True, False])
def test_the_pipeline_of_fhir_is_the_gateway(hl7: bool) -> None:
    pipelines = {"hl7": {"enabled": hl7}, "fhir": {"enabled": True}}
    found = judged(provided(world(cluster(pipelines=pipelines))))
    says(found["PipelinesReady"], TRUE, Reason.AVAILABLE, "gateway")


@pytest.mark.parametrize("name", ["analytics", "dashboard"])
def test_dashboards_need_the_figures_and_the_page(name: str) -> None:
    observed = provided()
    live = observed.objects[key("Deployment", name, "apps")]
    found = judged(with_objects(observed, deployment_status(live, availableReplicas=0)))
    says(found["DashboardsReady"], FALSE, Reason.ROLLOUT_IN_PROGRESS, name)
    says(found["PipelinesReady"], TRUE, Reason.AVAILABLE)


# What cannot be seen, pauses and deletion


def test_unknown_outranks_a_true_that_rests_on_an_incomplete_view() -> None:
    found = judged(replace(provided(), complete=False))
    for kind in ("SecurityReady", "DatabaseReady", "PipelinesReady", "DashboardsReady"):
        says(found[kind], UNKNOWN, Reason.UNOBSERVABLE)
    says(found["Ready"], UNKNOWN, Reason.STAGE_NOT_READY)


def test_what_is_false_stays_false_in_an_incomplete_view() -> None:
    found = judged(replace(without(provided(), GATEWAY), complete=False))
    assert found["PipelinesReady"].status is FALSE
    assert found["Ready"].status is FALSE


def test_a_paused_center_is_still_observed() -> None:
    observed = replace(provided(), cluster=cluster(paused=True))
    found = judged(observed)
    says(found["Ready"], TRUE, Reason.ALL_STAGES_READY)
    says(found["Reconciling"], FALSE, Reason.PAUSED)
    drifted = judged(without(observed, key("NetworkPolicy", "dns", "networking.k8s.io")))
    says(drifted["SecurityReady"], FALSE, Reason.PAUSED, "dns")
    assert drifted["Ready"].status is FALSE


def test_a_center_that_is_being_deleted_is_not_ready_and_says_what_is_done() -> None:
    found = judged(replace(provided(), cluster=deleting(cluster())))
    says(found["Ready"], FALSE, Reason.DELETING, "gateway")
    says(found["Reconciling"], TRUE, Reason.DELETING)


def test_a_paused_deletion_says_that_it_waits() -> None:
    found = judged(replace(provided(), cluster=deleting(cluster(paused=True))))
    says(found["Ready"], FALSE, Reason.DELETING, "spec.paused")


def test_messages_are_bounded() -> None:
    at = key("ConfigMap", "center")
    found = judged(without(provided(), at), {at: Refused(Reason.APPLY_FAILED, "x" * 9000)})
    assert max(len(one.message) for one in found.values()) <= 1024
