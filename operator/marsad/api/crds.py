"""The files of crds/, generated from the models: `python -m marsad.api.crds --write`, or `--check` for CI."""

from __future__ import annotations

import argparse
import difflib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from marsad.api.facility import Facility, FacilityStatus
from marsad.api.healthcluster import HealthCluster, HealthClusterStatus
from marsad.api.model import RULES, Model, Resource, rule
from marsad.api.names import API_VERSION, CATEGORY, GROUP, VERSION
from marsad.api.schema import structural

FOLDER = Path(__file__).resolve().parents[3] / "crds"
SIZE_LIMIT = 256 * 1024  # what the last-applied annotation of a plain `kubectl apply` may hold
_HEADER = "# Generated from operator/marsad/api by `python -m marsad.api.crds --write`; change the models, not this.\n"


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; priority 1 shows it with `-o wide` only."""

    name: str
    path: str
    description: str
    type: str = "string"
    priority: int = 0


@dataclass(frozen=True)
class Kind:
    """What a CRD needs beside its model."""

    model: type[Resource]
    status: type[Model]
    plural: str
    short: str
    columns: tuple[Column, ...]
    rules: tuple[dict[str, str], ...] = ()

    @property
    def name(self) -> str:
        return self.model.__name__

    @property
    def file(self) -> Path:
        return FOLDER / f"{GROUP}_{self.plural}.yaml"


_AGE = Column("Age", ".metadata.creationTimestamp", "Time since it was created.", "date")
KINDS = (
    Kind(
        HealthCluster,
        HealthClusterStatus,
        "healthclusters",
        "hc",
        (
            Column("Ready", '.status.conditions[?(@.type=="Ready")].status', "Whether every stage is ready."),
            Column("Release", ".status.release", "Version that runs."),
            Column("Facilities", ".status.facilities.coverage", "Facilities that report, of those declared."),
            Column("Freshness", ".status.freshness.display", "Measured freshness and its objective."),
            Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', "Why it is or is not.", priority=1),
            _AGE,
        ),
        (
            rule(
                "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')",
                "a HealthCluster's name has 1 to 40 lower-case letters, digits or dashes and begins with a letter",
            ),
        ),
    ),
    Kind(
        Facility,
        FacilityStatus,
        "facilities",
        "fac",
        (
            Column("Kind", ".spec.kind", "What the facility is."),
            Column("Level", ".spec.level", "Tier of referral."),
            Column("Connected", '.status.conditions[?(@.type=="Connected")].status', "Whether its feeds send."),
            _AGE,
        ),
    ),
)


def _root(kind: Kind) -> dict[str, Any]:
    schema = structural(kind.model)
    status = structural(kind.status, defaults=False)
    made = {
        "description": schema["description"],
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"description": f"Always {API_VERSION}.", "type": "string"},
            "kind": {"description": f"Always {kind.name}.", "type": "string"},
            "metadata": {"type": "object"},
            "spec": schema["properties"]["spec"],
            "status": status | {"description": schema["properties"]["status"]["description"]},
        },
    }
    return made | ({RULES: list(kind.rules)} if kind.rules else {})


def _column(column: Column) -> dict[str, Any]:
    made = {"name": column.name, "type": column.type, "description": column.description, "jsonPath": column.path}
    return made | ({"priority": column.priority} if column.priority else {})


def manifest(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "marsad"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(column) for column in kind.columns],
                    "schema": {"openAPIV3Schema": _root(kind)},
                }
            ],
        },
    }


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: a list that two fields share is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 the name is PyYAML's
        return True


def text(kind: Kind) -> str:
    """The YAML of a kind's CRD. Raises ValueError when it is too large for a plain `kubectl apply`."""
    made = _HEADER + yaml.dump(manifest(kind), Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)
    if len(made.encode()) >= SIZE_LIMIT:
        raise ValueError(f"{kind.file.name} has {len(made.encode())} bytes, more than {SIZE_LIMIT}")
    return made


def main() -> None:
    """Write the files, or say how they differ from the models and exit with 1."""
    parser = argparse.ArgumentParser(prog="python -m marsad.api.crds", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write crds/")
    mode.add_argument("--check", action="store_true", help="fail when crds/ is not what the models say")
    write = parser.parse_args().write
    stale = False
    for kind in KINDS:
        there = kind.file.read_text() if kind.file.exists() else ""
        wanted = text(kind)
        if write:
            FOLDER.mkdir(exist_ok=True)
            kind.file.write_text(wanted)
        elif there != wanted:
            stale = True
            name = f"crds/{kind.file.name}"
            sys.stdout.writelines(difflib.unified_diff(there.splitlines(True), wanted.splitlines(True), name, name))
    if stale:
        sys.exit("crds/ is stale: run `python -m marsad.api.crds --write`")


if __name__ == "__main__":
    main()
