"""Manifests as YAML that a person can read: keys as they come, texts of several lines as blocks."""

from collections.abc import Iterable
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Never writes an alias: a manifest repeats itself rather."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name is PyYAML's
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def documents(manifests: Iterable[Any]) -> str:
    """All as one stream, each begun by `---`."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, allow_unicode=True, explicit_start=True, width=120)


def lines(manifest: Any) -> list[str]:
    """One manifest with its keys in order of the alphabet, so that two can be compared line by line."""
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=120).splitlines()
