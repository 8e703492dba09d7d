"""What a request comes to: messages to store, or what is wrong with it. Pure: no database, no socket."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from marsad_center.facts.events import Fact, Identified, OrderEvent
from marsad_center.gateway.fhir import reading, spans
from marsad_center.gateway.fhir.answers import Answered
from marsad_center.gateway.fhir.bundle import (
    Asked,
    Bundle,
    Entry,
    asked_for,
    check_served,
    entry_of,
    identified,
    indexed,
    named,
    opened,
)
from marsad_center.gateway.fhir.datatypes import Meta
from marsad_center.gateway.fhir.faults import ANSWERS, Fault, Issue, fault, within
from marsad_center.gateway.fhir.primitives import is_id, moment
from marsad_center.gateway.fhir.receiving import FhirInbound, take
from marsad_center.gateway.fhir.references import Named
from marsad_center.gateway.fhir.senders import NOBODY, Sender, sender_of
from marsad_center.gateway.fhir.told import Told
from marsad_center.gateway.fhir.validating import parse, type_of, validated
from marsad_center.gateway.profile import Profile
from marsad_center.gateway.route import Route, Routes

log = logging.getLogger(__name__)

_WAYS = frozenset({"POST", "PUT", "PUT?"})
TRANSACTION = "transaction"
UNKNOWN = (
    "no feed of this center is declared for the sender {}: have it declared with transport FHIR or FHIRS, and name it "
    "in the header X-Marsad-Feed: APPLICATION|FACILITY or in meta.source as urn:marsad:feed:APPLICATION:FACILITY"
)


@dataclass(frozen=True)
class Arrival:
    """A request as it came."""

    body: bytes
    headers: Mapping[str, str]  # names in lower case
    peer: str
    at: datetime
    routes: Routes
    most_entries: int


def resource(arrival: Arrival, type_: str, asked: Asked) -> FhirInbound:
    """One resource of `POST /fhir/{type}` or `PUT /fhir/{type}...`, judged. Never raises."""
    inbound = _taken(arrival, asked.way, sender_of(arrival.headers))
    try:
        document = parse(arrival.body)
        inbound = _taken(arrival, asked.way, sender_of(arrival.headers, document))
        _check_sender(inbound)
        if type_of(document) != type_:
            raise fault("bad-value", f"resourceType must be that of the address: {type_}", "resourceType")
        return _single(inbound, identified(validated(document), asked))
    except Exception as error:
        return _refused(inbound, error)


def bundle(arrival: Arrival) -> FhirInbound | list[FhirInbound]:
    """The Bundle of `POST /fhir`: one message for a transaction (or for what is wrong with the whole), one an entry
    for a batch. Never raises."""
    inbound = _taken(arrival, "Bundle", sender_of(arrival.headers))
    try:
        document = parse(arrival.body)
        sender = sender_of(arrival.headers, document)
        inbound = _taken(arrival, "Bundle", sender)
        if document.get("resourceType") != "Bundle":
            text = "POST /fhir takes a Bundle of type transaction or batch: post one resource to /fhir/[type]"
            raise fault("no-resource", text, "resourceType")
        found = opened(document, arrival.most_entries)
        if found.type == "batch":
            return _batch(arrival, found, sender)
        _check_sender(inbound)
        return _transaction(replace(inbound, message_type="Bundle", trigger=TRANSACTION), found)
    except Exception as error:
        return _refused(inbound, error)


def too_long(arrival: Arrival, size: int, limit: int) -> FhirInbound:
    """A body over the limit, of which the first part came."""
    inbound = take(
        arrival.body, sender_of(arrival.headers), arrival.routes, arrival.peer, arrival.at, kind="POST", size=size
    )
    text = f"the body is longer than {limit} bytes: send fewer entries at a time"
    return _refused(inbound, fault("too-long", text))


def again(raw: bytes, way: str, sender: Sender, routes: Routes, *, peer: str, at: datetime) -> FhirInbound:
    """What was stored or refused before, judged as it would be today. `way`: the trigger of its row in message, the
    control_id of its row in quarantine; `at`: when it was received. Never raises."""
    inbound = take(raw, sender, routes, peer, at, kind=way)
    try:
        document = parse(raw)
        _check_sender(inbound)
        if way in _WAYS:
            found = validated(document)
            return _single(inbound, identified(found, Asked(way, found.id if way == "PUT" else None)))
        whole = opened(document, len(raw))
        if whole.type == "batch":
            raise fault("bad-bundle", "the entries of a batch are judged one by one: it is to be sent again")
        return _transaction(replace(inbound, message_type="Bundle", trigger=TRANSACTION), whole)
    except Exception as error:
        return _refused(inbound, error)


def is_fhir(raw: bytes) -> bool:
    """Whether what was kept came as FHIR: HL7 v2 begins with MSH, or is no message."""
    return raw.lstrip()[:1] == b"{"


def _taken(arrival: Arrival, kind: str, sender: Sender, raw: bytes | None = None) -> FhirInbound:
    body = arrival.body if raw is None else raw
    return take(body, sender, arrival.routes, arrival.peer, arrival.at, kind=kind)


def _check_sender(inbound: FhirInbound) -> Route:
    if inbound.route is not None:
        return inbound.route
    reason, sentence = inbound.refusal
    if reason == "unknown-sender":
        sentence = UNKNOWN.format("that it names" if inbound.key[0] else "(it names none)")
    raise fault(reason, sentence)


def _single(inbound: FhirInbound, one: Named) -> FhirInbound:
    profile = _check_sender(inbound).profile
    found = one.resource
    facts = reading.facts(Told(found, one.key, inbound.received_at, profile, {}))
    inbound = replace(inbound, message_type=found.TYPE, trigger=one.way, said=_said(one))
    sent_at = moment(found.meta.last_updated, profile.zone)
    things = (_thing(one),)
    inbound = replace(inbound, things=things, unversioned=() if _versioned(found.meta) else things)
    return _accepted(inbound, [found.TYPE, one.key], found.meta, facts, sent_at=sent_at)


def _batch(arrival: Arrival, found: Bundle, sender: Sender) -> list[FhirInbound]:
    raws = spans.entry_resources(arrival.body)
    result = []
    for number, (document, raw) in enumerate(zip(found.entry, raws, strict=True)):
        # What is said twice of one thing holds in this order: of what has no time of its own, receipt is the time.
        arrival = replace(arrival, at=arrival.at + timedelta(microseconds=1))
        inbound = _taken(arrival, "batch", sender, raw)
        try:
            entry = entry_of(document, number)
            asked = asked_for(entry.request.method, entry.request.url, str(entry.resource.get("resourceType")))
            own = sender if sender != NOBODY else sender_of({}, entry.resource)
            inbound = _taken(arrival, asked.way if asked is not None else "batch", own, raw)
            _check_sender(inbound)
            one = named(entry, number)
            try:
                result.append(_single(inbound, one))
            except Fault as error:
                raise within(error, f"Bundle.entry[{number}].resource") from None
        except Exception as error:
            result.append(_refused(inbound, error))
    return result


def _transaction(inbound: FhirInbound, found: Bundle) -> FhirInbound:
    route = _check_sender(inbound)
    entries = _entries(found)
    facts, newest = _read(entries, route.profile, inbound.received_at)
    said = tuple(_said(one) for _entry, one in entries)
    identifier = found.identifier.value if found.identifier is not None else None
    own = [found.meta.last_updated, found.timestamp]
    sent_at = next((at for text in own if (at := moment(text, route.zone)) is not None), newest)
    meta = found.meta if identifier else Meta()  # the version of what has no number is none
    loose = (
        () if _versioned(meta) else tuple(_thing(one) for _entry, one in entries if not _versioned(one.resource.meta))
    )
    things = tuple(_thing(one) for _entry, one in entries)
    inbound = replace(inbound, said=Answered(200), entries=said, things=things, unversioned=loose)
    return _accepted(inbound, ["Bundle", identifier or ""], meta, facts, sent_at=sent_at)


def _entries(found: Bundle) -> list[tuple[Entry, Named]]:
    opened_ = [entry_of(document, number) for number, document in enumerate(found.entry)]
    check_served(opened_)
    return [(entry, named(entry, number)) for number, entry in enumerate(opened_)]


def _read(entries: Sequence[tuple[Entry, Named]], profile: Profile, at: datetime) -> tuple[list[Fact], datetime | None]:
    """The facts of a transaction's entries, and the newest of their own times. Raises Fault."""
    index = indexed(entries)
    facts: list[Fact] = []
    newest: datetime | None = None
    for number, (_entry, one) in enumerate(entries):
        try:
            facts += reading.facts(Told(one.resource, one.key, at, profile, index))
        except Fault as error:
            raise within(error, f"Bundle.entry[{number}].resource") from None
        said_at = moment(one.resource.meta.last_updated, profile.zone)
        newest = max(filter(None, (newest, said_at)), default=None)
    return facts, newest


