"""Statements into the log and the things they are about into the tables of their kinds, a batch at a time, within the
caller's transaction; the caller holds the locks of `lock_names`, so that what is derived holds all that was said."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from marsad_center import db
from marsad_center.facts import referral_sides
from marsad_center.facts.events import STATEMENTS, Referral, Statement
from marsad_center.facts.statements import body, columns, derive, from_body


class Said(NamedTuple):
    """A statement, where it belongs and which message said it."""

    facility: str
    message_id: int
    statement: Statement


Thing = tuple[str, str, str]
"""(facility, kind, key)."""
_LOG: Mapping[str, str] = {
    "message_id": "bigint",
    "facility": "text",
    "kind": "text",
    "key": "text",
    "event_at": "timestamptz",
    "received_at": "timestamptz",
    "status": "text",
    "patient_key": "text",
    "visit_key": "text",
    "body": "jsonb",
}


def lock_names(facility: str, statement: Statement) -> set[str]:
    """What to lock before `write_statements`."""
    return {f"{facility}|{statement.KIND}|{statement.key}"}


async def write_statements(connection: db.Connection, said: Sequence[Said]) -> None:
    """Store `said` and derive every thing it touches. Raises asyncpg's errors."""
    if not said:
        return
    await _insert(connection, said)
    oldest: dict[Thing, datetime | None] = {}
    for facility, _message_id, statement in said:
        thing = (facility, statement.KIND, statement.key)
        oldest[thing] = min(statement.event_at, oldest.get(thing) or statement.event_at)
    await derive_things(connection, oldest)


async def derive_things(connection: db.Connection, oldest: Mapping[Thing, datetime | None]) -> None:
    """Each thing from all that was said of it; what nothing is said of any more goes. `oldest`: when the oldest that is
    new of each was; None: anything may be new, or taken away."""
    if not oldest:
        return
    referred = {thing for thing in oldest if thing[1] == Referral.KIND}
    sides = await referral_sides.all_sides(connection, referred) if referred else set[Thing]()
    logs = await _logs(connection, {**dict.fromkeys(sides), **oldest})
    for facility, kind, key in sorted(oldest.keys() - logs.keys()):
        assert kind in STATEMENTS
        await connection.execute(f"DELETE FROM {kind} WHERE facility = $1 AND key = $2", facility, key)  # noqa: S608
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for thing, log in sorted(logs.items(), key=lambda item: item[0]):
        if thing not in sides:
            rows[thing[1]].append({"facility": thing[0], **columns(derive(log))})
    if sides:
        rows[Referral.KIND] = referral_sides.rows({thing: logs[thing] for thing in sides & logs.keys()})
    for kind in sorted(kind for kind in rows if rows[kind]):
        await _upsert(connection, kind, rows[kind])
    # The caller says whose messages these are; what they change of other facilities is said here.
    if told_of := {facility for facility, _kind, _key in sides} - {facility for facility, _kind, _key in oldest}:
        await db.notify(connection, "facts", told_of)


async def _insert(connection: db.Connection, said: Sequence[Said]) -> None:
    rows = [
        [
            message_id,
            facility,
            each.KIND,
            each.key,
            each.event_at,
            each.received_at,
            each.status,
            each.patient_key,
            each.visit_key,
            json.dumps(body(each), ensure_ascii=False),
        ]
        for facility, message_id, each in said
    ]
    places = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_LOG.values(), start=1))
    await connection.execute(
        f"INSERT INTO statement ({', '.join(_LOG)}) SELECT * FROM unnest({places})",  # noqa: S608 - constants
        *(list(column) for column in zip(*rows, strict=True)),
    )


async def _logs(connection: db.Connection, oldest: Mapping[Thing, datetime | None]) -> dict[Thing, list[Statement]]:
    """What the present state of each thing that was spoken of follows from.

    All its statements; but a bed is spoken of for years: of it only those since its present state began, or since the
    oldest that is new. What lies before could only matter if it belonged to that state, and then it would be in it.
    """
    rows = await connection.fetch(
        """
        SELECT s.* FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS t (facility, kind, key, oldest)
        LEFT JOIN LATERAL (SELECT since FROM bed WHERE t.kind = 'bed' AND facility = t.facility AND key = t.key OFFSET 0
            ) AS b ON true
        CROSS JOIN LATERAL (SELECT * FROM statement WHERE facility = t.facility AND kind = t.kind AND key = t.key
            AND event_at >= CASE WHEN b.since IS NULL OR t.oldest IS NULL THEN '-infinity'
                                 ELSE least(b.since, t.oldest) END OFFSET 0) AS s
        """,
        *(
            list(column)
            for column in zip(
                *((*thing, at) for thing, at in sorted(oldest.items(), key=lambda item: item[0])), strict=True
            )
        ),
    )
    logs: dict[Thing, list[Statement]] = defaultdict(list)
    for row in rows:
        logs[row["facility"], row["kind"], row["key"]].append(statement_of(row))
    return logs


def statement_of(row: Any) -> Statement:
    """The statement of a row of the log."""
    common = ("id", "key", "event_at", "received_at", "status", "patient_key", "visit_key")
    return from_body(row["kind"], json.loads(row["body"]), **{name: row[name] for name in common})


async def _upsert(connection: db.Connection, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of one kind, all with the same columns, into its table. `kind` is one of ours, never a sender's word."""
    assert kind in STATEMENTS
    names = list(rows[0])
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in ("facility", "key"))
    await connection.execute(
        f"INSERT INTO {kind} ({', '.join(names)})"  # noqa: S608 - names are constants
        f" SELECT {', '.join(names)} FROM jsonb_populate_recordset(NULL::{kind}, $1::jsonb)"
        f" ON CONFLICT (facility, key) DO UPDATE SET {changes}, updated_at = now()",
        json.dumps(rows, ensure_ascii=False),
    )
