"""The one place where an object becomes ours: namespace, labels and digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from marsad.api.healthcluster import HealthCluster
from marsad.api.names import ANNOTATION_DIGEST, LABEL_HEALTHCLUSTER, LABEL_MANAGED_BY, MANAGED_BY, managed_labels
from marsad.core.kinds import kind_of
from marsad.core.world import Key, Manifest

_WITH_PODS = ("Deployment", "Job")


def stamped(manifest: Manifest, cluster: HealthCluster, component: str) -> Manifest:
    """The manifest with our namespace, labels (on its pods, too) and digest.

    A Job's name also gets a digest of its spec, because what a Job is made of cannot be changed. A Namespace belongs to
    others, too, and is left as it is. What was given is not changed; the result shares with it what is equal. Raises
    KeyError for a kind that the operator does not manage.
    """
    if not kind_of(Key.of(manifest).group, manifest["kind"]).namespaced:
        return manifest
    labels = managed_labels(cluster.name, component)
    metadata = _labelled(manifest["metadata"], labels) | {"namespace": cluster.namespace}
    made = {**manifest, "metadata": metadata}
    if made["kind"] in _WITH_PODS:
        template = made["spec"]["template"]
        pods = {**template, "metadata": _labelled(template.get("metadata", {}), labels)}
        made["spec"] = {**made["spec"], "template": pods}
    if made["kind"] == "Job":
        metadata["name"] += f"-{_digest(made['spec'])[:8]}"
    metadata["annotations"] = {**metadata.get("annotations", {}), ANNOTATION_DIGEST: _digest(made)}
    return made


def digest(manifest: Mapping[str, Any]) -> str:
    """The digest a stamped manifest or live object carries; empty where it has none."""
    annotations: Mapping[str, str] = manifest["metadata"].get("annotations") or {}
    return annotations.get(ANNOTATION_DIGEST, "")


def ours(live: Mapping[str, Any], cluster: HealthCluster) -> bool:
    """Whether an object's labels say that the operator made it for this HealthCluster."""
    labels: Mapping[str, str] = live["metadata"].get("labels") or {}
    return labels.get(LABEL_MANAGED_BY) == MANAGED_BY and labels.get(LABEL_HEALTHCLUSTER) == cluster.name


def _labelled(metadata: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    return {**metadata, "labels": {**metadata.get("labels", {}), **labels}}


def _digest(value: Any) -> str:
    """16 hexadecimal digits of the SHA-256 of the value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
