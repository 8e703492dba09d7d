"""Languages of the page: texts (locales/*.toml); chosen by ?lang=, cookie, Accept-Language, else its own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "locales"
FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Locale:
    """A language: `code` as in spec.dashboards.locales; `tag` is what Intl formats by (Latin digits, also in Arabic);
    `name` is its own name for itself; `texts` by key."""

    code: str
    tag: str
    name: str
    direction: Literal["ltr", "rtl"]
    texts: Mapping[str, Any]


@cache
def locales(folder: Path = FOLDER) -> Mapping[str, Locale]:
    """Every language there are texts for, by code."""
    found = {}
    for path in sorted(folder.glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = Locale(path.stem, content["tag"], content["name"], content["direction"], content["texts"])
    return found


def choose(
    enabled: Sequence[str], default: str, *, query: str | None, cookie: str | None, accept_language: str
) -> Locale:
    """The first of query, cookie, Accept-Language and the center's default that is enabled and has texts."""
    offered = offer(enabled)
    for wanted in (query, cookie, *accepted(accept_language), default):
        if wanted in offered:
            return locales()[wanted]
    return locales()[offered[0]]


def offer(enabled: Sequence[str]) -> list[str]:
    """The enabled languages that have texts, in the center's order; English when none has."""
    return [code for code in enabled if code in locales()] or [FALLBACK]


def accepted(header: str) -> list[str]:
    """Primary language subtags of an Accept-Language header, the most wanted first."""
    ranges = []
    for position, item in enumerate(header.split(",")[:20]):
        tag, _, parameters = item.strip().partition(";")
        quality = 1.0
        if parameters.strip().startswith("q="):
            try:
                quality = float(parameters.strip()[2:])
            except ValueError:
                continue
        if tag and quality > 0:
            ranges.append((-quality, position, tag.split("-")[0].lower()))
    return [tag for _, _, tag in sorted(ranges)]
