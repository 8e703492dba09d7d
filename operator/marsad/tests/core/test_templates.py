"""A value can never change a document's structure, and a mistake in a template is an error with its name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marsad.core.templates import TemplateError, Templates, load
from marsad.tests.core.worlds import TEMPLATES, cluster, facility, kinds, wanted, world

ANYTHING = st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | ANYTHING,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=99), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
@example("no")
@example("08")
@example("a: b\n- c")
@example("}}{%\u2028\x85\x7f\ufeff\U0001f3e5")
@example("!!python/object:os.system")
def test_every_value_is_read_back_as_itself(value: Any) -> None:
    template = Templates({"x": "before: 1\nvalue: {{ value }}\nlist: [{{ value }}, {a: {{ value }}}]\nafter: 2\n"})
    assert template.render("x", {"value": value}) == [
        {"before": 1, "value": value, "list": [value, {"a": value}], "after": 2}
    ]


@settings(max_examples=25)  # each renders two whole stacks
@given(st.text(min_size=1, max_size=120), st.text(min_size=1, max_size=120))  # as the API has it: longer is refused
@example("مستشفى", "x'\"\n---\nkind: ClusterRole\n")
def test_a_hostile_name_survives_as_a_string_and_makes_no_object(display: str, region: str) -> None:
    plain = wanted(world(facilities=(facility(),)))
    hostile = facility(displayNames={"en": display})
    made = wanted(world(cluster(region=region, displayNames={"en": display}), facilities=(hostile,)))
    assert [(one["kind"], one["metadata"]["name"]) for one in made] == [
        (one["kind"], one["metadata"]["name"]) for one in plain
    ]
    document = json.loads(kinds(made, "ConfigMap")["center"]["data"]["center.json"])
    assert document["region"] == region
    assert document["facilities"][0]["displayNames"] == {"en": display}


def test_a_name_that_is_not_defined_is_an_error_that_names_the_file() -> None:
    with pytest.raises(TemplateError, match=r"gateway/service\.yaml\.j2: 'nobody' is undefined"):
        Templates({"gateway/service": "a: {{ nobody }}"}).render("gateway/service", {})


def test_a_field_that_is_not_defined_is_an_error() -> None:
    with pytest.raises(TemplateError, match="no attribute 'replica'"):
        Templates({"x": "a: {{ gateway.replica }}"}).render("x", {"gateway": {"replicas": 2}})


def test_what_is_no_yaml_is_an_error_that_names_the_file() -> None:
    with pytest.raises(TemplateError, match=r"x\.yaml\.j2"):
        Templates({"x": "a: [1"}).render("x", {})


def test_what_json_cannot_say_is_an_error() -> None:
    with pytest.raises(TemplateError, match="not JSON serializable"):
        Templates({"x": "a: {{ value }}"}).render("x", {"value": {1, 2}})


def test_a_value_in_the_middle_of_a_word_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"x\.yaml\.j2: .* a whole value"):
        Templates({"x": "a: before-{{ value }}"}).render("x", {"value": "b"})


def test_centers_that_share_a_text_do_not_share_documents() -> None:
    template = Templates({"x": "those:\n{% for one in those %}\n- {{ one }}\n{% endfor %}\nfixed: []"})
    first, second = (template.render("x", {"those": those}) for those in (["a", {"b": 1}], ["c", "d"]))
    first[0]["fixed"].append("changed")
    assert first == [{"those": ["a", {"b": 1}], "fixed": ["changed"]}]
    assert second == [{"those": ["c", "d"], "fixed": []}]


def test_a_folder_without_templates_is_an_error(tmp_path: Any) -> None:
    with pytest.raises(TemplateError, match="no templates"):
        load(tmp_path)


def test_the_same_question_is_answered_once() -> None:
    observed = world(facilities=(facility(),))
    assert wanted(observed) is wanted(observed)
    assert wanted(observed) is not wanted(world(facilities=()))


def test_every_template_is_used_by_some_declaration() -> None:
    from marsad.core.desired import wanted_templates
    from marsad.tests.core.golden import STACKS

    assert {name for observed in STACKS.values() for name in wanted_templates(observed, TEMPLATES)} == set(
        TEMPLATES.names
    )
