"""Secrets of a center: the passwords of the database's roles, and the keys that what is received is sealed with. Which
are missing is said here; their values are made elsewhere and never seen here."""

from __future__ import annotations

from marsad.api.database import Engine
from marsad.api.names import CENTER, DATABASE, managed_labels
from marsad.core.world import Manifest, Observed

ROLES = ("owner", "gateway", "analytics", "reader")
"""PostgreSQL roles of a center: owner migrates the schema, each other one may do what its component must."""


KEYS = "center-key"
"""The Secret of the sealing keys (1, 2, 3...) and of the key of tokens; only the gateway gets it. What was sealed with
a key that is lost cannot be read again: so it stays with Retain, as the volumes do, and goes with them with Delete."""


def secret_name(role: str) -> str:
    """Name of the Secret with the role's username and password."""
    return f"database-{role}"


def secret_names(observed: Observed) -> tuple[str, ...]:
    """The Secrets this center has: an external database brings its own for the owner."""
    external = observed.cluster.spec.database.engine is Engine.EXTERNAL
    return (*(secret_name(role) for role in ROLES if not (external and role == "owner")), KEYS)


def wanted_secrets(observed: Observed) -> tuple[Manifest, ...]:
    """Skeletons of the missing Secrets: a value that is empty is to be made, at random.

    An existing Secret of the name is kept whoever made it: a new password would lock someone out, and a new key would
    open nothing that is there.
    """
    missing = (name for name in secret_names(observed) if observed.get("", "Secret", name) is None)
    return tuple(_keys(observed) if name == KEYS else _password(observed, name) for name in missing)


def _keys(observed: Observed) -> Manifest:
    cluster = observed.cluster
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": KEYS,
            "namespace": cluster.namespace,
            "labels": managed_labels(cluster.name, CENTER),
        },
        "stringData": {"1": "", "tokens": ""},
    }


def _password(observed: Observed, name: str) -> Manifest:
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
        "stringData": {"username": name.removeprefix("database-"), "password": ""},
    }
