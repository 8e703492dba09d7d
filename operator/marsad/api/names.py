"""Every name that Marsad gives or reads in Kubernetes: group, labels, annotations, finalizer, field manager."""

from __future__ import annotations

GROUP = "marsad.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "marsad"  # `kubectl get marsad` lists all our kinds

FIELD_MANAGER = "marsad"
FINALIZER = f"{GROUP}/finalizer"

# Labels of every object that the operator manages.
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_PART_OF = "app.kubernetes.io/part-of"
LABEL_INSTANCE = "app.kubernetes.io/instance"  # the HealthCluster's name
LABEL_NAME = "app.kubernetes.io/name"  # the component
LABEL_VERSION = "app.kubernetes.io/version"  # the release
LABEL_HEALTHCLUSTER = f"{GROUP}/healthcluster"
LABEL_CNPG_CLUSTER = "cnpg.io/cluster"  # CloudNativePG's own, on all that it makes for a database
MANAGED_BY = "marsad"
PART_OF = "control-center"

ANNOTATION_DIGEST = f"{GROUP}/digest"  # 16 hex digits of the SHA-256 of the desired manifest without this annotation

# The components a label app.kubernetes.io/name may say.
GATEWAY = "gateway"
ANALYTICS = "analytics"
DASHBOARD = "dashboard"
MIGRATE = "migrate"
DATABASE = "database"
CENTER = "center"
COMPONENTS = (GATEWAY, ANALYTICS, DASHBOARD, MIGRATE, DATABASE, CENTER)

# Pod Security admission, set on the namespace of a HealthCluster and never removed from it.
POD_SECURITY_MODES = ("enforce", "audit", "warn")
POD_SECURITY_LABEL = "pod-security.kubernetes.io/"
POD_SECURITY_LEVEL = "restricted"


def managed_labels(healthcluster: str, component: str) -> dict[str, str]:
    """The labels of an object that belongs to a component of the HealthCluster named `healthcluster`."""
    return {
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_PART_OF: PART_OF,
        LABEL_INSTANCE: healthcluster,
        LABEL_NAME: component,
        LABEL_HEALTHCLUSTER: healthcluster,
    }
