"""Kill, restart and cut under traffic: nothing that was acknowledged is lost, and nothing is counted twice."""

from __future__ import annotations

import time

import pytest

from e2e.kind.center import SIMHOSP, Center, Measured
from e2e.kubectl import eventually
from e2e.mllp import Traffic

pytestmark = pytest.mark.kind
RUN = time.time_ns()  # control ids of another run are never used again
INSTANCES = "cnpg.io/cluster=database,cnpg.io/podRole=instance"  # and not the Job that makes a replica
EVERY_POD = [  # of the center, and of what provides it
    ("makkah", "app.kubernetes.io/name=gateway"),
    ("makkah", "app.kubernetes.io/name=analytics"),
    ("makkah", "app.kubernetes.io/name=dashboard"),
    ("makkah", INSTANCES),
    ("marsad-system", "app.kubernetes.io/name=marsad-operator"),
    ("cnpg-system", "app.kubernetes.io/name=cloudnative-pg"),
]


def lost_or_doubled(center: Center, traffic: Traffic) -> list[str]:
    """Control ids that were acknowledged and are not stored exactly once."""
    stored = center.stored(traffic.prefix)
    return [control for control in traffic.acknowledged if stored.get(control) != 1]


def flows(traffic: Traffic, more: int = 20, seconds: float = 180) -> None:
    """Wait until so many more messages were acknowledged."""
    goal = len(traffic.acknowledged) + more
    eventually(f"{more} more acknowledged", lambda: len(traffic.acknowledged) >= goal, seconds)


def pods(center: Center, selector: str, namespace: str = "") -> dict[str, str]:
    """Ready pods by name, with their uid; of the center's namespace unless another is named."""
    return {
        pod["metadata"]["name"]: pod["metadata"]["uid"]
        for pod in center.kube.all("pods", namespace or center.name, selector)
        if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    }


def kill(center: Center, pod: str) -> None:
    """Kill a pod without grace, as a failing machine would."""
    center.kube.run("delete", "pod", pod, "-n", center.name, "--grace-period=0", "--force", "--wait=false")


def test_killing_the_database_primary_under_traffic_loses_nothing_acknowledged(makkah: Center) -> None:
    database = makkah.kube.get("cluster.postgresql.cnpg.io", "database", makkah.name)
    assert database is not None
    eventually("two instances", lambda: len(pods(makkah, INSTANCES)) == 2, 180)
    primary = database["status"]["currentPrimary"]
    with Traffic(*makkah.gateway, SIMHOSP, f"primary-{RUN}-") as traffic:
        flows(traffic)
        kill(makkah, primary)
        flows(traffic, more=40)
    assert not lost_or_doubled(makkah, traffic)
    assert not traffic.refused
    makkah.settles(300)


def test_restarting_every_pod_one_by_one_under_traffic_loses_nothing_acknowledged(makkah: Center) -> None:
    with Traffic(*makkah.gateway, SIMHOSP, f"restart-{RUN}-") as traffic:
        flows(traffic)
        for namespace, selector in EVERY_POD:
            before = pods(makkah, selector, namespace)
            assert before, f"no ready pod of {selector}"
            for name, uid in before.items():
                makkah.kube.run("delete", "pod", name, "-n", namespace, "--wait=false")

                def replaced(
                    gone: str = uid, size: int = len(before), where: tuple[str, str] = (selector, namespace)
                ) -> bool:
                    now = pods(makkah, *where)
                    return gone not in now.values() and len(now) >= size

                eventually(f"{name} is replaced", replaced, 240)
            flows(traffic)
    assert not lost_or_doubled(makkah, traffic)
    assert not traffic.refused
    makkah.settles(300)


def test_killing_the_operator_changes_nothing_for_the_center(makkah: Center) -> None:
    with Traffic(*makkah.gateway, SIMHOSP, f"operator-{RUN}-") as traffic:
        for pod in makkah.kube.all("pods", "marsad-system", "app.kubernetes.io/name=marsad-operator"):
            makkah.kube.run("delete", "pod", pod["metadata"]["name"], "-n", "marsad-system",
                            "--grace-period=0", "--force", "--wait=false")  # fmt: skip
        flows(traffic)
    assert not lost_or_doubled(makkah, traffic)
    makkah.kube.run("rollout", "status", "deployment", "-n", "marsad-system", "--timeout=120s", deadline=130)
    makkah.settles()


def test_what_is_stored_after_the_faults_equals_what_is_shown(
    makkah: Center, facility: str, measured: Measured
) -> None:
    def same() -> bool:
        [[census]] = makkah.kube.psql(
            makkah.name,
            f"select count(*) from center.encounter where state = 'present' and in_ed and facility = '{facility}'",
        )
        return bool(makkah.figure("ed.census", facility)["value"] == int(census))

    started = time.monotonic()
    eventually("the census shown is the census stored", same, 120)
    measured(f"figures agreed with facts {time.monotonic() - started:.1f} s after the faults")
