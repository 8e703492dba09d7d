"""The world as one reconcile sees it: gathered once by the shell, judged by the core, never read again in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marsad.api.facility import Facility, UnreadableFacility
from marsad.api.healthcluster import HealthCluster

Manifest = dict[str, Any]


@dataclass(frozen=True, order=True)
class Key:
    """Identity of an object within one Kubernetes cluster; `group` is empty for the core API."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Key:
        """Key of a manifest or live object; `namespace` is empty for cluster-scoped ones."""
        group = manifest["apiVersion"].rpartition("/")[0]
        metadata = manifest["metadata"]
        return cls(group, manifest["kind"], metadata.get("namespace", ""), metadata["name"])

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" if not self.group else f"{self.kind}.{self.group}/{self.name}"


@dataclass(frozen=True)
class Platform:
    """What this operator brings to every center: its release, images and whereabouts. Read once at start."""

    release: str
    center_image: str
    postgresql_image: str
    postgresql_uid: int = 26
    operator_namespace: str = "marsad-system"
    cnpg_namespace: str = "cnpg-system"
    monitoring_namespace: str = "monitoring"
    pod_ranges: tuple[str, ...] = ()  # addresses of pods, which are none of facilities or people
    api_server_port: int = 6443  # behind the Service `kubernetes`, as network policies see it


@dataclass(frozen=True)
class FeedReport:
    """One feed as the center's own `/api/v1/feeds` tells it. Times in seconds; None where nothing was received yet."""

    facility: str
    feed: str
    state: str
    p95_seconds: float | None


@dataclass(frozen=True)
class CenterReport:
    """The center's last answer about its feeds, and when the operator got it."""

    taken_at: datetime
    feeds: tuple[FeedReport, ...]


@dataclass(frozen=True)
class Held:
    """What a Secret or ConfigMap with certificates holds; `fault` says in words what is wrong with it, or is empty.

    `names` are the DNS names and addresses of the first certificate; `issuer` and `signs` identify the key that signed
    it and its own (RFC 5280, 4.2.1.2, method 1, in hexadecimal digits).
    """

    fault: str = ""
    expires_at: datetime | None = None
    names: frozenset[str] = frozenset()
    issuer: str = ""
    signs: str = ""


@dataclass(frozen=True)
class Observed:
    """Everything a reconcile may know.

    `objects` holds live objects of every managed kind in the namespace (labelled as ours or not: an unlabelled one of
    a name we want is seen too); Secrets appear as metadata only, never with data. `served` names the kinds the API
    server offers, as (group, kind). `complete` is False while any list behind `objects` is missing, partial or failed:
    then nothing may be pruned. `report` is None when the center did not answer. `certificates` tells what those objects
    hold that TLS is declared with; one that is missing there was not read.
    """

    cluster: HealthCluster
    platform: Platform
    now: datetime
    objects: Mapping[Key, Manifest] = field(default_factory=dict)
    rivals: tuple[HealthCluster, ...] = ()
    facilities: tuple[Facility, ...] = ()
    unreadable: tuple[UnreadableFacility, ...] = ()
    served: frozenset[tuple[str, str]] = frozenset()
    report: CenterReport | None = None
    complete: bool = True
    certificates: Mapping[Key, Held] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was concluded from this world already and is asked for often; `replace` starts with an empty one."""

    def get(self, group: str, kind: str, name: str) -> Manifest | None:
        """The live object of that kind and name in the cluster's namespace, or None."""
        return self.objects.get(Key(group, kind, self.cluster.namespace, name))

    @property
    def namespace_going(self) -> bool:
        """Whether the namespace itself is being deleted: nothing can be made in it any more."""
        live = self.objects.get(Key("", "Namespace", "", self.cluster.namespace))
        return live is not None and live["metadata"].get("deletionTimestamp") is not None
