"""The catalogue: every figure as data, one TOML file an indicator, named after its id.

A file holds: `unit` (share, seconds, count, ratio or score), `better` (lower, higher or none), optionally `window` in
seconds (the figure rolls with the clock), `minimum` (samples below which there is not enough data), `dimensions` (by
which it is broken down: triage, specialty, platform, tier, group), `facts` (what kinds it is made of, see
facts/kinds.py: the feeds that tell of these are those behind it; without, all are), `target` (a number, or
"freshness-objective" for the one the HealthCluster declares) and [bands] `ok` and `watch`; then by locale [names],
[formula], [numerator], [denominator], and
`source` of the target. Shares are 0 to 1, times are seconds. `maker` says who computes it: the engine of this package
("figures"), or another part of the center that writes its rows itself and whose rows the engine leaves alone.

Targets and bands are defaults: center.json may set others (see `adjusted`).
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from marsad_center.facts.kinds import Told
from marsad_center.registry import Threshold

log = logging.getLogger(__name__)

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
    unit: Literal["share", "seconds", "count", "ratio", "score"]
    better: Literal["lower", "higher", "none"] = "none"
    window: int | None = None
    minimum: int = 1
    dimensions: tuple[Literal["triage", "specialty", "platform", "tier", "group"], ...] = ()
    facts: tuple[Told, ...] = ()
    maker: str = "figures"
    group: str = ""  # of the page; empty: by the id
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


def adjusted(entries: Mapping[str, Indicator], thresholds: Iterable[Threshold]) -> Mapping[str, Indicator]:
    """The catalogue with the targets and bands that the center declares in place of the defaults.

    A target alone moves the ok band to it; a band that is not given stays, unless it would then lie on the wrong side.
    What names no indicator, or one in which neither direction is better, is logged and left out.
    """
    result = dict(entries)
    for threshold in thresholds:
        indicator = result.get(threshold.id)
        if indicator is None or indicator.better == "none":
            log.warning("a threshold is declared for what has none", extra={"indicator": threshold.id})
            continue
        result[threshold.id] = _with(indicator, threshold)
    return result


def _with(indicator: Indicator, threshold: Threshold) -> Indicator:
    known = indicator.bands
    target = threshold.target if threshold.target is not None else indicator.target
    ok = next(
        (each for each in (threshold.ok, threshold.target, known.ok if known else None) if each is not None), None
    )
    if ok is None:
        return indicator
    watch = threshold.watch if threshold.watch is not None else known.watch if known else None
    sign = 1.0 if indicator.better == "lower" else -1.0
    if watch is not None and sign * watch < sign * ok:
        watch = None
    changes = {"target": ok if target in (None, "freshness-objective") else target, "bands": Bands(ok=ok, watch=watch)}
    return indicator.model_copy(update=changes)


def _read(path: Path) -> Indicator:
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Indicator.model_validate({"id": path.stem, **content})
