"""What is declared in the converge benchmark: 22 times examples/makkah.yaml, and all that follows from it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from marsad.api.facility import Facility
from marsad.api.healthcluster import HealthCluster
from marsad.core.desired import desired
from marsad.core.kinds import CNPG
from marsad.core.templates import Templates
from marsad.core.world import Key, Manifest, Observed, Platform

CLUSTERS = 22
EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "makkah.yaml"
PLATFORM = Platform(release="0.1.0", center_image="marsad/center:bench", postgresql_image="marsad/postgresql:15.1")
SERVED = frozenset({(CNPG, "Cluster")})


@dataclass(frozen=True)
class Declared:
    """One health cluster of the benchmark, in a namespace of its own."""

    namespace: str
    cluster: Manifest
    facilities: Sequence[Manifest]

    def wanted(self, templates: Templates) -> tuple[Manifest, ...]:
        """The objects that should exist for it, as the core renders them; Secrets and the inventory are not in it."""
        facilities = tuple(Facility.parse(_as_stored(facility)) for facility in self.facilities)
        cluster = HealthCluster.parse(_as_stored(self.cluster))
        observed = Observed(cluster, PLATFORM, datetime.now(UTC), facilities=facilities, served=SERVED)
        return desired(observed, templates)

    def keys(self, templates: Templates) -> frozenset[Key]:
        """Their identities."""
        return frozenset(Key.of(manifest) for manifest in self.wanted(templates))


def declare(prefix: str) -> list[Declared]:
    """CLUSTERS declarations in namespaces `prefix`-1 and so on."""
    documents = list(yaml.safe_load_all(EXAMPLE.read_text()))
    return [_declared(documents, f"{prefix}-{number}") for number in range(1, CLUSTERS + 1)]


def _declared(documents: Sequence[Manifest], namespace: str) -> Declared:
    own = copy.deepcopy([document for document in documents if document["kind"] in {"HealthCluster", "Facility"}])
    for document in own:
        document["metadata"]["namespace"] = namespace
        if document["kind"] == "HealthCluster":
            document["metadata"]["name"] = namespace
    [cluster] = [document for document in own if document["kind"] == "HealthCluster"]
    return Declared(namespace, cluster, [document for document in own if document["kind"] == "Facility"])


def _as_stored(manifest: Manifest) -> Manifest:
    """With what the API server adds to every object's metadata."""
    added = {"uid": "-", "resourceVersion": "1", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {**manifest, "metadata": {**manifest["metadata"], **added}}
