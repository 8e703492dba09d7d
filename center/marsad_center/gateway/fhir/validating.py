"""Bytes to resources, or a Fault that says where and what to do. What is checked: PROFILE.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pydantic_core
from pydantic import BaseModel, ValidationError

from marsad_center.gateway.fhir.coordination import Appointment, Communication, GuidanceResponse, Task
from marsad_center.gateway.fhir.datatypes import Resource
from marsad_center.gateway.fhir.faults import ANSWERS, Fault, Issue, fault
from marsad_center.gateway.fhir.services import (
    DiagnosticReport,
    Immunization,
    Medication,
    MedicationDispense,
    MedicationRequest,
    Observation,
    ServiceRequest,
)
from marsad_center.gateway.fhir.visits import Condition, Encounter, Location, Patient

TYPES: Mapping[str, type[Resource]] = {
    each.TYPE: each
    for each in (
        Appointment,
        Communication,
        Condition,
        DiagnosticReport,
        Encounter,
        GuidanceResponse,
        Immunization,
        Location,
        Medication,
        MedicationDispense,
        MedicationRequest,
        Observation,
        Patient,
        ServiceRequest,
        Task,
    )
}
SERVED = ", ".join(TYPES)

_M = TypeVar("_M", bound=BaseModel)
_KINDS = {
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises Fault not-json; also for what is nested deeper than 200."""
    try:
        document = pydantic_core.from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        deep = "recursion" in str(error)
        text = "it is nested too deeply" if deep else "the body is no JSON in UTF-8"
        raise fault("not-json", f"{text}: send one resource or Bundle in application/fhir+json") from None
    if not isinstance(document, dict):
        raise fault("not-json", "the body is no JSON object: send one resource or Bundle")
    return document


def type_of(document: Mapping[str, Any], place: str = "") -> str:
    """The resourceType. Raises Fault no-resource, unknown-type (whose name is not said: it may be anything)."""
    name = document.get("resourceType")
    if not isinstance(name, str):
        raise fault("no-resource", "resourceType is missing: say which resource this is", place or "resourceType")
    if name not in TYPES:
        raise fault("unknown-type", f"this resource is not taken here, leave it out: taken are {SERVED}", place)
    return name


def validated(document: Mapping[str, Any]) -> Resource:
    """The resource. Raises Fault no-resource, unknown-type, or those of `checked`."""
    model = TYPES[type_of(document)]
    resource = checked(model, document, model.TYPE)
    if model.CHOICES and sum(document.get(name) is not None for name in model.CHOICES) != 1:
        choice = f"{model.TYPE} needs exactly one of {', '.join(model.CHOICES)}"
        raise fault("missing-element", choice, model.TYPE)
    return resource


def checked(model: type[_M], document: Mapping[str, Any], place: str) -> _M:
    """`document` as `model`. Raises Fault missing-element, bad-element, bad-value, bad-code with an issue for each."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = [_issue(each, place) for each in error.errors(include_url=False, include_context=True)]
        # What concerns the structure is said first: the rest may follow from it.
        found.sort(key=lambda each: list(ANSWERS).index(each[0]))
        raise Fault(found[0][0], [issue for _reason, issue in found]) from None


def _issue(error: Any, place: str) -> tuple[str, Issue]:
    expression = _path(place, error["loc"])
    reason, sentence = _sentence(error, expression)
    return reason, Issue(ANSWERS[reason].code, sentence, expression)


def _path(place: str, location: Sequence[int | str]) -> str:
    return place + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _sentence(error: Any, expression: str) -> tuple[str, str]:  # noqa: PLR0911 (one return a kind of error)
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "missing-element", f"{expression} is required: add it"
    if kind == "literal_error":
        return "bad-code", f"{expression} must be one of {context['expected'].replace(' or ', ', ')}"
    if kind == "fhir_format":
        return "bad-value", f"{expression} cannot be read: {error['msg']}"
    if kind in _KINDS:
        return "bad-element", f"{expression} must be {_KINDS[kind]}"
    if kind in ("too_long", "string_too_long"):
        return "bad-value", f"{expression} is too long: {context['max_length']} is the most"
    if kind == "too_short":
        return "missing-element", f"{expression} needs at least {context['min_length']}"
    return "bad-value", f"{expression} has no value that can be used ({kind})"
