"""DatabaseReady says how engine, primary and schema are: one story a rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from marsad.api.conditions import Reason
from marsad.api.model import Condition
from marsad.core.world import Key, Observed
from marsad.tests.core.judging import CLUSTER, FALSE, TRUE, judged, says
from marsad.tests.core.worlds import (
    EXTERNAL,
    changed,
    cluster,
    cluster_status,
    provided,
    secret,
    with_objects,
    without,
    world,
)


def job(observed: Observed) -> Key:
    """Key of the migration."""
    return next(at for at in observed.objects if at.kind == "Job")


def database(**status: Any) -> Condition:
    """DatabaseReady when CloudNativePG says this of an otherwise healthy medium database."""
    observed = provided()
    return judged(with_objects(observed, cluster_status(observed.objects[CLUSTER], **status)))["DatabaseReady"]


def test_a_missing_engine_is_said_with_the_way_to_install_it() -> None:
    found = judged(without(replace(provided(), served=frozenset()), CLUSTER))
    says(found["DatabaseReady"], FALSE, Reason.ENGINE_MISSING, "CloudNativePG is not installed", "kubectl apply")
    says(found["Stalled"], TRUE, Reason.BLOCKED)


def test_a_database_that_starts_is_told_in_the_words_of_the_engine() -> None:
    status = {"currentPrimary": "", "targetPrimary": "", "phase": "Setting up primary", "instancesStatus": {}}
    says(database(**status), FALSE, Reason.PROVISIONING, "Setting up primary")


def test_a_cluster_without_status_is_being_provisioned() -> None:
    observed = provided()
    bare = {name: value for name, value in observed.objects[CLUSTER].items() if name != "status"}
    says(judged(with_objects(observed, bare))["DatabaseReady"], FALSE, Reason.PROVISIONING)


def test_a_replica_that_is_missing_leaves_the_database_ready_without_its_spare() -> None:
    healthy = {"healthy": ["database-1"]}
    found = database(readyInstances=1, instancesStatus=healthy, phase="Creating a new replica")
    says(found, TRUE, Reason.PRIMARY_SERVING, "1 of 2")


def test_a_primary_that_is_down_is_not_ready_whatever_the_replicas_are() -> None:
    found = database(readyInstances=1, instancesStatus={"healthy": ["database-2"], "failed": ["database-1"]})
    says(found, FALSE, Reason.PROVISIONING, "database-1")


@pytest.mark.parametrize("status", [{"targetPrimary": "database-2"}, {"phase": "Failing over"}])
def test_a_fail_over_is_told(status: dict[str, Any]) -> None:
    says(database(**status), FALSE, Reason.FAILING_OVER, "database-1")


def test_a_database_whose_declaration_was_not_written_yet_is_not_ready() -> None:
    observed = provided()
    drifted = changed(observed.objects[CLUSTER], "spec.instances", 1)
    says(judged(with_objects(observed, drifted))["DatabaseReady"], FALSE, Reason.PROVISIONING)


def migration(**status: Any) -> Condition:
    """DatabaseReady when the Job says this."""
    observed = provided()
    return judged(with_objects(observed, {**observed.objects[job(observed)], "status": status}))["DatabaseReady"]


def test_a_migration_that_runs_is_awaited() -> None:
    says(migration(active=1), FALSE, Reason.MIGRATION_RUNNING, "migrate-0-1-0")


def test_a_migration_may_fail_twice_before_it_counts() -> None:
    says(migration(active=1, failed=2), FALSE, Reason.MIGRATION_RUNNING)
    says(migration(active=1, failed=3), FALSE, Reason.MIGRATION_FAILED, "kubectl logs", "tried again")
    says(migration(active=1, failed=3, succeeded=1), TRUE, Reason.ALL_INSTANCES_READY)


def test_a_migration_that_was_given_up_says_so() -> None:
    given_up = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
    says(migration(failed=1, conditions=given_up), FALSE, Reason.MIGRATION_FAILED, "given up")


def test_a_deleted_job_is_awaited_again() -> None:
    observed = provided()
    says(judged(without(observed, job(observed)))["DatabaseReady"], FALSE, Reason.MIGRATION_RUNNING)


def test_the_job_of_an_older_release_does_not_count() -> None:
    observed = provided()
    old = changed(observed.objects[job(observed)], "metadata.name", "migrate-0-0-9-abc")
    observed = without(with_objects(observed, old), job(observed))
    says(judged(observed)["DatabaseReady"], FALSE, Reason.MIGRATION_RUNNING)


def test_an_external_database_needs_its_secret() -> None:
    observed = provided(world(cluster(database=EXTERNAL)))
    says(judged(observed)["DatabaseReady"], FALSE, Reason.CREDENTIALS_MISSING, "their-database", "ca.crt")
    observed = with_objects(observed, secret("their-database"))
    says(judged(observed)["DatabaseReady"], TRUE, Reason.ALL_INSTANCES_READY)
