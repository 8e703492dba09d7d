"""Which ways through the network are declared, and which are not: for Makkah, Oran beside it, and the operator."""

from __future__ import annotations

from e2e.kind.ways import NODE, Place, Way

NAME, HEALTHCLUSTER = "app.kubernetes.io/name", "marsad.dev/healthcluster"


def _instance(namespace: str, role: str) -> Place:
    return Place(namespace, {"cnpg.io/cluster": "database", "cnpg.io/instanceRole": role}, "postgres")


PROBES = {
    # The labels of a gateway in another namespace must not help.
    "stranger": Place("isolation-stranger", {NAME: "gateway", HEALTHCLUSTER: "makkah"}, "probe"),
    "denied": Place("isolation-denied", {NAME: "denied"}, "probe"),
    "sender": Place("isolation-sender", {NAME: "sender"}, "probe"),  # its address is all that Oran lets in
    "scraper": Place("monitoring", {NAME: "isolation-scraper"}, "isolation-scraper"),
}
PLACES = {
    **PROBES,
    **{name: Place("makkah", {NAME: name}, name) for name in ("gateway", "analytics", "dashboard")},
    "database": _instance("makkah", "primary"),
    "replica": _instance("makkah", "replica"),
    "operator": Place("marsad-system", {NAME: "marsad-operator"}, "operator"),
    **{f"oran-{name}": Place("oran", {NAME: name}, name) for name in ("gateway", "dashboard")},
    "oran-database": _instance("oran", "primary"),
}

# By the name of the policy that lets them through; names of Services go through the cluster's DNS.
OPEN: dict[str, list[Way]] = {
    "dns": [("gateway", "kube-dns.kube-system.svc:53")],
    "gateway-to-database": [("gateway", "database-rw.makkah.svc:5432")],
    "analytics-to-database": [("analytics", "database-rw.makkah.svc:5432")],
    "dashboard-to-database": [("dashboard", "database-rw.makkah.svc:5432")],
    "database-from-center": [("gateway", "database:5432")],
    "database-between-instances": [
        ("database", "replica:5432"), ("database", "replica:8000"),
        ("replica", "database:5432"), ("replica", "database:8000"),
    ],
    "database-to-kubernetes-api": [("database", "kubernetes.default.svc:443")],
    "metrics-from-monitoring": [
        ("scraper", "gateway:9090"), ("scraper", "analytics:9090"), ("scraper", "dashboard:9090"),
        ("scraper", "database:9187"),
    ],
    "dashboard-from-operator": [("operator", "dashboard.oran.svc:8000")],
    "gateway-from-facilities": [("sender", f"gateway.oran.svc:{port}") for port in (2575, 2576, 8080, 8443)],
    "gateway-egress-referrals": [("oran-gateway", "machine:referrals")],
    "marsad-operator": [("operator", "kubernetes.default.svc:443"), ("scraper", "operator:9090")],
}  # fmt: skip
# Proved by a center that starts within its policies, and by what is closed when default-deny alone is left.
BY_STORY = {"default-deny", "migrate-to-database", "database-from-cnpg-operator", "dashboard-from-users"}
CLOSED: list[Way] = [
    *(("stranger", f"database:{port}") for port in (5432, 8000, 9187)),
    *(("stranger", f"{name}:9090") for name in ("gateway", "analytics", "dashboard", "operator")),
    *(("stranger", f"oran-gateway:{port}") for port in (2575, 2576, 8080, 8443)), ("stranger", "oran-dashboard:8000"),
    ("sender", "oran-gateway:9090"), ("sender", "oran-dashboard:8000"), ("sender", "oran-database:5432"),
    ("scraper", "database:5432"), ("scraper", "oran-dashboard:8000"),
    ("operator", "database:5432"), ("operator", "gateway:2575"), ("operator", "machine:other"),
    *((name, target) for name in ("gateway", "analytics", "dashboard")
      for target in ("machine:other", "node:6443", "database:8000", "stranger:8080", "oran-dashboard:8000")),
    ("gateway", "analytics:9090"), ("analytics", "gateway:2575"), ("dashboard", "gateway:9090"),
    ("database", "machine:other"), ("database", "gateway:2575"), ("database", "oran-database:5432"),
    ("oran-gateway", "machine:other"), ("oran-gateway", "database:5432"), ("oran-gateway", "dashboard:8000"),
    ("oran-dashboard", "machine:referrals"), ("oran-dashboard", "database:5432"),
    ("oran-database", "database:5432"), ("oran-database", "database:8000"),
]  # fmt: skip


def control(way: Way) -> Way:
    """The same target from where it must be open: pods from their node, all else from a pod that no policy selects."""
    target = way[1]
    return (NODE if target.split(":")[0] in PLACES else "stranger", target)
