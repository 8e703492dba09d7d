"""The rendered stacks, whole, to be read and compared: `python -m marsad.tests.core.golden --write` renews them."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from marsad.core.world import Observed
from marsad.tests.core import worlds

FOLDER = Path(__file__).parent / "golden"

EGRESS = {
    "residency": {"country": "SA"},
    "allowedEgress": [{"name": "referrals", "cidr": "10.9.0.0/16", "ports": [{"port": 443}]}],
    "allowedIngress": {"gateway": ["10.20.0.0/16"], "dashboard": ["10.20.0.7/32"]},
    "identityHeader": "X-Forwarded-User",
}
RULES = [
    {"id": "results.chase", "enabled": False},
    {"id": "bed.surge", "holdsForSeconds": 600, "when": [{"figure": "bed.occupancy", "threshold": 0.95}]},
]

STACKS: dict[str, Observed] = {
    "small": worlds.world(worlds.cluster(size="small"), facilities=(worlds.facility(),)),
    "medium": worlds.world(
        worlds.cluster(
            size="medium",
            timeZone="Asia/Riyadh",
            security=EGRESS,
            pipelines=worlds.TLS | {"fhir": {"enabled": True}},
            recommendations=RULES,
        ),
        facilities=(worlds.facility(),),
        objects=worlds.issued(),
    ),
    "external": worlds.world(worlds.cluster(size="small", database=worlds.EXTERNAL)),
    "monitored": worlds.world(
        worlds.cluster(size="large", pipelines={"fhir": {"enabled": True}}),
        served=frozenset({worlds.CNPG, *worlds.MONITORING}),
        facilities=(worlds.facility(),),
    ),
}


class _Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc] # chosen at run time
    """Writes everything out, so that each object can be read alone."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def text(stack: str) -> str:
    """The stack as YAML, every object in the order of writing."""
    return yaml.dump_all(worlds.wanted(STACKS[stack]), Dumper=_Plain, allow_unicode=True, sort_keys=True, width=120)


def path(stack: str) -> Path:
    """Where the stack is kept."""
    return FOLDER / f"{stack}.yaml"


def main() -> None:
    """Compare, or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the files by what is rendered now")
    write = parser.parse_args().write
    for stack in STACKS:
        if write:
            path(stack).write_text(text(stack), encoding="utf-8")
        elif path(stack).read_text(encoding="utf-8") != text(stack):
            raise SystemExit(f"{path(stack)} is not what is rendered now")


if __name__ == "__main__":
    main()
