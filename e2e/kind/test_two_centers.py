"""A second center beside the first: nothing of the one reaches the other."""

from __future__ import annotations

import base64
import time
import urllib.request
from collections.abc import Iterator

import pytest

from e2e.kind.center import SIMHOSP, Center
from e2e.kubectl import Kubectl, Refused
from e2e.mllp import Sender, arrival, code

pytestmark = pytest.mark.kind


@pytest.fixture(scope="module")
def oran(kube: Kubectl, node: str) -> Iterator[Center]:
    """examples/oran.yaml, French and small, beside Makkah; gone with its namespace afterwards."""
    center = Center(kube, "oran", node)
    center.apply()
    center.ready()
    yield center
    kube.run("delete", "namespace", center.name, "--timeout=180s", deadline=190)


def password(center: Center, role: str) -> str:
    """A role's password, as only someone with the right to read the Secret gets it."""
    secret = center.kube.get("secret", f"database-{role}", center.name)
    assert secret is not None
    return base64.b64decode(secret["data"]["password"]).decode()


def test_each_center_stores_only_what_its_own_facilities_sent(makkah: Center, oran: Center) -> None:
    control = f"beside-{time.time_ns()}"
    message = arrival(SIMHOSP, control, control)
    with Sender(*makkah.gateway) as sender:
        assert code(sender.send(message)) == "AA", "no acknowledgement at all is an empty word"
    with Sender(*oran.gateway) as sender:
        assert code(sender.send(message)) == "AR", "Makkah's sender is unknown in Oran"
    assert makkah.stored(control) == {control: 1}
    assert not oran.stored(control)


def test_no_facility_or_figure_of_one_is_shown_by_the_other(makkah: Center, oran: Center) -> None:
    of_makkah = {row["facility"] for row in makkah.json("/api/v1/feeds")}
    of_oran = {row["facility"] for row in oran.json("/api/v1/feeds")}
    assert of_makkah
    assert of_oran
    assert not of_makkah & of_oran


def test_the_second_center_speaks_french(oran: Center) -> None:
    with urllib.request.urlopen(oran.dashboard, timeout=30) as answer:
        assert 'lang="fr"' in answer.read().decode()


@pytest.mark.parametrize("role", ["owner", "gateway", "analytics", "reader"])
def test_the_password_of_one_database_is_refused_by_the_other(makkah: Center, oran: Center, role: str) -> None:
    assert password(makkah, role) != password(oran, role)
    primary = oran.kube.get("cluster.postgresql.cnpg.io", "database", "oran")
    assert primary is not None

    def connect(with_password: str) -> str:
        address = f"host=database-rw.oran.svc dbname=center user={role} sslmode=require connect_timeout=5"
        return oran.kube.run("exec", "-n", "oran", primary["status"]["currentPrimary"], "-c", "postgres", "--", "env",
                             f"PGPASSWORD={with_password}", "psql", address, "-XAtc", "select 1")  # fmt: skip

    assert connect(password(oran, role)).strip() == "1"
    with pytest.raises(Refused, match="password authentication failed"):
        connect(password(makkah, role))


def test_a_connection_without_tls_is_refused(oran: Center) -> None:
    primary = oran.kube.get("cluster.postgresql.cnpg.io", "database", "oran")
    assert primary is not None
    words = ["env", f"PGPASSWORD={password(oran, 'reader')}", "psql", "-c", "select 1"]
    address = "host=database-rw.oran.svc dbname=center user=reader sslmode=disable"
    with pytest.raises(Refused, match=r"no encryption|rejects connection"):
        oran.kube.run(
            "exec", "-n", "oran", primary["status"]["currentPrimary"], "-c", "postgres", "--", *words, address
        )


def test_no_workload_holds_a_kubernetes_token(makkah: Center, oran: Center) -> None:
    for center in (makkah, oran):
        for pod in center.kube.all("pods", center.name, "marsad.dev/healthcluster"):
            if "cnpg.io/cluster" in pod["metadata"]["labels"]:
                continue  # CloudNativePG's instance manager talks to the API server, with a role of its own
            mounts = [m["mountPath"] for c in pod["spec"]["containers"] for m in c.get("volumeMounts", [])]
            assert "/var/run/secrets/kubernetes.io/serviceaccount" not in mounts, pod["metadata"]["name"]
