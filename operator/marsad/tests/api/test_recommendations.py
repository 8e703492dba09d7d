"""The rules that the API knows are those that a center of the same release has."""

from __future__ import annotations

import tomllib
from pathlib import Path

from marsad.api.recommendations import RULES

DEFINITIONS = Path(__file__).parents[4] / "center/marsad_center/recommendations/definitions"


def test_every_rule_of_the_center_can_be_named_with_all_its_figures_and_no_other() -> None:
    found = {path.stem: tomllib.loads(path.read_text())["when"] for path in DEFINITIONS.glob("*.toml")}
    figures = {
        name: tuple("/".join(filter(None, (one["figure"], one.get("part")))) for one in when)
        for name, when in found.items()
    }
    assert figures == dict(RULES)
    upward = {one["is"] in {"above", "at-least"} for when in found.values() for one in when}
    assert upward == {True}, "for a rule about too little, Limit.release would lie above its threshold"
