"""A batch of judged messages into the database, within the caller's transaction: raw, facts, and what is counted.

Statements touch their rows in sorted order and in the same sequence of tables, so that gateways side by side wait for
each other and never deadlock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from marsad_center import db
from marsad_center.facts.columns import Columns
from marsad_center.facts.hiding import hidden
from marsad_center.facts.writing import Stated, write_facts
from marsad_center.gateway.bookkeeping import Mark, Result, count, quarantine
from marsad_center.gateway.fhir.versions import versions
from marsad_center.gateway.inbound import Inbound
from marsad_center.gateway.sealed import seal_message
from marsad_center.keys import Keys

_Key = tuple[str, str, str]

_KEY = Columns({"sending_application": "text", "sending_facility": "text", "control_id": "text"})
_MESSAGE = Columns(
    {
        "feed_id": "integer",
        "facility": "text",
        "sending_application": "text",
        "sending_facility": "text",
        "control_id": "text",
        "sha256": "bytea",
        "raw": "bytea",
        "charset": "text",
        "message_type": "text",
        "trigger": "text",
        "event_at": "timestamptz",
        "received_at": "timestamptz",
        "ack_code": "text",
        "ack": "bytea",
        "sent_at": "timestamptz",
        "sealed_with": "smallint",
    }
)
# What is accepted waits to be measured, too: analytics takes it when a figure includes it. sent_at there is what
# freshness runs from: the message's own time (MSH-7), else the event's, else receipt (Inbound.own_time).
_INSERT_ONLY = f"""
    INSERT INTO message ({_MESSAGE.names}) SELECT {_MESSAGE.source}
    ON CONFLICT ({_KEY.names}) DO NOTHING RETURNING id, {_KEY.names}
"""
_INSERT = f"""
    WITH new AS (
        INSERT INTO message ({_MESSAGE.names}) SELECT {_MESSAGE.source}
        ON CONFLICT ({_KEY.names}) DO NOTHING
        RETURNING id, {_KEY.names}, feed_id, facility, event_at, received_at, sent_at, ack_code
    ), waiting AS (
        INSERT INTO unmeasured (feed_id, facility, event_at, received_at, sent_at)
        SELECT feed_id, facility, coalesce(event_at, received_at), received_at, coalesce(sent_at, event_at, received_at)
        FROM new WHERE ack_code IN ('AA', 'CA', '200', '201')
    )
    SELECT id, {_KEY.names} FROM new
"""  # noqa: S608 - constants
_FIRST = f"""
    SELECT {_KEY.names}, sha256, ack_code, ack FROM message
    WHERE sending_application = n.sending_application AND sending_facility = n.sending_facility
        AND control_id = n.control_id
"""  # noqa: S608 - constants


class Outcome(NamedTuple):
    """What became of one message: what to send, whether to close, and what to count."""

    result: Result
    code: str | None
    reason: str
    ack: bytes
    close: bool


@dataclass(frozen=True, slots=True)
class _Known:
    sha256: bytes
    ack_code: str
    ack: bytes


async def store(connection: db.Connection, batch: Sequence[Inbound], mark: Mark, keys: Keys) -> list[Outcome]:
    """Store `batch` and leave `mark`; the outcomes in its order, true once the caller has committed. Raises asyncpg's
    errors."""
    told = await versions(connection, batch, keys)
    ids, known = await insert_messages(connection, told.batch, keys)
    await told.move(connection, ids)
    final: list[tuple[Inbound, Result]] = []
    facts: list[Stated] = []
    claimed: dict[_Key, Inbound] = {}
    for inbound in told.batch:
        judged, result = _settle(inbound, claimed, known)
        final.append((judged, result))
        if result == "accepted" and inbound.route is not None:
            id_, facility = ids[inbound.key], inbound.route.facility
            facts += [Stated(facility, id_, hidden(fact, facility, keys)) for fact in inbound.facts]
    await write_facts(connection, facts)
    refused = [inbound for inbound, result in final if inbound.reason and result == "rejected"]
    await quarantine(connection, refused, keys)
    await count(connection, final, mark)
    return [_outcome(inbound, result, claimed, known) for inbound, result in final]


def _outcome(inbound: Inbound, result: Result, claimed: dict[_Key, Inbound], known: dict[_Key, _Known]) -> Outcome:
    code, ack = inbound.code, inbound.ack
    if result == "duplicate":
        first = known.get(inbound.key)
        code, ack = (first.ack_code, first.ack) if first else (claimed[inbound.key].code, claimed[inbound.key].ack)
        ack = ack if inbound.ACK_KEPT else inbound.ack
    return Outcome(result, code, inbound.reason if result == "rejected" else "", ack, inbound.close)


def _settle(inbound: Inbound, claimed: dict[_Key, Inbound], known: dict[_Key, _Known]) -> tuple[Inbound, Result]:
    """What the key says: the first of its bytes, the same again, or others under a taken key."""
    if not inbound.stored:
        return inbound, "rejected"
    before = known.get(inbound.key) or claimed.get(inbound.key)
    if before is None:
        claimed[inbound.key] = inbound
        return inbound, "accepted" if inbound.verdict == "accept" else "rejected"
    if before.sha256 == inbound.sha256:
        return inbound, "duplicate"
    return inbound.refused("error", "conflict", "MSH-10 was used before by this sender for other content"), "rejected"


async def insert_messages(
    connection: db.Connection, batch: Sequence[Inbound], keys: Keys, *, measured: bool = True
) -> tuple[dict[_Key, int], dict[_Key, _Known]]:
    """Ids of the rows that are new, and what is known of the keys that are not. `measured`: they came just now."""
    firsts: dict[_Key, Inbound] = {}
    for inbound in batch:
        if inbound.stored:
            firsts.setdefault(inbound.key, inbound)
    if not firsts:
        return {}, {}
    rows = [_message_row(inbound, keys) for _key, inbound in sorted(firsts.items())]
    inserted = await connection.fetch(_INSERT if measured else _INSERT_ONLY, *_MESSAGE.arguments(rows))
    ids: dict[_Key, int] = {(row[1], row[2], row[3]): row[0] for row in inserted}
    rest = [key for key in firsts if key not in ids]
    if not rest:
        return ids, {}
    # Another transaction has these keys; ON CONFLICT waited for it, so this statement's snapshot sees its rows.
    found = await connection.fetch(
        f"SELECT f.* FROM {_KEY.each(_FIRST)}",  # noqa: S608 - constants
        *_KEY.arguments(rest),
    )
    return ids, {(row[0], row[1], row[2]): _Known(row[3], row[4], row[5] or b"") for row in found}


def _message_row(inbound: Inbound, keys: Keys) -> tuple[Any, ...]:
    assert inbound.route is not None  # stored means that a feed was found
    return (
        inbound.route.feed_id,
        inbound.route.facility,
        *inbound.key,
        inbound.sha256,
        seal_message(inbound, keys),  # the one place where what a sender wrote goes into a row of its feed
        inbound.codec,
        inbound.message_type,
        inbound.trigger,
        inbound.event_at,
        inbound.received_at,
        inbound.code,
        inbound.ack or None if inbound.ACK_KEPT else None,
        inbound.sent_at,
        keys.newest,
    )
