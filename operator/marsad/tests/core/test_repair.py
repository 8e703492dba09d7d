"""The primary went while a replica was being made: what is said, what is deleted, and what never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from marsad.api.conditions import ConditionStatus, ConditionType, Reason
from marsad.api.healthcluster import HealthClusterStatus
from marsad.api.model import Condition
from marsad.core.repair import PATIENCE, repair
from marsad.core.world import Key, Manifest, Observed
from marsad.tests.core.judging import CLUSTER, FALSE, TRUE, judged, says
from marsad.tests.core.worlds import (
    NOW,
    changed,
    cluster,
    cluster_status,
    deleting,
    key,
    pod,
    provided,
    with_objects,
    without,
)

JOIN = key("Job", "database-2-join", "batch")
PRIMARY, REPLICA = key("PersistentVolumeClaim", "database-1"), key("PersistentVolumeClaim", "database-2")
NOBODY: dict[str, Any] = {"readyInstances": 0, "instancesStatus": {}, "phase": "Creating a new replica"}
ALONE: dict[str, Any] = {
    "readyInstances": 1, "instancesStatus": {"healthy": ["database-1"]}, "danglingPVC": ["database-2"],
}  # fmt: skip
LONG = timedelta(minutes=10)


def theirs(at: Key, owner: Manifest, *, age: timedelta = LONG, **told: Any) -> Manifest:
    """An object that CloudNativePG made for the database, as the cache shows it."""
    labels = {"cnpg.io/cluster": "database", "cnpg.io/instanceName": "database-2", "marsad.dev/healthcluster": "makkah"}
    metadata = {
        "name": at.name, "namespace": at.namespace, "labels": labels, "resourceVersion": "7",
        "creationTimestamp": (NOW - age).isoformat(),
        "ownerReferences": [{"kind": "Cluster", "name": "database", "uid": owner["metadata"]["uid"]}],
    }  # fmt: skip
    api_version = "batch/v1" if at.kind == "Job" else "v1"
    return {"apiVersion": api_version, "kind": at.kind, "metadata": metadata, **told}


def since(observed: Observed, status: ConditionStatus, age: timedelta) -> Observed:
    """The world in whose status DatabaseReady has been so for that long."""
    ready = Condition(
        type=ConditionType.DATABASE_READY, status=status, reason="Told", message="", last_transition_time=NOW - age
    )
    written = observed.cluster.model_copy(update={"status": HealthClusterStatus(conditions=(ready,))})
    return replace(observed, cluster=written)


def stuck(*, ago: timedelta = LONG, age: timedelta = LONG, **status: Any) -> Observed:
    """The primary's pod went so long ago, while a Job of that age joined a replica."""
    observed = provided()
    live = cluster_status(observed.objects[CLUSTER], **(NOBODY | status))
    join = changed(theirs(JOIN, live, age=age, status={"active": 1}), "metadata.labels.cnpg~io/jobRole", "join")
    claims = (theirs(PRIMARY, live), theirs(REPLICA, live))
    return since(with_objects(observed, live, join, *claims), FALSE, ago)


def freed(*, ago: timedelta = LONG, age: timedelta = LONG, **status: Any) -> Observed:
    """The Job was deleted, and the primary serves again; the replica's claim was never filled."""
    observed = provided()
    live = cluster_status(observed.objects[CLUSTER], **(ALONE | status))
    claim = changed(theirs(REPLICA, live, age=age), "metadata.annotations.cnpg~io/pvcStatus", "initializing")
    instance = pod("database-1", {"phase": "Running"}, component="")
    return since(with_objects(observed, live, claim, theirs(PRIMARY, live), instance), TRUE, ago)


def but(observed: Observed, at: Key, path: str, value: Any) -> Observed:
    """The same world, in which one object says something else."""
    return with_objects(observed, changed(observed.objects[at], path, value))


def doomed(observed: Observed) -> str | None:
    """What is deleted now."""
    found = repair(observed)
    return found.doomed["metadata"]["name"] if found is not None and found.due <= observed.now else None


# What is said


def test_a_primary_that_waits_for_its_own_replica_is_told_with_the_command() -> None:
    found = judged(stuck())
    command = "kubectl delete job --namespace makkah database-2-join"
    says(found["DatabaseReady"], FALSE, Reason.PRIMARY_BLOCKED, "database-1", "Nothing is lost", "2 minutes", command)
    says(found["PipelinesReady"], TRUE, Reason.AVAILABLE)
    assert found["DatabaseReady"].message == judged(stuck(ago=timedelta(0)))["DatabaseReady"].message


def test_a_claim_that_was_never_filled_is_told_while_the_primary_serves() -> None:
    found = judged(freed())["DatabaseReady"]
    command = "kubectl delete pvc --namespace makkah database-2"
    says(found, TRUE, Reason.PRIMARY_SERVING, "1 of 2", "never filled", command)


