"""The inventory: a ConfigMap that says which objects the operator made, so that only those are ever pruned."""

from __future__ import annotations

import json
from collections.abc import Iterable

from marsad.api.names import CENTER
from marsad.core.kinds import kind_of
from marsad.core.stamp import ours, stamped
from marsad.core.world import Key, Manifest, Observed

NAME = "marsad-inventory"

Entry = tuple[str, str, str]
"""(group, kind, name) of an object in the HealthCluster's namespace."""


def inventory(observed: Observed) -> frozenset[Entry]:
    """What the live inventory lists; nothing where it is absent, cannot be read, or is another HealthCluster's."""
    live = observed.get("", "ConfigMap", NAME)
    if live is None or not ours(live, observed.cluster):
        return frozenset()
    try:
        listed = json.loads(live.get("data", {}).get("objects", "[]"))
        return frozenset((str(group), str(kind), str(name)) for group, kind, name in listed)
    except (ValueError, TypeError):
        return frozenset()


def entry(key: Key) -> Entry:
    """The inventory's entry for an object."""
    return key.group, key.kind, key.name


def due(observed: Observed, wanted: Iterable[Key]) -> frozenset[Entry]:
    """What the inventory should list: all that is wanted, and all it lists that is still there (or may be)."""
    before = inventory(observed)
    namespace = observed.cluster.namespace
    there = {item for item in before if not observed.complete or Key(*item[:2], namespace, item[2]) in observed.objects}
    return frozenset(entry(key) for key in wanted if kind_of(key.group, key.kind).namespaced) | there


def manifest(observed: Observed, entries: Iterable[Entry]) -> Manifest:
    """The inventory's ConfigMap."""
    text = "[\n" + ",\n".join(json.dumps(list(item)) for item in sorted(entries)) + "\n]\n"
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": {"objects": text}}
    return stamped(made, observed.cluster, CENTER)
