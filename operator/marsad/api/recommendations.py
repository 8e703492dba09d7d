"""Rules of the recommendations that are a health cluster's own: when they speak, and whether at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import ConfigDict, Field

from marsad.api.model import Model, rule, rules

RULES: Mapping[str, tuple[str, ...]] = {
    "bed.surge": ("bed.occupancy",),
    "ed.divert": ("ed.nedocs", "ed.occupancy"),
    "ed.staff": ("ed.door_to_doctor.p90", "ed.lwbs"),
    "feed.silent": ("feed.freshness.p95/silent", "feed.freshness.p95/refused"),
    "results.chase": ("lab.turnaround.p90", "radiology.turnaround.p90"),
}
"""The rules that a center of this release has, and the figures that each looks at (figure, or figure/part): a test
holds them against the center's own files, so that a name that does nothing is refused when it is declared."""

_NAMES = "[" + ", ".join(f"'{name}'" for name in RULES) + "]"


def _near() -> str:
    """CEL for the names that begin a word as `self` does. Put together from constants: whatever CEL would split or
    filter, the API server estimates beyond its budget."""
    asked = []
    for name in RULES:
        alike = " || ".join(f"('.' + self).contains('.{word[:4]}')" for word in name.split("."))
        asked.append(f"({alike} ? ' {name}' : '')")
    return " + ".join(asked)


_FIGURES = "{" + ", ".join(f"'{name}': {list(figures)}" for name, figures in RULES.items()) + "}"
_LOOKS_AT = "{" + ", ".join(f"'{name}': '{' and '.join(figures)}'" for name, figures in RULES.items()) + "}"
_FIGURE = "one.figure + (one.part == '' ? '' : '/' + one.part)"
_DAY = 86400


def _seconds(what: str) -> dict[str, object]:
    words = f"recommendations.{what} is a time of 0 to {_DAY} seconds, which is a day"
    return rules(rule(f"self >= 0 && self <= {_DAY}", words))


class Limit(Model):
    """What one figure of the rule is held against, in place of the rule's own number."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.release) || self.release <= self.threshold",
                "release is the value to which the figure must come back: it is at most the threshold",
            )
        )
    )

    figure: Annotated[str, Field(max_length=63)]
    """The figure that the rule looks at, such as bed.occupancy."""
    part: Annotated[str, Field(max_length=63)] = ""
    """The part of the figure's breakdown, where the rule looks at one, such as silent."""
    threshold: float
    """The value beyond which the rule speaks, in the figure's unit: a share from 0 to 1, seconds, or a count."""
    release: float | None = None
    """The value to which the figure must come back before it is over; where absent, as far from the threshold as in
    the rule itself."""


class RecommendationRule(Model):
    """How one rule differs in this health cluster; what is absent stays as the rule has it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                f"!(self.id in {_NAMES}) || self.when.all(one, {_FIGURE} in {_FIGURES}[self.id])",
                "a rule can be given other numbers only for the figures that it looks at",
                tells=f"'rule ' + self.id + ' looks at ' + {_LOOKS_AT}[self.id] + ', and at nothing else'",
                field_path=".when",
            )
        )
    )

    id: Annotated[
        str,
        Field(
            max_length=63,
            json_schema_extra=rules(
                rule(
                    f"self in {_NAMES}",
                    f"the rules are {', '.join(RULES)}",
                    tells=(
                        f"'no rule is called ' + self + ({_near()} == '' ? ': there are {', '.join(RULES)}' : "
                        f"': the nearest is' + {_near()})"
                    ),
                )
            ),
        ),
    ]
    """The rule's identifier, such as bed.surge."""
    enabled: bool = True
    """Whether the rule speaks at all; what is open of a rule that is switched off is withdrawn."""
    holds_for_seconds: Annotated[int | None, Field(json_schema_extra=_seconds("holdsForSeconds"))] = None
    """How long the figures must say so before the recommendation opens."""
    released_for_seconds: Annotated[int | None, Field(json_schema_extra=_seconds("releasedForSeconds"))] = None
    """How long the figures must be well again before it closes."""
    when: Annotated[
        tuple[Limit, ...],
        Field(
            max_length=8,
            json_schema_extra=rules(x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["figure", "part"]),
        ),
    ] = ()
    """Other numbers for figures that the rule looks at; a figure that is not named keeps the rule's own."""
