"""A batch of judged messages into the database, within the caller's transaction: raw, facts, and what is counted.

Statements touch their rows in sorted order and in the same sequence of tables, so that gateways side by side wait for
each other and never deadlock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marsad_center import db
from marsad_center.facts.writing import Stated, write_facts
from marsad_center.gateway.bookkeeping import Result, count, insert_unmeasured, quarantine
from marsad_center.gateway.inbound import Inbound

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
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


async def store(connection: db.Connection, batch: Sequence[Inbound]) -> list[Outcome]:
    """Store `batch`; the outcomes in its order, true once the caller has committed. Raises asyncpg's errors."""
    ids, known = await _insert_messages(connection, batch)
    final: list[tuple[Inbound, Result]] = []
    facts: list[Stated] = []
    claimed: dict[_Key, Inbound] = {}
    for inbound in batch:
        judged, result = _settle(inbound, claimed, known)
        final.append((judged, result))
        if result == "accepted" and inbound.route is not None:
            facts += [Stated(inbound.route.facility, ids[inbound.key], fact) for fact in inbound.facts]
    await write_facts(connection, facts)
    await insert_unmeasured(connection, [inbound for inbound, result in final if result == "accepted"])
    await count(connection, final)
    await quarantine(connection, [inbound for inbound, result in final if inbound.reason and result == "rejected"])
    if facilities := {inbound.route.facility for inbound, _result in final if inbound.route is not None}:
        await db.notify(connection, "facts", facilities)
    outcomes = []
    for inbound, result in final:
        code, ack = inbound.code, inbound.ack
        if result == "duplicate":
            first = known.get(inbound.key)
            code, ack = (first.ack_code, first.ack) if first else (claimed[inbound.key].code, claimed[inbound.key].ack)
        outcomes.append(Outcome(result, code, inbound.reason if result == "rejected" else "", ack, inbound.close))
    return outcomes


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


async def _insert_messages(
    connection: db.Connection, batch: Sequence[Inbound]
) -> tuple[dict[_Key, int], dict[_Key, _Known]]:
    """Ids of the rows that are new, and what is known of the keys that are not."""
    firsts: dict[_Key, Inbound] = {}
    for inbound in batch:
        if inbound.stored:
            firsts.setdefault(inbound.key, inbound)
    if not firsts:
        return {}, {}
    rows = [_message_row(inbound) for _key, inbound in sorted(firsts.items())]
    inserted = await connection.fetch(
        """
        INSERT INTO message (feed_id, facility, sending_application, sending_facility, control_id, sha256, raw, charset,
            message_type, trigger, event_at, received_at, ack_code, ack, sent_at)
        SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[],
            $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::bytea[],
            $15::timestamptz[])
        ON CONFLICT (sending_application, sending_facility, control_id) DO NOTHING
        RETURNING id, sending_application, sending_facility, control_id
        """,
        *(list(column) for column in zip(*rows, strict=True)),
    )
    ids: dict[_Key, int] = {(row[1], row[2], row[3]): row[0] for row in inserted}
    rest = [key for key in firsts if key not in ids]
    if not rest:
        return ids, {}
    # Another transaction has these keys; ON CONFLICT waited for it, so this statement's snapshot sees its rows.
    found = await connection.fetch(
        "SELECT sending_application, sending_facility, control_id, sha256, ack_code, ack FROM message"
        " JOIN unnest($1::text[], $2::text[], $3::text[]) AS k (sending_application, sending_facility, control_id)"
        " USING (sending_application, sending_facility, control_id)",
        *(list(column) for column in zip(*rest, strict=True)),
    )
    return ids, {(row[0], row[1], row[2]): _Known(row[3], row[4], row[5] or b"") for row in found}


def _message_row(inbound: Inbound) -> list[Any]:
    assert inbound.route is not None  # stored means that a feed was found
    return [
        inbound.route.feed_id,
        inbound.route.facility,
        *inbound.key,
        inbound.sha256,
        inbound.raw,
        inbound.codec,
        inbound.message_type,
        inbound.trigger,
        inbound.event_at,
        inbound.received_at,
        inbound.code,
        inbound.ack or None,
        inbound.sent_at,
    ]
