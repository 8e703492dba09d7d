"""The rules as data, and what figures make of them: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from marsad_center.recommendations.evaluate import Key, Known, Standing, step
from marsad_center.recommendations.rules import Condition, Rule, rules
from marsad_center.web.locale import locales

START = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
DIVERT: dict[str, Any] = {
    "id": "ed.divert",
    "order": 1,
    "holds_for": 600,
    "released_for": 1200,
    "when": [{"figure": "ed.nedocs", "is": "above", "threshold": 140, "release": 120}],
    "source": "a test",
    "names": {"en": "Divert"},
    "sentence": {"en": "Divert"},
}


class Story:
    """A facility whose figures change while the clock goes on; keeps what stands as the table would."""

    def __init__(self, **changes: Any) -> None:
        rule = Rule.model_validate({**DIVERT, **changes})
        self.rules = {rule.id: rule}
        self.open: dict[Key, frozenset[tuple[str, str | None]]] = {}
        self.since: dict[Key, datetime] = {}
        self.declared = {"KAMC"}
        self.told: list[str] = []

    def look(self, minute: float, **values: float | None) -> str:
        """One look, `values` by figure (_ for the dot); what it did: opened, closed, or nothing."""
        known = {name.replace("_", ".", 1): Known(value) for name, value in values.items()}
        return self.see(minute, known)

    def see(self, minute: float, known: dict[str, Known]) -> str:
        now = START + timedelta(minutes=minute)
        figures = dict.fromkeys(self.declared, known) or {"KAMC": known}
        done = step(self.rules, figures, Standing(self.open, self.since), now, declared=self.declared)
        for key, causes in done.opened.items():
            self.open[key] = frozenset((each.condition.figure, each.condition.part) for each in causes if each.holds)
        for key in done.closed:
            del self.open[key]
        for key, at in done.since.items():
            if at is None:
                self.since.pop(key, None)
            else:
                self.since[key] = at
        return "opened" if done.opened else next(iter(done.closed.values()), "")


def test_a_rule_opens_only_when_its_figure_was_over_the_threshold_all_the_time() -> None:
    story = Story()
    assert [story.look(minute, ed_nedocs=150) for minute in (0, 5)] == ["", ""]
    assert story.look(6, ed_nedocs=139) == ""  # the time begins anew
    assert [story.look(minute, ed_nedocs=150) for minute in (7, 16, 17)] == ["", "", "opened"]


def test_it_closes_only_at_the_release_value_and_after_its_own_time() -> None:
    story = Story(holds_for=0)
    assert story.look(0, ed_nedocs=141) == "opened"
    assert [story.look(minute, ed_nedocs=130) for minute in (10, 40, 90)] == [
        "",
        "",
        "",
    ]  # between release and threshold
    assert [story.look(minute, ed_nedocs=120) for minute in (100, 119)] == ["", ""]
    assert story.look(119.5, ed_nedocs=121) == ""
    assert [story.look(minute, ed_nedocs=110) for minute in (120, 139, 140)] == ["", "", "released"]


def test_a_figure_that_swings_around_the_threshold_flutters_nothing() -> None:
    story = Story(holds_for=0)
    seen = [story.look(minute, ed_nedocs=139 if minute % 2 else 141) for minute in range(120)]
    assert [each for each in seen if each] == ["opened"]


def test_missing_data_neither_opens_nor_closes() -> None:
    story = Story(holds_for=0, released_for=0)
    assert story.look(0, ed_nedocs=None) == story.look(1) == ""
    assert story.look(2, ed_nedocs=141) == "opened"
    assert story.look(3, ed_nedocs=None) == story.look(4) == ""
    assert story.look(5, ed_nedocs=100) == "released"


def test_of_any_condition_one_opens_and_all_causes_must_come_back() -> None:
    either = [*DIVERT["when"], {"figure": "ed.occupancy", "is": "at-least", "threshold": 1.2, "release": 1.0}]
    story = Story(holds_for=0, released_for=0, when=either)
    assert story.look(0, ed_occupancy=1.2) == "opened"  # nothing is known of the other
    assert story.look(1, ed_occupancy=1.1) == ""
    assert story.look(2, ed_occupancy=0.9, ed_nedocs=150) == ""  # the other has joined
    assert story.look(3, ed_nedocs=90) == ""  # the cause itself is not known any more
    assert story.look(4, ed_occupancy=0.9, ed_nedocs=None) == "released"


def test_of_all_conditions_all_open_and_one_that_is_over_closes() -> None:
    both = [*DIVERT["when"], {"figure": "bed.occupancy", "is": "above", "threshold": 0.92}]
    story = Story(holds_for=0, released_for=0, match="all", when=both)
    assert story.look(0, ed_nedocs=150) == story.look(1, ed_nedocs=150, bed_occupancy=0.9) == ""
    assert story.look(2, ed_nedocs=150, bed_occupancy=0.95) == "opened"
    assert story.look(3, ed_nedocs=130, bed_occupancy=None) == ""
    assert story.look(4, ed_nedocs=150, bed_occupancy=0.92) == "released"


def test_a_part_of_a_breakdown_can_be_the_cause() -> None:
    when = [{"figure": "feed.freshness.p95", "part": "silent", "is": "at-least", "threshold": 1, "release": 0}]
    story = Story(holds_for=0, released_for=0, when=when)
    assert story.see(0, {"feed.freshness.p95": Known(4.0, {"silent": 0})}) == ""
    assert story.see(1, {"feed.freshness.p95": Known(4000.0, {"silent": 1})}) == "opened"
    assert story.see(2, {"feed.freshness.p95": Known(4.0, {"silent": 0})}) == "released"


def test_a_part_is_known_where_the_whole_is_not() -> None:
    shipped = rules()["feed.silent"].model_dump(by_alias=True) | {"holds_for": 0, "released_for": 0}
    story = Story(**shipped)
    assert story.see(0, {"feed.freshness.p95": Known(None, {"silent": 0, "refused": 1})}) == "opened"
    assert story.see(1, {"feed.freshness.p95": Known(None)}) == "", "no data is no relief"
    assert story.see(2, {"feed.freshness.p95": Known(4.0, {"silent": 0, "refused": 0})}) == "released"


def test_what_stands_of_a_facility_that_left_is_withdrawn() -> None:
    story = Story(holds_for=0)
    assert story.look(0, ed_nedocs=150) == "opened"
    story.declared = set()
    assert story.look(1, ed_nedocs=150) == "withdrawn"
    assert story.look(2, ed_nedocs=150) == ""


def test_what_stands_of_a_rule_that_is_no_more_is_withdrawn() -> None:
    story = Story(holds_for=0)
    story.look(0, ed_nedocs=150)
    story.rules = {}
    assert story.look(1, ed_nedocs=150) == "withdrawn"


def test_a_cause_tells_its_threshold_its_value_and_its_newest_event() -> None:
    rule = Rule.model_validate({**DIVERT, "holds_for": 0})
    figures = {"KAMC": {"ed.nedocs": Known(151.24, {}, START)}}
    done = step({rule.id: rule}, figures, Standing(), START, declared={"KAMC"})
    (cause,) = done.opened["KAMC", "ed.divert"]
    assert cause.fields() == {
        "figure": "ed.nedocs",
        "part": None,
        "is": "above",
        "threshold": 140.0,
        "release": 120.0,
        "value": 151.24,
        "holds": True,
        "sourceAt": START.isoformat(),
    }


def test_every_rule_says_what_to_do_in_every_language_and_where_its_thresholds_are_from() -> None:
    assert list(rules()) == ["ed.divert", "bed.surge", "ed.staff", "results.chase", "feed.silent"]
    for rule in rules().values():
        assert set(rule.names) == set(rule.sentence) == set(locales()), rule.id
        assert rule.source


@pytest.mark.parametrize(("comparison", "release"), [("above", 150), ("at-least", 141), ("below", 130), ("at-most", 1)])
def test_a_release_on_the_worse_side_is_refused(comparison: str, release: float) -> None:
    with pytest.raises(ValueError, match="lies on the worse side of 140"):
        Condition.model_validate({"figure": "x", "is": comparison, "threshold": 140, "release": release})


def test_a_file_with_a_fault_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("order = 1\nholds = 3\n")
    with pytest.raises(ValueError, match="holds_for"):
        rules(tmp_path)
