"""Declarations in YAML files: each HealthCluster with the Facilities of its namespace."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from marsad.api.facility import Facility
from marsad.api.healthcluster import HealthCluster
from marsad.api.model import InvalidObject
from marsad.cli.centers.fault import Impossible

Read = TypeVar("Read", Facility, HealthCluster)


@dataclass(frozen=True)
class Declared:
    """A HealthCluster as a file declares it, and the Facilities that the file declares beside it."""

    cluster: HealthCluster
    facilities: tuple[Facility, ...]


def read(path: Path, namespace: str | None = None) -> list[Declared]:
    """Every HealthCluster of a file (`-`: standard input), those without a namespace put into `namespace`.

    Raises Impossible when the file cannot be read or declares none.
    """
    documents = _documents(path)
    for document in documents:
        metadata = document.setdefault("metadata", {})
        metadata["namespace"] = metadata.get("namespace") or namespace or "default"
    facilities = [_parsed(Facility, document, path) for document in documents if document.get("kind") == "Facility"]
    found = [
        Declared(cluster, tuple(facility for facility in facilities if facility.namespace == cluster.namespace))
        for document in documents
        if document.get("kind") == "HealthCluster"
        for cluster in [_parsed(HealthCluster, document, path)]
    ]
    if not found:
        raise Impossible(f"{path} declares no HealthCluster; examples/makkah.yaml shows one")
    return found


def _documents(path: Path) -> list[dict[str, Any]]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return [document for document in yaml.safe_load_all(text) if isinstance(document, dict)]
    except OSError as error:
        raise Impossible(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Impossible(f"{path} is not YAML: {error}") from error


def _parsed(model: type[Read], document: dict[str, Any], path: Path) -> Read:
    try:
        return model.parse(document)
    except InvalidObject as error:
        name = document["metadata"].get("name", "without a name")
        raise Impossible(f"{path}: {model.__name__} {name} is not valid: {error}") from error
