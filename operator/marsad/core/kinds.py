"""The one table of what the operator watches, applies and prunes. RBAC of the Helm chart is tested against it."""

from __future__ import annotations

from dataclasses import dataclass

from marsad.api.names import GROUP, LABEL_HEALTHCLUSTER, VERSION

_SEE = ("list", "watch")
_OWN = (*_SEE, "create", "patch", "delete")  # server-side apply of something new needs create, too

CNPG = "postgresql.cnpg.io"
MONITORING = "monitoring.coreos.com"


@dataclass(frozen=True)
class Kind:
    """A kind of object, and what the operator does with it.

    `optional` kinds may not be served (their CRD is someone else's). `metadata_only` kinds are seen without content,
    `status_only` ones without spec and annotations, and with a `selector` (of labels) only those that it selects.
    `prunable` ones may be deleted when no longer desired; what holds state or secrets never is (only the deletion of
    the HealthCluster removes those). `verbs` is exactly what RBAC must grant.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    optional: bool = False
    metadata_only: bool = False
    status_only: bool = False
    selector: str = ""
    verbs: tuple[str, ...] = _OWN
    prunable: bool = True

    @property
    def api_version(self) -> str:
        """The `apiVersion` that objects of the kind carry."""
        return f"{self.group}/{self.version}" if self.group else self.version


NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False, verbs=(*_SEE, "patch"), prunable=False)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", verbs=(*_OWN, "get"))
SECRET = Kind(
    "", "v1", "Secret", "secrets",
    metadata_only=True, verbs=(*_SEE, "get", "create", "patch", "delete"), prunable=False,
)  # fmt: skip
VOLUME_CLAIM = Kind(
    "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims",
    metadata_only=True, verbs=("list", "watch", "patch", "delete"), prunable=False,
)  # fmt: skip
CLUSTER = Kind(CNPG, "v1", "Cluster", "clusters", optional=True, prunable=False)

MANAGED: tuple[Kind, ...] = (
    CONFIG_MAP,
    SECRET,
    Kind("", "v1", "Service", "services"),
    Kind("", "v1", "ServiceAccount", "serviceaccounts"),
    Kind("", "v1", "ResourceQuota", "resourcequotas"),
    Kind("", "v1", "LimitRange", "limitranges"),
    VOLUME_CLAIM,
    Kind("apps", "v1", "Deployment", "deployments"),
    Kind("batch", "v1", "Job", "jobs"),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    CLUSTER,
    Kind(MONITORING, "v1", "ServiceMonitor", "servicemonitors", optional=True),
    Kind(MONITORING, "v1", "PrometheusRule", "prometheusrules", optional=True),
)
"""What lies in the namespace of a HealthCluster."""

HEALTHCLUSTER = Kind(GROUP, VERSION, "HealthCluster", "healthclusters", verbs=(*_SEE, "patch"), prunable=False)
FACILITY = Kind(GROUP, VERSION, "Facility", "facilities", verbs=_SEE, prunable=False)

POD = Kind("", "v1", "Pod", "pods", status_only=True, selector=LABEL_HEALTHCLUSTER, verbs=_SEE, prunable=False)
"""Pods of the centers, CloudNativePG's too, which passes our label on: they say why something does not come up."""

WATCHED: tuple[Kind, ...] = (HEALTHCLUSTER, FACILITY, NAMESPACE, *MANAGED, POD)
"""Everything whose change causes a reconcile. Status of our own kinds is written through their subresource."""

_BY_ID = {(kind.group, kind.kind): kind for kind in WATCHED}


def kind_of(group: str, kind: str) -> Kind:
    """The table's row of a group and kind. Raises KeyError for what the operator has nothing to do with."""
    return _BY_ID[(group, kind)]
