"""The schemas are what the API server takes, and the files of crds/ are what the models say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from marsad.api.crds import KINDS, SIZE_LIMIT, Kind, manifest, text
from marsad.api.healthcluster import HealthCluster
from marsad.api.model import RULES, Model, Quantity, rule, rules
from marsad.api.schema import structural
from marsad.tests.api.objects import healthcluster

JSON = dict[str, Any]
by_name = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def schema_of(kind: Kind) -> JSON:
    made: JSON = manifest(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return made


def nodes(schema: JSON, at: str = "") -> Iterator[tuple[str, JSON]]:
    """Every node of a schema with its path."""
    yield at, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{at}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from nodes(schema[key], at + mark)


class Inner(Model):
    """What an inner thing is."""

    size: Quantity = "1Gi"
    """How much."""
    note: str | None = None
    """What to know."""


class Outer(Model):
    """What the thing is."""

    inner: Annotated[Inner, Field(json_schema_extra=rules(rule("true", "never")))] = Inner()
    """What this inner thing is for,
    in two lines."""
    maybe: Inner | None = None
    """Absent or an inner thing."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """A share."""
    fixed: Literal["one"] = "one"
    """Always one."""
    words: dict[str, str] = Field(default_factory=dict)
    """Words by key."""


class TestConversion:
    made = structural(Outer)["properties"]

    def test_what_stands_beside_a_reference_wins_over_what_is_behind_it(self) -> None:
        assert self.made["inner"]["description"] == "What this inner thing is for, in two lines."
        assert self.made["inner"][RULES] == [{"rule": "true", "message": "never"}]
        assert self.made["maybe"]["description"] == "Absent or an inner thing."

    def test_an_optional_field_is_absent_and_never_null(self) -> None:
        assert self.made["maybe"]["type"] == "object"
        assert "default" not in self.made["maybe"]
        assert "nullable" not in self.made["maybe"]

    def test_defaults_are_complete_and_without_nulls(self) -> None:
        assert self.made["inner"]["default"] == {"size": "1Gi"}
        assert self.made["words"]["default"] == {}

    def test_a_quantity_is_an_integer_or_text(self) -> None:
        size = self.made["inner"]["properties"]["size"]
        assert size["x-kubernetes-int-or-string"] is True
        assert "type" not in size

    def test_exclusive_bounds_are_flags(self) -> None:
        assert (self.made["share"]["minimum"], self.made["share"]["exclusiveMinimum"]) == (0, True)
        assert "exclusiveMaximum" not in self.made["share"]

    def test_a_constant_is_an_enumeration_of_one(self) -> None:
        assert self.made["fixed"]["enum"] == ["one"]

    def test_a_default_that_fits_in_a_word_is_said(self) -> None:
        assert self.made["share"]["description"] == "A share. Default: 0.5."
        assert self.made["words"]["description"] == "Words by key."

    def test_a_status_has_no_defaults_for_the_server_to_fill_in(self) -> None:
        bare = structural(Outer, defaults=False)
        assert [path for path, node in nodes(bare) if "default" in node] == []

    def test_a_union_is_refused_with_its_path(self) -> None:
        class Union(Model):
            """A thing that cannot be."""

            either: int | list[str]

        with pytest.raises(ValueError, match=r"^Union\.either: a union cannot be a structural schema$"):
            structural(Union)


class TestFiles:
    @by_name
    def test_the_file_is_what_the_models_say(self, kind: Kind) -> None:
        assert kind.file.read_text() == text(kind), "run `python -m marsad.api.crds --write`"

    @by_name
    def test_a_plain_kubectl_apply_can_hold_it(self, kind: Kind) -> None:
        assert kind.file.stat().st_size < SIZE_LIMIT

    @by_name
    def test_no_property_lacks_a_description(self, kind: Kind) -> None:
        properties = [
            (f"{path}.{name}", child)
            for path, node in nodes(schema_of(kind))
            for name, child in node.get("properties", {}).items()
        ]
        assert len(properties) > 20
        mute = [path for path, child in properties if path != ".metadata" and not child.get("description")]
        assert mute == []

    @by_name
    def test_only_keywords_of_structural_schemas_are_used(self, kind: Kind) -> None:
        known = {
            "description", "type", "format", "enum", "default", "required", "properties", "items", "maxItems",
            "maxLength", "additionalProperties", "maxProperties", "minLength", "minimum", "anyOf", RULES,
            "x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
        }  # fmt: skip
        assert {key for _, node in nodes(schema_of(kind)) for key in node} <= known

    @by_name
    def test_every_rule_speaks_in_a_sentence(self, kind: Kind) -> None:
        made = [one for _, node in nodes(schema_of(kind)) for one in node.get(RULES, ())]
        assert len(made) > 5
        assert [one["message"] for one in made if len(one["message"].split()) < 4] == []

    def test_what_the_crd_requires_is_what_the_model_requires(self) -> None:
        required = schema_of(KINDS[0])["properties"]["spec"]["required"]
        assert sorted(required) == sorted(healthcluster()["spec"])
        assert HealthCluster.parse(healthcluster())
