"""Whatever someone edits or deletes by hand is as declared again."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from e2e.kind.center import SIMHOSP, Center, Measured
from e2e.kubectl import eventually
from e2e.mllp import Sender, arrival, code

pytestmark = pytest.mark.kind
DATABASE = "cluster.postgresql.cnpg.io"

# An edit of each kind that a tired person could make: (kind, name, JSON patch, what must be back).
EDITS: list[tuple[str, str, list[dict[str, Any]]]] = [
    ("deployment", "gateway", [{"op": "replace", "path": "/spec/replicas", "value": 0}]),
    ("service", "gateway", [{"op": "replace", "path": "/spec/ports/0/port", "value": 2599}]),
    ("service", "dashboard", [{"op": "remove", "path": "/spec/selector"}]),
    ("configmap", "center", [{"op": "replace", "path": "/data/center.json", "value": "{}"}]),
    ("networkpolicy", "default-deny", [{"op": "replace", "path": "/spec/policyTypes", "value": ["Egress"]}]),
    ("resourcequota", "center", [{"op": "replace", "path": "/spec/hard/pods", "value": "1"}]),
    ("limitrange", "center", [{"op": "replace", "path": "/spec/limits", "value": []}]),
    ("poddisruptionbudget", "gateway", [{"op": "replace", "path": "/spec/maxUnavailable", "value": 2}]),
    ("serviceaccount", "gateway", [{"op": "replace", "path": "/automountServiceAccountToken", "value": True}]),
    (
        DATABASE,
        "database",
        [{"op": "replace", "path": "/spec/enableSuperuserAccess", "value": True}],
    ),
]  # fmt: skip
DELETABLE = ["deployment/analytics", "service/gateway", "configmap/center", "networkpolicy/default-deny",
             "resourcequota/center", "limitrange/center", "poddisruptionbudget/gateway",
             "serviceaccount/dashboard"]  # fmt: skip


def spec_of(center: Center, kind: str, name: str) -> dict[str, Any] | None:
    """What was declared of an object: everything but metadata and status."""
    live = center.kube.get(kind, name, center.name)
    return live and {key: value for key, value in live.items() if key not in ("metadata", "status")}


@pytest.mark.parametrize(("kind", "name", "patch"), EDITS, ids=[f"{kind}-{name}" for kind, name, _ in EDITS])
def test_an_edit_is_undone(
    makkah: Center, kind: str, name: str, patch: list[dict[str, Any]], measured: Measured
) -> None:
    declared = spec_of(makkah, kind, name)
    assert declared, f"{kind}/{name} is not there to be edited"
    makkah.kube.run("patch", kind, name, "-n", makkah.name, "--type=json", "-p", json.dumps(patch))
    edited = time.monotonic()
    eventually(f"{kind}/{name} is as declared", lambda: spec_of(makkah, kind, name) == declared, 120, pause=0.05)
    measured(f"{kind}/{name}: edit undone {time.monotonic() - edited:.2f} s later (goal 2 s)")


def test_labels_of_a_job_come_back(makkah: Center) -> None:
    [job] = makkah.kube.all("jobs", makkah.name, "app.kubernetes.io/name=migrate")  # more of it cannot be changed
    name, label = job["metadata"]["name"], "app.kubernetes.io/managed-by"
    makkah.kube.run("label", "job", name, "-n", makkah.name, f"{label}-")

    def labelled() -> bool:
        live = makkah.kube.get("job", name, makkah.name)
        return live is not None and live["metadata"]["labels"].get(label) == "marsad"

    eventually("the label is back", labelled, 120)


@pytest.mark.parametrize("target", DELETABLE)
def test_a_deleted_object_is_made_again(makkah: Center, target: str, measured: Measured) -> None:
    kind, name = target.split("/")
    before = makkah.kube.get(kind, name, makkah.name)
    assert before
    makkah.kube.run("delete", target, "-n", makkah.name, "--wait=false")
    deleted = time.monotonic()

    def made_again() -> bool:
        live = makkah.kube.get(kind, name, makkah.name)
        return live is not None and live["metadata"]["uid"] != before["metadata"]["uid"]

    eventually(f"{target} is back", made_again, 120, pause=0.05)
    measured(f"{target}: made again {time.monotonic() - deleted:.2f} s after it was deleted (goal 2 s)")


def test_a_deleted_password_is_replaced_and_every_part_goes_on(makkah: Center) -> None:
    makkah.kube.run("delete", "secret", "database-reader", "-n", makkah.name)
    eventually("the Secret is back", lambda: makkah.kube.get("secret", "database-reader", makkah.name), 120)
    makkah.settles()
    eventually("the dashboard reads", lambda: makkah.json("/api/v1/feeds"), 120)


def test_a_deleted_migration_runs_again_and_changes_nothing(makkah: Center) -> None:
    before = makkah.kube.all("jobs", makkah.name, "app.kubernetes.io/name=migrate")
    assert len(before) == 1
    makkah.kube.run("delete", "job", before[0]["metadata"]["name"], "-n", makkah.name, "--wait=false")

    def done_again() -> bool:
        jobs = makkah.kube.all("jobs", makkah.name, "app.kubernetes.io/name=migrate")
        fresh = [job for job in jobs if job["metadata"]["uid"] != before[0]["metadata"]["uid"]]
        return len(fresh) == 1 and fresh[0].get("status", {}).get("succeeded") == 1

    eventually("the migration has run again", done_again, 120)


def test_a_deleted_database_comes_back_with_its_volumes(makkah: Center, measured: Measured) -> None:
    with Sender(*makkah.gateway) as sender:
        control = f"kept-{time.time_ns()}"
        assert code(sender.send(arrival(SIMHOSP, control, control))) == "AA"
    before = makkah.kube.get(DATABASE, "database", makkah.name)
    volumes = {claim["metadata"]["uid"] for claim in makkah.kube.all("pvc", makkah.name, "cnpg.io/cluster=database")}
    assert before
    assert volumes
    makkah.kube.run("delete", DATABASE, "database", "-n", makkah.name, "--timeout=60s", deadline=70)
    deleted = time.monotonic()

    def serves_again() -> bool:
        live = makkah.kube.get(DATABASE, "database", makkah.name)
        assert live is not None
        return live["metadata"]["uid"] != before["metadata"]["uid"] and bool(makkah.stored(control))

    eventually("another Cluster serves what was stored", serves_again, 180)
    measured(f"a deleted database served again after {time.monotonic() - deleted:.0f} s")
    makkah.settles(300)
    assert volumes <= {claim["metadata"]["uid"] for claim in makkah.kube.all("pvc", makkah.name)}
    assert makkah.stored(control) == {control: 1}


def test_pod_security_labels_come_back(makkah: Center) -> None:
    label = "pod-security.kubernetes.io/enforce"
    makkah.kube.run("label", "namespace", makkah.name, f"{label}-", "--overwrite")

    def labelled() -> bool:
        namespace = makkah.kube.get("namespace", makkah.name)
        return namespace is not None and namespace["metadata"]["labels"].get(label) == "restricted"

    eventually("the namespace is restricted", labelled, 120)


def test_after_all_repairs_the_center_is_ready(makkah: Center) -> None:
    makkah.settles()
