"""Worlds that the core's tests start from, and a small API server in memory that merges what is applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from marsad.api.facility import Facility
from marsad.api.healthcluster import HealthCluster
from marsad.core.compare import KEYED
from marsad.core.desired import desired
from marsad.core.diff import Learned, Plan, learn, plan
from marsad.core.secrets import secret_names
from marsad.core.templates import load
from marsad.core.world import CenterReport, FeedReport, Key, Manifest, Observed, Platform

TEMPLATES = load(Path(__file__).resolve().parents[4] / "charts" / "center")
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
BORN = "2026-03-01T08:00:00Z"
PLATFORM = Platform(release="0.1.0", center_image="marsad/center:0.1.0", postgresql_image="marsad/postgresql:15.20")
CNPG = ("postgresql.cnpg.io", "Cluster")
MONITORING = (("monitoring.coreos.com", "ServiceMonitor"), ("monitoring.coreos.com", "PrometheusRule"))
EXTERNAL = {
    "engine": "external",
    "external": {
        "host": "db.example.org", "addresses": ["10.4.0.8/32"], "port": 6432, "secretName": "their-database",
    },
}  # fmt: skip


TLS = {"hl7": {"tls": {"clientAuthority": {"configMapName": "facilities"}, "names": ["hl7.makkah.example"]}}}


def cluster(name: str = "makkah", *, born: str = BORN, generation: int = 1, **spec: Any) -> HealthCluster:
    """A medium HealthCluster; keyword arguments are fields of its spec, in the API's words."""
    return HealthCluster.parse(
        {
            "metadata": {
                "name": name, "namespace": "makkah", "uid": f"uid-{name}", "generation": generation,
                "creationTimestamp": born,
            },
            "spec": {
                "displayNames": {"ar": "تجمع مكة المكرمة الصحي", "en": "Makkah Health Cluster"},
                "code": "MKH",
                "region": "Makkah",
                "database": {"storage": {"size": "10Gi"}},
                "security": {"residency": {"country": "SA"}},
            }
            | spec,
        }
    )  # fmt: skip


def deleting(hc: HealthCluster) -> HealthCluster:
    """The same HealthCluster, with a deletionTimestamp."""
    return hc.model_copy(update={"metadata": hc.metadata.model_copy(update={"deletion_timestamp": NOW})})


def facility(code: str = "KFH", *, born: str = BORN, sender: str | None = None, **spec: Any) -> Facility:
    """A hospital with one feed `his`, whose sending application is `sender` (by default its own)."""
    return Facility.parse(
        {
            "metadata": {
                "name": f"{code.lower()}-{born[11:13]}", "namespace": "makkah", "uid": f"uid-{code}-{born}",
                "generation": 1, "creationTimestamp": born,
            },
            "spec": {
                "code": code,
                "kind": "Hospital",
                "level": "City",
                "displayNames": {"en": f"Hospital {code}", "ar": "مستشفى"},
                "capacity": {"edSpaces": 40, "beds": {"general": 120, "icu": 20}},
                "feeds": [{"name": "his", "sendingApplication": sender or f"HIS-{code}", "sendingFacility": "SFAC"}],
            }
            | spec,
        }
    )  # fmt: skip


def world(hc: HealthCluster | None = None, **known: Any) -> Observed:
    """A world in which nothing exists yet; CloudNativePG is installed unless `served` says otherwise."""
    return Observed(hc or cluster(), PLATFORM, NOW, **{"served": frozenset({CNPG}), **known})


def report(*feeds: tuple[str, str, float | None]) -> CenterReport:
    """What the center tells: (facility, state, p95 seconds) of feed `his`."""
    return CenterReport(NOW, tuple(FeedReport(code, "his", state, p95) for code, state, p95 in feeds))


def with_objects(observed: Observed, *manifests: Manifest) -> Observed:
    """The world with these live objects in place of those of the same key."""
    return replace(observed, objects={**observed.objects, **{Key.of(manifest): manifest for manifest in manifests}})


def without(observed: Observed, *keys: Key) -> Observed:
    """The world without these live objects."""
    return replace(observed, objects={key: live for key, live in observed.objects.items() if key not in keys})


def changed(manifest: Manifest, path: str, value: Any) -> Manifest:
    """A copy with the value at a dotted path; numbers are list indexes, ~ stands for a dot in a name."""
    made = deepcopy(manifest)
    *parents, last = (part.replace("~", ".") for part in path.split("."))
    at: Any = made
    for part in parents:
        at = at[int(part)] if isinstance(at, list) else at.setdefault(part, {})
    at[int(last) if isinstance(at, list) else last] = value
    return made


def key(kind: str, name: str, group: str = "") -> Key:
    """Key of an object in the namespace of the tests."""
    return Key(group, kind, "makkah", name)


def wanted(observed: Observed) -> tuple[Manifest, ...]:
    """What should be, by the real templates."""
    return desired(observed, TEMPLATES)


