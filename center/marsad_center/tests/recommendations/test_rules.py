"""The rules as data, and what figures make of them: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from marsad_center.recommendations.evaluate import Key, Known, Standing, step
from marsad_center.recommendations.rules import Condition, Rule, adjusted, rules
from marsad_center.registry import Center
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


def declared(*changes: dict[str, Any]) -> dict[str, Rule]:
    """The rules that ship, as a center.json with these changes makes them."""
    center = Center.model_validate({"name": "m", "namespace": "m", "code": "M", "recommendations": list(changes)})
    return dict(adjusted(rules(), center.recommendations))


def test_a_center_gives_a_rule_its_own_numbers_and_the_rest_stays() -> None:
    limit = {"figure": "ed.nedocs", "threshold": 180, "release": 150}
    found = declared({"id": "ed.divert", "holdsForSeconds": 60, "when": [limit]})
    assert [(one.figure, one.threshold, one.release) for one in found["ed.divert"].when] == [
        ("ed.nedocs", 180, 150),
        ("ed.occupancy", 1.2, 1.0),
    ]
    assert (found["ed.divert"].holds_for, found["ed.divert"].released_for) == (60, 1800)
    assert {name for name in found if found[name] != rules()[name]} == {"ed.divert"}
    assert list(found) == list(rules()), "the most pressing first, as before"


def test_a_release_that_is_not_declared_lies_as_far_from_the_threshold_as_before() -> None:
    (condition,) = declared({"id": "bed.surge", "when": [{"figure": "bed.occupancy", "threshold": 0.85}]})[
        "bed.surge"
    ].when
    assert (condition.threshold, condition.release) == (0.85, 0.81)


def test_a_part_of_a_figure_is_told_from_another() -> None:
    limit = {"figure": "feed.freshness.p95", "part": "refused", "threshold": 2}
    found = declared({"id": "feed.silent", "when": [limit]})["feed.silent"]
    assert [(one.part, one.threshold, one.release) for one in found.when] == [("silent", 1, 0), ("refused", 2, 1)]


def test_a_rule_that_is_switched_off_is_gone_and_what_is_open_of_it_is_withdrawn() -> None:
    found = declared({"id": "bed.surge", "enabled": False})
    assert set(rules()) - set(found) == {"bed.surge"}
    key = ("KAMC", "bed.surge")
    done = step(found, {}, Standing({key: frozenset()}, {key: START}), START, declared={"KAMC"})
    assert (done.closed, done.since) == ({key: "withdrawn"}, {key: None})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "bed.surg", "enabled": False}, "there is no rule bed.surg, the nearest is bed.surge"),
        (
            {"id": "bed.surge", "when": [{"figure": "bed.occupency", "threshold": 1}]},
            "there is no figure of bed.surge bed.occupency, the nearest is bed.occupancy",
        ),
        (
            {"id": "bed.surge", "when": [{"figure": "bed.occupancy", "threshold": 0.9, "release": 0.95}]},
            "Value error, bed.occupancy: release 0.95 lies on the worse side of 0.9",
        ),
        ({"id": "bed.surge", "holdsForSeconds": -1}, "Input should be greater than or equal to 0"),
    ],
)
def test_what_is_declared_and_cannot_be_used_changes_nothing_and_says_so(
    change: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert declared(change, {"id": 7}, {"id": "ed.staff", "enabled": False}) == {
        name: rule for name, rule in rules().items() if name != "ed.staff"
    }
    assert reason in [getattr(record, "reason", "") for record in caplog.records]
