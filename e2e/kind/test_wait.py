"""`kubectl wait`, the first thing that a rollout asks, is right in both directions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.kind.center import Center

pytestmark = pytest.mark.kind


def ready(center: Center) -> dict[str, object]:
    """The condition Ready, and whether it is about the newest declaration."""
    live = center.kube.get("healthcluster", center.name, center.name)
    assert live is not None
    condition = next(one for one in live["status"]["conditions"] if one["type"] == "Ready")
    return {"status": condition["status"], "current": condition["observedGeneration"] == live["metadata"]["generation"]}


def test_whoever_waits_for_trouble_hears_of_it_and_whoever_waits_for_the_end_of_it_too(makkah: Center) -> None:
    makkah.settles()
    target = f"healthcluster/{makkah.name}"
    with ThreadPoolExecutor(1) as pool:
        trouble = pool.submit(makkah.kube.wait, target, "condition=Ready=False", makkah.name, 120)
        for pod in makkah.kube.all("pods", makkah.name, "app.kubernetes.io/name=dashboard"):
            makkah.kube.run("delete", "pod", pod["metadata"]["name"], "-n", makkah.name, "--wait=false")
        trouble.result()
    makkah.kube.wait(target, "condition=Ready", makkah.name, 180)
    assert ready(makkah) == {"status": "True", "current": True}


def test_whoever_waits_right_after_a_change_waits_for_that_change(makkah: Center) -> None:
    target = f"healthcluster/{makkah.name}"
    for replicas in (3, 2):
        change = f'{{"spec": {{"overrides": {{"dashboard": {{"replicas": {replicas}}}}}}}}}'
        makkah.kube.run("patch", target, "-n", makkah.name, "--type=merge", "-p", change)
        makkah.kube.wait(target, "condition=Ready", makkah.name, 180)
        assert ready(makkah) == {"status": "True", "current": True}
        deployment = makkah.kube.get("deployment", "dashboard", makkah.name)
        assert deployment is not None
        assert deployment["status"]["availableReplicas"] == replicas
    makkah.kube.run("patch", target, "-n", makkah.name, "--type=json", "-p",
                    '[{"op": "remove", "path": "/spec/overrides"}]')  # fmt: skip
    makkah.settles()
