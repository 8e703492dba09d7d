"""The catalogue: every figure as data, one TOML file an indicator, named after its id.

A file holds: `unit` (share, seconds or count), `better` (lower, higher or none), optionally `window` in seconds (the
figure rolls with the clock), `minimum` (samples below which there is not enough data), `target` (a number, or
"freshness-objective" for the one the HealthCluster declares) and [bands] `ok` and `watch`; then by locale [names],
[formula], [numerator], [denominator], and `source` of the target. Shares are 0 to 1, times are seconds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent / "definitions"

Status = Literal["ok", "watch", "breach", "info", "no-data"]
Texts = Mapping[str, str]  # by locale; "en" is always there


class Bands(BaseModel):
    """Where a value stops to be ok, and where watching becomes a breach; both ends belong to the better side."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    ok: float
    watch: float | None = None


class Indicator(BaseModel):
    """One entry of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    order: int
    unit: Literal["share", "seconds", "count"]
    better: Literal["lower", "higher", "none"] = "none"
    window: int | None = None
    minimum: int = 1
    target: float | Literal["freshness-objective"] | None = None
    bands: Bands | None = None
    source: str
    names: Texts
    short: Texts = {}
    formula: Texts
    numerator: Texts = {}
    denominator: Texts = {}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a value is worth: its status, and the target it was held against."""

    status: Status
    target: float | None


def judge(indicator: Indicator, value: float | None, objective_seconds: float) -> Judgement:
    """Hold `value` (None = not enough data) against the indicator's bands; without a target it is just information."""
    if indicator.target == "freshness-objective":
        target: float | None = objective_seconds
        bands: Bands | None = Bands(ok=objective_seconds)
    else:
        target, bands = indicator.target, indicator.bands
    if value is None:
        return Judgement("no-data", target)
    if bands is None or indicator.better == "none":
        return Judgement("info", target)
    sign = 1.0 if indicator.better == "lower" else -1.0
    if sign * value <= sign * bands.ok:
        return Judgement("ok", target)
    if bands.watch is not None and sign * value <= sign * bands.watch:
        return Judgement("watch", target)
    return Judgement("breach", target)


@cache
def catalogue(folder: Path = FOLDER) -> Mapping[str, Indicator]:
    """All indicators by id, in the order they are shown. Raises ValueError (pydantic's) with the file's fault."""
    found = [_read(path) for path in folder.glob("*.toml")]
    return {indicator.id: indicator for indicator in sorted(found, key=lambda indicator: indicator.order)}


def _read(path: Path) -> Indicator:
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Indicator.model_validate({"id": path.stem, **content})
