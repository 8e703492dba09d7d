"""The primary goes while its replica is being made: CloudNativePG would wait for ever, and the operator frees it."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.kind.center import Center, Measured
from e2e.kind.test_faults import INSTANCES, kill, pods
from e2e.kubectl import eventually

pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]
JOIN = "cnpg.io/cluster=database,cnpg.io/jobRole=join"


def joins(center: Center) -> list[dict[str, Any]]:
    """Jobs that make a replica and have not done so."""
    return [job for job in center.kube.all("jobs", center.name, JOIN) if not job["status"].get("succeeded")]


def test_a_primary_that_dies_while_its_replica_is_made_comes_back_and_gets_its_replica(
    makkah: Center, measured: Measured
) -> None:
    makkah.settles(300)
    eventually("two instances", lambda: len(pods(makkah, INSTANCES)) == 2, 180)
    database = makkah.kube.get("cluster.postgresql.cnpg.io", "database", makkah.name)
    assert database is not None
    primary = database["status"]["currentPrimary"]
    (replica,) = set(pods(makkah, INSTANCES)) - {primary}
    makkah.kube.run("delete", "pvc", replica, "-n", makkah.name, "--wait=false")
    kill(makkah, replica)
    eventually("a replica is being made", lambda: joins(makkah), 180, pause=0.1)
    kill(makkah, primary)

    def reason() -> str:
        return str(makkah.conditions()["DatabaseReady"]["reason"])

    eventually("the operator says what is amiss", lambda: reason() == "PrimaryBlocked", 120)
    eventually("the primary is back", lambda: primary in pods(makkah, INSTANCES), 300)
    eventually("and has a replica again", lambda: len(pods(makkah, INSTANCES)) == 2, 400)
    makkah.settles(300)
    notes = [event["note"] for event in makkah.kube.all("events.events.k8s.io", makkah.name)
             if event["reason"] == "PrimaryBlocked" and event["note"].startswith("Deleted")]  # fmt: skip
    assert notes
    measured(f"the operator freed the database: {sorted(notes)}")
