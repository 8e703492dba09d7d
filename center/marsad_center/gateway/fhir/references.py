"""Which thing a resource is, and which one a reference means.

The key of a thing is the id it is put under; of what is posted, the value of its identifier, else its id. A literal
reference means the id it ends in, a conditional or logical one the identifier; within a transaction all mean the
entry, whatever they call it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from marsad_center.gateway.fhir.datatypes import Identifier, Reference, Resource
from marsad_center.gateway.fhir.faults import fault
from marsad_center.gateway.fhir.validating import checked

MAX_KEY = 199  # as of MSH-10: what an index entry bears
_LITERAL = re.compile(r"(?:https?://\S+/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?identifier=(?:([^|\s]*)\|)?([^|&]+)")
_R = TypeVar("_R", bound=Resource)


class Named(NamedTuple):
    """A resource, its key, and how it came: POST, PUT (under an id), or PUT? (by its identifier)."""

    resource: Resource
    key: str
    way: str


Index = dict[str, Named]
"""The entries of a transaction by fullUrl and by Type/id."""


def key_of(resource: Resource, id_: str | None) -> str:
    """The key; `id_`: the one in the address it is put to. Raises Fault wrong-id, missing-key, bad-value."""
    name = resource.TYPE
    if id_ is not None:
        if resource.id != id_:
            raise fault("wrong-id", f"{name}.id must be the id of the address that it is put to", f"{name}.id")
        return id_
    key = number_of(resource.identifier) or resource.id
    if not key:
        text = (
            f"give the {name} an identifier with a value, or put it under an id: "
            "without either a repetition cannot be told from a second one"
        )
        raise fault("missing-key", text, f"{name}.identifier")
    if len(key) > MAX_KEY:
        raise fault("bad-value", f"an identifier has at most {MAX_KEY} characters", f"{name}.identifier")
    return key


def number_of(identifiers: list[Identifier]) -> str | None:
    """The value by which a resource is known that has no id of its own."""
    valued = [identifier for identifier in identifiers if identifier.value]
    valued.sort(key=lambda identifier: {"official": 0, "usual": 1, "old": 3}.get(identifier.use or "", 2))
    return valued[0].value if valued else None


def target(reference: Reference | None, type_: str, place: str, index: Mapping[str, Named]) -> str | None:
    """The key of the `type_` that is meant; None when nothing is said. Raises Fault unresolved, bad-reference."""
    found = resolve(reference, place, index)
    if found is None:
        return None
    name, key = found
    if name not in ("", type_):
        raise fault("bad-reference", f"{place} must refer to a {type_}", place)
    return key


def resolve(reference: Reference | None, place: str, index: Mapping[str, Named]) -> tuple[str, str] | None:
    """Type ('' when it is not said) and key of what is meant; None when nothing is said, or only in words.

    Raises Fault unresolved, bad-reference.
    """
    if reference is None:
        return None
    text = reference.reference
    if not text:
        number = reference.identifier.value if reference.identifier is not None else None
        return ("", fitting(number, place)) if number else None
    if text in index:
        return index[text].resource.TYPE, index[text].key
    if text.startswith(("urn:", "#")):
        raise fault("unresolved", _unresolved(text), place)
    if (literal := _LITERAL.fullmatch(text)) is not None:
        known = index.get(f"{literal[1]}/{literal[2]}")
        return literal[1], known.key if known is not None else literal[2]
    if (conditional := _CONDITIONAL.fullmatch(text)) is not None:
        return conditional[1], fitting(conditional[3], place)
    text = "write a reference as Type/id, as an absolute address, as urn:uuid: of the transaction, or by identifier"
    raise fault("bad-reference", text, place)


def condition(text: str) -> tuple[str, str]:
    """System and value of a conditional reference; '' for what it does not say, or when it is none."""
    found = _CONDITIONAL.fullmatch(text)
    return (found[2] or "", found[3]) if found is not None else ("", "")


def fitting(key: str, place: str) -> str:
    """The key, which an index entry must bear. Raises Fault."""
    if len(key) > MAX_KEY:
        raise fault("bad-reference", f"an identifier has at most {MAX_KEY} characters", place)
    return key


def _unresolved(text: str) -> str:
    if text.startswith("#"):
        return "what is contained has no facts of its own: refer to the resource, or to its identifier"
    return (
        "no entry of this transaction has this fullUrl: add it, or refer by identifier "
        "(the entries of a batch cannot refer to each other, send a transaction)"
    )


def contained(resource: Resource, reference: Reference | None, model: type[_R], place: str) -> _R | None:
    """The contained resource of this type that a reference (#id) means; None when it means none. Raises Fault."""
    text = reference.reference if reference is not None else None
    if not text or not text.startswith("#"):
        return None
    for number, document in enumerate(resource.contained):
        if document.get("id") == text[1:] and document.get("resourceType") == model.TYPE:
            return checked(model, document, f"{resource.TYPE}.contained[{number}]")
    raise fault("unresolved", f"no {model.TYPE} with this id is contained", place)
