"""Under which number a FHIR message is stored, and whether it is a repetition (ADR 0038).

Who says a version (meta.versionId, meta.lastUpdated) is known by it for ever. Who says none sends a repetition only as
long as the same bytes are the newest that this sender said of every thing in them: a bed that is occupied, free and
occupied again is told of three times. `newest_version` holds the newest of each such thing; its rows are locked until
the commit, so that two gateways decide one after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from marsad_center import db
from marsad_center.facts.columns import Columns
from marsad_center.gateway.fhir.receiving import FhirInbound
from marsad_center.gateway.inbound import Inbound
from marsad_center.keys import Keys

_Thing = tuple[str, str, str]
_Key = tuple[str, str, str]

_THING = Columns({"sending_application": "text", "sending_facility": "text", "thing": "text"})
_ROW = Columns(
    {
        "sending_application": "text",
        "sending_facility": "text",
        "thing": "text",
        "control_id": "text",
        "sha256": "bytea",
        "received_at": "timestamptz",
    }
)
_BEGIN = f"""
    INSERT INTO newest_version ({_THING.names}) SELECT {_THING.source} ON CONFLICT ({_THING.names}) DO NOTHING
"""
# A statement of its own: its snapshot sees what the one before waited for.
_LOCK = f"""
    SELECT {_ROW.names} FROM newest_version WHERE sending_application = n.sending_application
        AND sending_facility = n.sending_facility AND thing = n.thing FOR UPDATE
"""  # noqa: S608 - constants
_MOVE = f"""
    INSERT INTO newest_version ({_ROW.names}) SELECT {_ROW.source} ON CONFLICT ({_THING.names}) DO UPDATE SET
        control_id = excluded.control_id, sha256 = excluded.sha256, received_at = excluded.received_at
"""


class _Newest(NamedTuple):
    control_id: str
    sha256: bytes
    received_at: datetime


class _Said(NamedTuple):
    """A message with the things that it says something of, and those of them that it says without any version."""

    place: int
    inbound: FhirInbound
    things: frozenset[_Thing]
    unversioned: frozenset[_Thing]


class Versions:
    """Of one batch. `batch`: the same with the numbers under which they are stored, HL7 v2 as it was."""

    def __init__(
        self,
        batch: Sequence[Inbound],
        said: Sequence[_Said] = (),
        newest: Mapping[_Thing, _Newest | None] | None = None,
    ) -> None:
        self.batch, self._said, self._newest = batch, said, newest or {}

    async def move(self, connection: db.Connection, new: Container[_Key]) -> None:
        """Once it is clear which keys are `new`: what these say is the newest now, where nothing was received later."""
        newest, moved = dict(self._newest), set[_Thing]()
        for each in self._said:
            if each.inbound.key in new:
                moved |= _hear(newest, each)
        rows = [(*thing, *found) for thing in sorted(moved) if (found := newest[thing]) is not None]
        if rows:
            await connection.execute(_MOVE, *_ROW.arguments(rows))


async def versions(connection: db.Connection, batch: Sequence[Inbound], keys: Keys) -> Versions:
    """Number `batch`, within the caller's transaction: nobody else decides on the same things until it ends."""
    said = [
        _said(place, each, keys) for place, each in enumerate(batch) if isinstance(each, FhirInbound) and each.stored
    ]
    if not said:
        return Versions(batch)
    newest = await _locked(connection, said)
    told, numbered, heard = list(batch), list[_Said](), dict(newest)
    for each in said:
        inbound = replace(each.inbound, key=(*each.inbound.key[:2], _control_id(each, heard, keys)))
        told[each.place] = inbound
        numbered.append(each._replace(inbound=inbound))
        _hear(heard, numbered[-1])  # one that turns out to be none leaves a version too many, never one too few
    return Versions(told, numbered, newest)


def _said(place: int, inbound: FhirInbound, keys: Keys) -> _Said:
    domain = ("thing", _facility(inbound))

    def hidden(things: Sequence[str]) -> frozenset[_Thing]:
        return frozenset((*inbound.key[:2], keys.token(domain, thing)) for thing in things)

    return _Said(place, inbound, hidden(inbound.things), hidden(inbound.unversioned))


async def _locked(connection: db.Connection, said: Sequence[_Said]) -> dict[_Thing, _Newest | None]:
    """The newest of each thing that was ever said without a version; None: nothing was yet. In sorted order, so that
    two batches never wait for each other in a circle."""
    things = sorted({thing for each in said for thing in each.things})
    if not things:
        return {}
    if unversioned := sorted({thing for each in said for thing in each.unversioned}):
        await connection.execute(_BEGIN, *_THING.arguments(unversioned))
    rows: Sequence[Any] = await connection.fetch(f"SELECT f.* FROM {_THING.each(_LOCK)}", *_THING.arguments(things))  # noqa: S608
    return {(row[0], row[1], row[2]): None if row[3] is None else _Newest(row[3], row[4], row[5]) for row in rows}


def _control_id(said: _Said, newest: Mapping[_Thing, _Newest | None], keys: Keys) -> str:
    """In place of MSH-10: nobody can try numbers of patients or visits on it, for it is made with a key."""
    inbound, number = said.inbound, said.inbound.number
    if said.unversioned:
        known = {newest[thing] for thing in said.unversioned}
        if len(known) == 1 and (only := known.pop()) is not None and only.sha256 == inbound.sha256:
            return only.control_id
        number = (*number, inbound.received_at.isoformat())
    told = hashlib.sha256("\n".join(number).encode()).hexdigest()
    return f"{number[0]}/{keys.token(('message', _facility(inbound)), told)}"


def _hear(newest: dict[_Thing, _Newest | None], said: _Said) -> set[_Thing]:
    """Make it the newest of its things, where nothing was received later; of which it is."""
    inbound = said.inbound
    it = _Newest(inbound.key[2], inbound.sha256, inbound.received_at)
    moved = {
        thing
        for thing in said.things & newest.keys()
        if (known := newest[thing]) is None
        or (known.control_id != it.control_id and known.received_at <= it.received_at)
    }
    newest.update(dict.fromkeys(moved, it))
    return moved


def _facility(inbound: FhirInbound) -> str:
    assert inbound.route is not None  # stored means that a feed was found
    return inbound.route.facility
