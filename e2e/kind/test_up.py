"""What `make up` adds to a cluster: the example, its address on this machine, and facilities that send."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from e2e.cluster import demo
from e2e.cluster.start import Cluster
from e2e.kind.center import Center
from e2e.kubectl import eventually

pytestmark = pytest.mark.kind


def feeds(address: str) -> list[dict[str, Any]]:
    """What the dashboard says of the feeds, asked as a person's browser would."""
    with urllib.request.urlopen(f"{address}/api/v1/feeds", timeout=30) as answer:
        told: list[dict[str, Any]] = json.load(answer)
        return told


def test_a_second_make_up_wins_over_an_edit_and_every_feed_is_heard_at_the_printed_address(
    makkah: Center, cluster: Cluster
) -> None:
    makkah.kube.run("patch", f"healthcluster/{makkah.name}", "-n", makkah.name, "--type=merge",
                    "-p", '{"spec": {"region": "Jeddah"}}')  # fmt: skip
    for _ in range(2):
        demo.apply(cluster)
    demo.wait_ready(cluster, print, seconds=300)
    declared = makkah.kube.get("healthcluster", makkah.name, makkah.name)
    assert declared is not None
    assert declared["spec"]["region"] == "Makkah"
    address = demo.open_dashboard(cluster)
    first = eventually("the address answers", lambda: feeds(address), 120)  # kube-proxy may be a moment behind
    before = {(feed["facility"], feed["feed"]): feed["accepted"] for feed in first}
    try:
        demo.play(cluster)

        def all_send() -> bool:
            now = feeds(address)
            heard = all(feed["accepted"] > before[feed["facility"], feed["feed"]] for feed in now)
            return heard and not [feed for feed in now if feed["state"] in ("silent", "never", "refused")]

        eventually("every declared feed has sent, and is shown so", all_send, 180)
    finally:
        makkah.kube.run("delete", "namespace", demo.FACILITIES, "--ignore-not-found", "--timeout=120s", deadline=130)
        makkah.kube.run("delete", "service", "dashboard-local", "-n", makkah.name, "--ignore-not-found")
