"""The one place where an object becomes ours: namespace, labels and digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from marsad.api.healthcluster import HealthCluster
from marsad.api.names import ANNOTATION_DIGEST, LABEL_HEALTHCLUSTER, LABEL_MANAGED_BY, MANAGED_BY, managed_labels
from marsad.core.kinds import kind_of
from marsad.core.world import Key, Manifest

_WITH_PODS = ("Deployment", "Job")


def stamped(manifest: Manifest, cluster: HealthCluster, component: str) -> Manifest:
    """A copy of the manifest with our namespace, labels (on its pods, too) and digest.

    A Job's name also gets a digest of its spec, because what a Job is made of cannot be changed. A Namespace belongs to
    others, too, and is left as it is. Raises KeyError for a kind that the operator does not manage.
    """
    if not kind_of(Key.of(manifest).group, manifest["kind"]).namespaced:
        return manifest
    made = deepcopy(manifest)
    labels = managed_labels(cluster.name, component)
    metadata = made["metadata"]
    metadata["namespace"] = cluster.namespace
    metadata["labels"] = {**metadata.get("labels", {}), **labels}
    if made["kind"] in _WITH_PODS:
        pod = made["spec"]["template"].setdefault("metadata", {})
        pod["labels"] = {**pod.get("labels", {}), **labels}
    if made["kind"] == "Job":
        metadata["name"] += f"-{_digest(made['spec'])[:8]}"
    metadata.setdefault("annotations", {})[ANNOTATION_DIGEST] = _digest(made)
    return made


def digest(manifest: Mapping[str, Any]) -> str:
    """The digest a stamped manifest or live object carries; empty where it has none."""
    annotations: Mapping[str, str] = manifest["metadata"].get("annotations") or {}
    return annotations.get(ANNOTATION_DIGEST, "")


def ours(live: Mapping[str, Any], cluster: HealthCluster) -> bool:
    """Whether an object's labels say that the operator made it for this HealthCluster."""
    labels: Mapping[str, str] = live["metadata"].get("labels") or {}
    return labels.get(LABEL_MANAGED_BY) == MANAGED_BY and labels.get(LABEL_HEALTHCLUSTER) == cluster.name


def _digest(value: Any) -> str:
    """16 hexadecimal digits of the SHA-256 of the value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
