"""From a pydantic model to the structural schema that a CustomResourceDefinition takes.

The API server wants every type inlined, no null beside a type, complete defaults (a default is validated, CEL rules
included, before nested defaults are filled in), and none of the keywords that only other validators know.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, NoDefault
from pydantic_core import CoreSchema

JSON = dict[str, Any]

_DROPPED = {"title", "$defs", "discriminator", "uniqueItems", "examples", "const"}
_INT_OR_STRING = "x-kubernetes-int-or-string"


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with defaults as the API writes them: complete, camelCase, without nulls."""

    def get_default_value(self, schema: Any) -> Any:
        if "default" not in schema and not schema.get("default_factory_takes_data") and "default_factory" in schema:
            return schema["default_factory"]()
        return schema.get("default", NoDefault)

    def encode_default(self, dft: Any) -> Any:
        return _plain(dft)

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:  # an optional field has no default; it is absent
            del made["default"]
        return made

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        # Absent, never null: `nullable` would let a null through where a rule asks has(self.field).
        inner: CoreSchema = schema["schema"]
        return self.generate_inner(inner)


class _Undefaulted(_Generator):
    """The same without any default."""

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        made.pop("default", None)
        return made


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def structural(model: type[BaseModel], *, defaults: bool = True) -> JSON:
    """The structural schema of a model. Raises ValueError for what a structural schema cannot say.

    Without `defaults` none is stated: a status is what was observed, and the API server must not fill it in.
    """
    generator = _Generator if defaults else _Undefaulted
    schema = model.model_json_schema(by_alias=True, schema_generator=generator)
    return _convert(schema, schema.get("$defs", {}), model.__name__)


def _convert(schema: JSON, definitions: JSON, at: str) -> JSON:
    """One node with everything it refers to; `at` is the path for error messages."""
    schema = _resolve(schema, definitions)
    if "anyOf" in schema and not schema.get(_INT_OR_STRING):
        raise ValueError(f"{at}: a union cannot be a structural schema")
    made = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "const" in schema:
        made["enum"] = [schema["const"]]
    if "description" in made:
        made["description"] = " ".join(made["description"].split()) + _default_sentence(made.get("default"))
    for bound in ("Minimum", "Maximum"):  # JSON Schema's exclusive bounds are numbers, OpenAPI 3.0's are flags
        if f"exclusive{bound}" in made:
            made[bound.lower()] = made[f"exclusive{bound}"]
            made[f"exclusive{bound}"] = True
    if "properties" in made:
        made["properties"] = {
            name: _convert(child, definitions, f"{at}.{name}") for name, child in made["properties"].items()
        }
    if "items" in made:
        made["items"] = _convert(made["items"], definitions, f"{at}[]")
    if isinstance(extra := made.pop("additionalProperties", False), dict):  # `false` is what pruning does anyway
        made["additionalProperties"] = _convert(extra, definitions, f"{at}.*")
    return _ordered(made)


def _default_sentence(default: Any) -> str:
    """`kubectl explain` does not show defaults, so the description says those that fit in a word."""
    if default is None or isinstance(default, (dict, list)) or default == "":
        return ""
    return f" Default: {str(default).lower() if isinstance(default, bool) else default}."


def _resolve(schema: JSON, definitions: JSON) -> JSON:
    """Follow $ref (and allOf of one), the words beside the reference winning over those behind it."""
    while "$ref" in schema or len(schema.get("allOf", ())) == 1:
        beside = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        behind = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema["allOf"][0]
        rules = behind.get("x-kubernetes-validations", []) + beside.get("x-kubernetes-validations", [])
        schema = {**behind, **beside, **({"x-kubernetes-validations": rules} if rules else {})}
    return schema


def _ordered(schema: JSON) -> JSON:
    """Keys in the order in which a person reads them."""
    first = ("description", "type", "format", "enum", "default", "required")
    last = ("properties", "items", "additionalProperties")
    middle = sorted(key for key in schema if key not in first + last)
    return {key: schema[key] for key in (*first, *middle, *last) if key in schema}