def _accepted(
    inbound: FhirInbound,
    key: list[str],
    meta: Meta,
    facts: list[Fact],
    *,
    sent_at: datetime | None,
) -> FhirInbound:
    version = [meta.version_id or "", meta.last_updated or ""] if _versioned(meta) else [inbound.sha256.hex()]
    moments = [
        fact.source_at if isinstance(fact, OrderEvent) else fact.event_at
        for fact in facts
        if not isinstance(fact, Identified)  # holds at any time
    ]
    accepted = replace(
        inbound,
        verdict="accept",
        number=(*key, *version),
        sent_at=sent_at,
        event_at=max(moments, default=sent_at),
        facts=tuple(facts),
        stored=True,
    )
    return accepted.answered()


def _versioned(meta: Meta) -> bool:
    return bool(meta.version_id or meta.last_updated)


def _thing(one: Named) -> str:
    return f"{one.resource.TYPE}/{one.key}"


def _said(one: Named) -> Answered:
    """What is said of a resource once it is stored: where it is (relative to /fhir, if its key can be an id)."""
    status, version = 201 if one.way == "POST" else 200, one.resource.meta.version_id
    location = f"{one.resource.TYPE}/{one.key}" if is_id(one.key) else ""
    if location and version:
        location += f"/_history/{version}"
    return Answered(status, location, f'W/"{version}"' if version else "")


def _refused(inbound: FhirInbound, error: Exception) -> FhirInbound:
    if isinstance(error, Fault):
        rejected = ANSWERS[error.reason].status in (403, 404)
        return inbound.faulty("reject" if rejected else "error", error.reason, error.issues)
    # A fault of the mapping must cost one message, not the gateway. Where it failed, never what it says: it may quote.
    place = traceback.extract_tb(error.__traceback__)[-1]
    extra = {"sha256": inbound.sha256.hex(), "error": type(error).__name__, "at": f"{place.name}:{place.lineno}"}
    log.error("a resource could not be mapped", extra=extra)
    return inbound.faulty("error", "not-processed", [Issue("exception", f"the mapping failed: {type(error).__name__}")])
