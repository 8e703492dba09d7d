"""Bundles of type transaction and batch (https://hl7.org/fhir/R4/http.html#transaction): their form and requests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

from pydantic import Field

from marsad_center.gateway.fhir.datatypes import Element, Identifier, Meta, Resource
from marsad_center.gateway.fhir.faults import ANSWERS, Fault, Issue, fault, within
from marsad_center.gateway.fhir.primitives import CodeText, Id, Instant, Uri, is_id
from marsad_center.gateway.fhir.references import Index, Named, key_of
from marsad_center.gateway.fhir.validating import SERVED, TYPES, checked, type_of, validated

_FULL_URL = re.compile(r"urn:(?:uuid|oid):\S+|https?://\S+")


class Request(Element):
    """What is asked for an entry."""

    method: CodeText
    url: Uri


class Entry(Element):
    """One resource, unread as yet."""

    full_url: Uri | None = None
    resource: dict[str, Any]
    request: Request


class Bundle(Element):
    """A Bundle that asks for something."""

    id: Id | None = None
    type: Literal["transaction", "batch"]
    meta: Meta = Meta()
    identifier: Identifier | None = None
    timestamp: Instant | None = None
    entry: list[dict[str, Any]] = Field(default=[])


def opened(document: Mapping[str, Any], most: int) -> Bundle:
    """The Bundle with its entries unread. Raises Fault, bad-bundle when it has more than `most`."""
    bundle = checked(Bundle, document, "Bundle")
    if len(bundle.entry) > most:
        text = f"a Bundle has at most {most} entries here: send it in parts"
        raise fault("bad-bundle", text, "Bundle.entry")
    return bundle


def entry_of(document: Mapping[str, Any], number: int) -> Entry:
    """An entry's form and request. Raises Fault."""
    place = f"Bundle.entry[{number}]"
    entry = checked(Entry, document, place)
    if entry.full_url is not None and _FULL_URL.fullmatch(entry.full_url) is None:
        raise fault("bad-value", "write fullUrl as urn:uuid:..., or as an absolute http address", f"{place}.fullUrl")
    return entry


def check_served(entries: Sequence[Entry]) -> None:
    """Raise Fault unknown-type where resources of a transaction are of types that are not served, naming each: it is
    refused whole (https://hl7.org/fhir/R4/http.html#transaction), and a sender should learn of all of them at once."""
    text = (
        "this resource is not taken here, and a transaction is taken whole or not at all: leave the entry out, or send "
        "a batch, of which the rest is taken (its entries refer to each other by Type/id or identifier, not by "
        f"fullUrl). Taken are {SERVED}"
    )
    code = ANSWERS["unknown-type"].code
    types = (entry.resource.get("resourceType") for entry in entries)
    issues = [
        Issue(code, text, f"Bundle.entry[{number}].resource")
        for number, type_ in enumerate(types)
        if isinstance(type_, str) and type_ not in TYPES
    ]
    if issues:
        raise Fault("unknown-type", issues)


def named(entry: Entry, number: int) -> Named:
    """The entry's resource with its key. Raises Fault, its places seen from the Bundle."""
    place = f"Bundle.entry[{number}]"
    asked = asked_for(entry.request.method, entry.request.url, type_of(entry.resource, f"{place}.resource"))
    if asked is None:
        name = entry.resource["resourceType"]
        text = f"request must be POST {name}, PUT {name}/[id] or PUT {name}?identifier=[system]|[value]"
        raise fault("bad-bundle", text, f"{place}.request")
    try:
        return identified(validated(entry.resource), asked)
    except Fault as error:
        raise within(error, f"{place}.resource") from None


class Asked(NamedTuple):
    """How a resource comes (see Named), the id that it is put under, the number that it is put by."""

    way: str
    id_: str | None = None
    number: str | None = None


def asked_for(method: str, url: str, type_: str) -> Asked | None:
    """What a request asks for a resource of this type; None when it is nothing that is served."""
    path, _mark, query = url.partition("?")
    name, _slash, id_ = path.strip("/").partition("/")
    if name != type_:
        return None
    if method == "POST" and not id_ and not query:
        return Asked("POST")
    if method == "PUT" and is_id(id_) and not query:
        return Asked("PUT", id_)
    name, _equals, token = query.partition("=")
    number = unquote(token).rpartition("|")[2]
    if method == "PUT" and not id_ and name == "identifier" and number and "&" not in query:
        return Asked("PUT?", None, number)
    return None


def identified(resource: Resource, asked: Asked) -> Named:
    """The resource with its key. Raises Fault wrong-id and those of key_of."""
    if asked.number is not None and asked.number not in {identifier.value for identifier in resource.identifier}:
        text = f"{resource.TYPE}.identifier must have the value that it is put by"
        raise fault("wrong-id", text, f"{resource.TYPE}.identifier")
    return Named(resource, key_of(resource, asked.id_), asked.way)


def indexed(entries: Sequence[tuple[Entry, Named]]) -> Index:
    """Who is who within a transaction. Raises Fault bad-bundle when two entries are one thing."""
    index: Index = {}
    taken: set[tuple[str, str]] = set()
    for number, (entry, resource) in enumerate(entries):
        target = (resource.resource.TYPE, resource.key)
        if target in taken:
            text = "another entry of this transaction is the same resource: send each once"
            raise fault("bad-bundle", text, f"Bundle.entry[{number}]")
        taken.add(target)
        if entry.full_url is not None:
            index[entry.full_url] = resource
        index["/".join(target)] = resource
        if resource.resource.id is not None:
            index.setdefault(f"{resource.resource.TYPE}/{resource.resource.id}", resource)
    return index