@dataclass
class Server:
    """Merges what is applied as server-side apply does, gives it a uid, and remembers what was learned of it."""

    objects: dict[Key, Manifest] = field(default_factory=dict)
    learned: dict[Key, tuple[str, Any]] = field(default_factory=dict)
    writes: int = 0

    def apply(self, manifest: Manifest) -> None:
        """Merge a manifest into what is there."""
        at = Key.of(manifest)
        live = _merged(self.objects.get(at, {}), manifest, KEYED.get(at.kind, {}), "")
        live["metadata"].setdefault("uid", f"uid-{at}")
        live["metadata"]["resourceVersion"] = str(self.writes)
        self.writes += 1
        self.objects[at] = self.admitted(live)
        self.learned[at] = learn(manifest, self.objects[at])

    def admitted(self, live: Manifest) -> Manifest:
        """What the server makes of an object; tests override it."""
        return live

    def carry_out(self, step: Plan) -> None:
        """Everything a plan says."""
        for manifest in (*((step.inventory,) if step.inventory else ()), *step.apply):
            self.apply(manifest)
        for live in step.prune:
            del self.objects[Key.of(live)]

    def seen(self, observed: Observed) -> Observed:
        """The world, with what is in this server."""
        return replace(observed, objects=deepcopy(self.objects))

    def reconcile(self, observed: Observed, learned: Learned | None = None) -> Plan:
        """One pass; the plan that was carried out."""
        now = self.seen(observed)
        step = plan(wanted(now), now, self.learned if learned is None else learned)
        self.carry_out(step)
        return step


def _merged(live: Any, applied: Any, keyed: Mapping[str, tuple[str, ...]], name: str) -> Any:
    if isinstance(live, dict) and isinstance(applied, dict):
        return {**live, **{name: _merged(live.get(name), value, keyed, name) for name, value in applied.items()}}
    if isinstance(live, list) and name in keyed:
        keys = keyed[name]
        ours = {tuple(item.get(key) for key in keys): item for item in applied}
        kept = [_merged(item, ours.pop(tuple(item.get(key) for key in keys), {}), keyed, "") for item in live]
        return kept + [item for item in applied if tuple(item.get(key) for key in keys) in ours]
    return deepcopy(applied)


def provided(observed: Observed | None = None) -> Observed:
    """A world in which everything is as declared, runs and serves, and its facilities' feeds are live."""
    observed = observed or world(facilities=(facility(),))
    server = Server(dict(observed.objects))
    server.reconcile(observed)
    for name in secret_names(observed):
        server.objects[key("Secret", name)] = secret(name)
    for at, live in server.objects.items():
        if at.kind in _RUNNING:
            server.objects[at] = _RUNNING[at.kind](live)
    codes = [one.spec.code for one in observed.facilities]
    return replace(server.seen(observed), report=report(*((code, "live", 2.4) for code in codes)))


def secret(name: str) -> Manifest:
    """A Secret as the cache shows it: metadata only."""
    labels = {"app.kubernetes.io/managed-by": "marsad", "marsad.dev/healthcluster": "makkah"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "makkah", "uid": f"uid-{name}", "labels": labels},
    }


def issued() -> dict[Key, Manifest]:
    """The Secrets that the operator makes for TLS, as the cache shows them."""
    authority = changed(
        secret("gateway-authority"), "metadata.annotations", {"marsad.dev/certificate": "CERTIFICATE\n"}
    )
    return {Key.of(made): made for made in (authority, secret("gateway-tls"))}


def pod(
    name: str, status: Manifest, component: str = "gateway", *, healthcluster: str = "makkah", **labels: str
) -> Manifest:
    """A pod as the cache shows it: metadata and status only."""
    labels = {"app.kubernetes.io/name": component, "marsad.dev/healthcluster": healthcluster} | labels
    metadata = {"name": name, "namespace": "makkah", "uid": f"uid-{name}", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


def deployment_status(live: Manifest, **status: Any) -> Manifest:
    """A Deployment whose controller has seen it and whose pods are all there, except as said."""
    replicas = live["spec"]["replicas"]
    ready = {"replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas, "observedGeneration": 1}
    return {**changed(live, "metadata.generation", 1), "status": ready | status}


def cluster_status(live: Manifest, **status: Any) -> Manifest:
    """A CloudNativePG Cluster in good health, except as said."""
    names = [f"database-{at}" for at in range(1, live["spec"]["instances"] + 1)]
    healthy = {
        "phase": "Cluster in healthy state",
        "currentPrimary": names[0],
        "targetPrimary": names[0],
        "readyInstances": len(names),
        "instancesStatus": {"healthy": names},
    }
    return {**live, "status": healthy | status}


_RUNNING = {
    "Deployment": deployment_status,
    "Cluster": cluster_status,
    "Job": lambda live: {**live, "status": {"succeeded": 1}},
}


def kinds(manifests: Iterable[Manifest], kind: str) -> dict[str, Manifest]:
    """Those of one kind, by name."""
    return {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == kind}
