"""Password Secrets of the database's roles: which are missing. Their values are made elsewhere and never seen here."""

from __future__ import annotations

from marsad.api.database import Engine
from marsad.api.names import DATABASE, managed_labels
from marsad.core.world import Manifest, Observed

ROLES = ("owner", "gateway", "analytics", "reader")
"""PostgreSQL roles of a center: owner migrates the schema, each other one may do what its component must."""


def secret_name(role: str) -> str:
    """Name of the Secret with the role's username and password."""
    return f"database-{role}"


def secret_names(observed: Observed) -> tuple[str, ...]:
    """The password Secrets this center has: an external database brings its own for the owner."""
    external = observed.cluster.spec.database.engine is Engine.EXTERNAL
    return tuple(secret_name(role) for role in ROLES if not (external and role == "owner"))


def wanted_secrets(observed: Observed) -> tuple[Manifest, ...]:
    """Skeletons of the missing password Secrets: all but `stringData.password`.

    An existing Secret of the name is kept whoever made it, because a new password would lock someone out.
    """
    missing = (name for name in secret_names(observed) if observed.get("", "Secret", name) is None)
    return tuple(_skeleton(observed, name) for name in missing)


def _skeleton(observed: Observed, name: str) -> Manifest:
    cluster = observed.cluster
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/basic-auth",
        "metadata": {
            "name": name,
            "namespace": cluster.namespace,
            # CloudNativePG looks at a role's password again only when its Secret says so.
            "labels": {**managed_labels(cluster.name, DATABASE), "cnpg.io/reload": "true"},
        },
        "stringData": {"username": name.removeprefix("database-")},
    }
