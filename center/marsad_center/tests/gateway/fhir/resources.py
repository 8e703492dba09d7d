"""Resources as a facility's FHIR server sends them, and a client to send them with."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from marsad_center.gateway.service import Ports
from marsad_center.tests.conftest import Database

FEED = "EMR|KAMC"
NOON = "2026-11-23T12:00:00+03:00"
Document = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Document:
        """As JSON."""
        found: Document = json.loads(self.raw)
        return found

    @property
    def issues(self) -> list[tuple[str, str | None, str]]:
        """Code, expression and diagnostics of each issue."""
        return [
            (each["code"], (each.get("expression") or [None])[0], each["diagnostics"]) for each in self.body["issue"]
        ]


def with_fhir(database: Database, transport: str = "FHIR", **certificates: Document) -> Database:
    """The same; each facility declares a second feed, of EMR, over FHIR (or FHIRS, with certificates by facility)."""
    path = database.folder / "center.json"
    told = json.loads(path.read_text())
    for facility in told["facilities"]:
        feed = {"name": "emr", "sendingApplication": "EMR", "sendingFacility": facility["code"], "transport": transport}
        own = {"certificate": certificates[facility["code"]]} if facility["code"] in certificates else {}
        facility["feeds"] = [*facility["feeds"][:1], feed | own]
    path.write_text(json.dumps(told))
    return database


async def send(
    ports: Ports,
    method: str,
    path: str,
    content: Document | bytes | None = None,
    *,
    feed: str | None = FEED,
    kind: str = "application/fhir+json",
    **headers: str,
) -> Answer:
    """One request over a real socket."""
    body = json.dumps(content).encode() if isinstance(content, dict) else content
    own = {"Content-Type": kind} | ({"X-Marsad-Feed": feed} if feed is not None else {}) | headers

    def ask() -> Answer:
        url = f"http://127.0.0.1:{ports.http}{path}"
        request = urllib.request.Request(url, data=body, method=method, headers=own)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return Answer(response.status, {n.lower(): v for n, v in response.headers.items()}, response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, {n.lower(): v for n, v in error.headers.items()}, error.read())

    return await asyncio.to_thread(ask)


async def put(ports: Ports, resource: Document, **more: Any) -> Answer:
    """Put it under its id."""
    return await send(ports, "PUT", f"/fhir/{resource['resourceType']}/{resource['id']}", resource, **more)


async def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    """As the superuser sees them."""
    async with database.connect("postgres") as connection:
        return [tuple(row) for row in await connection.fetch(sql)]


def concept(code: str, system: str = "http://snomed.info/sct", display: str = "") -> Document:
    """A CodeableConcept of one coding."""
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def act(code: str) -> Document:
    """A class of an encounter."""
    return {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code}


def resource(type_: str, id_: str, version: str | None = None, updated: str | None = NOON, **elements: Any) -> Document:
    """A resource with its meta; a name that ends in _ loses it (class_)."""
    meta = {name: value for name, value in (("versionId", version), ("lastUpdated", updated)) if value is not None}
    said = {name.rstrip("_"): value for name, value in elements.items()}
    return {"resourceType": type_, "id": id_} | ({"meta": meta} if meta else {}) | said


def encounter(id_: str = "V1", version: str | None = None, updated: str | None = NOON, **elements: Any) -> Document:
    """A visit to the emergency department, in progress since 10:00."""
    usual: Document = {
        "status": "in-progress",
        "class": act("EMER"),
        "subject": {"reference": "Patient/P1"},
        "period": {"start": "2026-11-23T10:00:00+03:00"},
        "location": [{"location": {"reference": "Location/ED"}}],
    }
    return resource("Encounter", id_, version, updated, **usual | {n.rstrip("_"): v for n, v in elements.items()})


def bundle(kind: str, *entries: tuple[str, Document] | tuple[str, Document, str], **elements: Any) -> Document:
    """A Bundle of (request, resource) or (request, resource, fullUrl); a request is "PUT Encounter/V1"."""
    said = []
    for request, content, *url in entries:
        method, _space, address = request.partition(" ")
        entry = {"resource": content, "request": {"method": method, "url": address}}
        said.append(({"fullUrl": url[0]} if url else {}) | entry)
    return {"resourceType": "Bundle", "type": kind, "entry": said} | elements