def test_a_paused_center_says_that_it_is_left_so() -> None:
    observed = replace(stuck(), cluster=cluster(paused=True))
    says(judged(observed)["DatabaseReady"], FALSE, Reason.PRIMARY_BLOCKED, "spec.paused", "kubectl delete job")


# What is deleted, and when


def test_the_job_goes_after_a_while_and_then_the_claim() -> None:
    assert doomed(stuck()) == "database-2-join"
    assert doomed(freed()) == "database-2"


def test_a_job_that_was_given_up_goes_as_well() -> None:
    failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
    observed = stuck(phase="Cluster is unrecoverable and needs manual intervention")
    given_up = {**observed.objects[JOIN], "status": {"failed": 7, "conditions": failed}}
    assert doomed(with_objects(observed, given_up)) == "database-2-join"


def test_a_primary_whose_pod_was_evicted_counts_as_gone() -> None:
    assert doomed(with_objects(stuck(), pod("database-1", {"phase": "Failed"}, component=""))) == "database-2-join"


@pytest.mark.parametrize("story", [stuck, freed])
@pytest.mark.parametrize("early", ["ago", "age"])
def test_cloudnative_pg_is_given_time_to_find_a_way_itself(story: Any, early: str) -> None:
    observed = story(**{early: timedelta(seconds=30)})
    found = repair(observed)
    assert found is not None
    assert found.due == NOW - timedelta(seconds=30) + PATIENCE
    assert doomed(observed) is None
    assert doomed(replace(observed, now=found.due)) is not None


def test_time_begins_when_the_condition_changes() -> None:
    found = repair(since(stuck(), TRUE, LONG))  # it was True until this look
    assert found is not None
    assert found.due == NOW + PATIENCE


# What never is


@pytest.mark.parametrize(
    ("because", "observed"),
    [
        ("the pod is there, and may come up", with_objects(stuck(), pod("database-1", {"phase": "Pending"}, ""))),
        ("another takes its place", stuck(targetPrimary="database-2")),
        ("there was no primary yet", stuck(currentPrimary="", targetPrimary="")),
        ("the volume is gone, so there is more amiss", without(stuck(), PRIMARY)),
        ("the volume is going", but(stuck(), PRIMARY, "metadata.deletionTimestamp", "x")),
        ("the Job is done", but(stuck(), JOIN, "status.succeeded", 1)),
        ("the Job is going", but(stuck(), JOIN, "metadata.deletionTimestamp", "x")),
        ("the Job makes the first instance", but(stuck(), JOIN, "metadata.labels.cnpg~io/jobRole", "initdb")),
        ("the Job is of another database", but(stuck(), JOIN, "metadata.labels.cnpg~io/cluster", "other")),
        ("the Job is of an earlier Cluster", but(stuck(), JOIN, "metadata.ownerReferences.0.uid", "x")),
        ("it was made to stand still", but(stuck(), CLUSTER, "metadata.annotations.cnpg~io/hibernation", "on")),
        ("not everything was seen", replace(stuck(), complete=False)),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)  # fmt: skip
def test_a_job_is_left_alone_when(because: str, observed: Observed) -> None:
    assert repair(observed) is None
    assert judged(observed)["DatabaseReady"].reason != Reason.PRIMARY_BLOCKED


@pytest.mark.parametrize(
    ("because", "observed"),
    [
        ("it was filled", but(freed(), REPLICA, "metadata.annotations.cnpg~io/pvcStatus", "ready")),
        ("nothing says what it is", but(freed(), REPLICA, "metadata.annotations", {})),
        ("CloudNativePG has a use for it", freed(danglingPVC=[])),
        ("it is the primary's", freed(danglingPVC=["database-1"])),
        ("the primary does not serve", freed(instancesStatus={})),
        ("a pod has it", with_objects(freed(), pod("database-2", {"phase": "Pending"}, ""))),
        ("a Job has it", with_objects(freed(), theirs(JOIN, freed().objects[CLUSTER]))),
        ("it is of an earlier Cluster", but(freed(), REPLICA, "metadata.ownerReferences.0.uid", "x")),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)  # fmt: skip
def test_a_claim_is_left_alone_when(because: str, observed: Observed) -> None:
    assert repair(observed) is None
    assert "never filled" not in judged(observed)["DatabaseReady"].message


@pytest.mark.parametrize("halted", [cluster(paused=True), deleting(cluster()), cluster(release="9.9.9")])
def test_nothing_is_deleted_for_a_center_that_is_left_alone(halted: Any) -> None:
    assert repair(replace(stuck(), cluster=halted)) is None
