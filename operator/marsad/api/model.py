"""What the models of all kinds share: the frozen base, object metadata, conditions, and CEL rules on fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from marsad.api.conditions import ConditionStatus

RULES = "x-kubernetes-validations"


def rule(expression: str, message: str, *, field_path: str | None = None, tells: str | None = None) -> dict[str, str]:
    """A CEL rule that the API server checks at admission, and the sentence a person reads when it fails.

    `field_path` points the error at a child of the place the rule stands on, such as `.replicas`. `tells` is a CEL
    expression that gives the sentence, where it depends on what was said; `message` stands in where it cannot.
    """
    made = {"rule": expression, "message": message}
    made |= {"messageExpression": tells} if tells else {}
    return made | ({"fieldPath": field_path} if field_path else {})


def rules(*made: dict[str, str], **extensions: Any) -> dict[str, Any]:
    """`json_schema_extra` for a field or model: CEL rules and schema keywords (`x_kubernetes_...` gets its dashes)."""
    keywords = {name.replace("_", "-") if name.startswith("x_") else name: value for name, value in extensions.items()}
    return {RULES: list(made), **keywords} if made else keywords


def short_name(sentence: str) -> dict[str, str]:
    """The rule of a name that stands in names of objects and figures; `sentence` says it of what is named."""
    return rule("self.matches('^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$')", sentence)


CONTROL = "\\\\p{Cc}"
"""A control character, as a CEL string has its regular expression: no text that people read has one, and PostgreSQL
takes none that is zero."""


class InvalidObject(ValueError):
    """An object that the models cannot read; the text names each field and what is wrong, in one line."""


class Model(BaseModel):
    """Frozen, camelCase outside and snake_case inside, and deaf to unknown fields so that newer APIs can be read.

    The docstring under a field is its description in the CRD.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    def dump(self) -> dict[str, Any]:
        """JSON-ready dict with the API's names; what is None is absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Timestamp = Annotated[datetime, PlainSerializer(_second, return_type=str, when_used="json")]
"""A moment, written as Kubernetes writes it: UTC, whole seconds."""

Quantity = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}),
]
"""A Kubernetes quantity such as `500m` or `10Gi`; a bare integer is read as its text."""


def or_empty(model: type[Model]) -> WrapValidator:
    """Reads a field as that model, and what it cannot read as an empty one: it is written anew."""

    def read(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            return model()

    return WrapValidator(read)


class ObjectMeta(Model):
    """The part of a Kubernetes object's metadata that Marsad reads."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Condition(Model):
    """One aspect of the observed state, as `kubectl wait --for=condition=TYPE` reads it."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    """Which aspect, such as Ready or DatabaseReady."""
    status: ConditionStatus
    """True, False, or Unknown when it could not be observed."""
    reason: Annotated[str, Field(min_length=1, max_length=128)]
    """A documented constant that says why; see docs on conditions."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """A sentence for people: what is so, and what to do about it."""
    last_transition_time: Timestamp
    """When the status last changed."""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The metadata.generation that this condition was judged for."""


class Resource(Model):
    """A namespaced object of one of our kinds."""

    metadata: ObjectMeta

    @classmethod
    def parse(cls, obj: dict[str, Any]) -> Self:
        """Read an object as the API server returns it.

        Unknown fields are ignored and absent ones take the CRD's defaults. Raises InvalidObject.
        """
        try:
            return cls.model_validate(obj)
        except ValidationError as error:
            found = (f"{'.'.join(str(at) for at in e['loc'])}: {e['msg']}" for e in error.errors())
            raise InvalidObject("; ".join(found)) from error

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, name)."""
        return (self.metadata.namespace, self.metadata.name)

    @property
    def generation(self) -> int:
        return self.metadata.generation

    @property
    def deleting(self) -> bool:
        return self.metadata.deletion_timestamp is not None
