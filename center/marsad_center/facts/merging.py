"""Which patient numbers are one person: derived from the log of all merges by event time, and from nothing else.

So a merge that arrives late, is said again or is taken out of the log gives what it would have given in order, and who
was merged when stays on record. A visit keeps the number that its own messages give; the view encounter_patient says
whose it is now, so nobody who tells of visits waits for a merge. Sources: HL7 v2.5.1 chapter 3.6.2 (A34, A40), domain
facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from marsad_center import db
from marsad_center.facts import locks
from marsad_center.facts.columns import Columns
from marsad_center.facts.events import Merge


class Merged(NamedTuple):
    """A merge, where it belongs and which message said it."""

    facility: str
    message_id: int
    merge: Merge


class Logged(NamedTuple):
    """A row of the log."""

    merged: str
    survivor: str
    event_at: datetime
    message_id: int


_PATIENT = Columns({"facility": "text", "key": "text"})
_MERGES = _PATIENT.each("SELECT * FROM patient_merge_log WHERE merged = n.key AND facility = n.facility")


async def write_merges(connection: db.Connection, said: Sequence[Merged]) -> None:
    """Store `said` and derive who survives."""
    if not said:
        return
    rows = [
        [message_id, facility, merge.merged, merge.survivor, merge.event_at] for facility, message_id, merge in said
    ]
    await connection.execute(
        "INSERT INTO patient_merge_log (message_id, facility, merged, survivor, event_at)"
        " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])",
        *(list(column) for column in zip(*rows, strict=True)),
    )
    await derive_merges(
        connection, {(each.facility, key) for each in said for key in (each.merge.merged, each.merge.survivor)}
    )


async def derive_merges(connection: db.Connection, patients: Iterable[tuple[str, str]]) -> None:
    """Bring patient_merge to what the log says of `patients` (facility, key) and of all that they are merged with."""
    by_facility: dict[str, set[str]] = defaultdict(set)
    for facility, key in patients:
        by_facility[facility].add(key)
    for facility, keys in sorted(by_facility.items()):
        await locks.take(connection, [f"{facility}|merges"])
        await _rewrite(connection, facility, await _component(connection, facility, keys))


def survivors(log: Iterable[Logged]) -> dict[str, tuple[str, Logged]]:
    """Who each merged number is in the end, with the merge that took it away. A number that survives a later merge is
    one of its own again, whatever it had been merged into before."""
    into: dict[str, Logged] = {}
    for row in log:
        key = row.survivor
        while key in into and key != row.merged:
            key = into[key].survivor
        if key == row.merged:  # the survivor was merged into this one before: they change places
            into.pop(row.survivor, None)
        into[row.merged] = row
    return {key: (_end(key, into), row) for key, row in into.items()}


def _end(key: str, into: dict[str, Logged]) -> str:
    while key in into:  # which never leads in a circle: see above
        key = into[key].survivor
    return key


async def _component(connection: db.Connection, facility: str, keys: Iterable[str]) -> list[str]:
    """`keys` and every number that the log ties to them, however far."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE tied (key) AS (
            SELECT unnest($2::text[])
            UNION SELECT unnest(ARRAY[l.merged, l.survivor]) FROM tied t
            CROSS JOIN LATERAL (
                SELECT merged, survivor FROM patient_merge_log WHERE merged = t.key AND facility = $1
                UNION ALL SELECT merged, survivor FROM patient_merge_log WHERE survivor = t.key AND facility = $1) l
        ) SELECT key FROM tied ORDER BY key
        """,
        facility,
        sorted(keys),
    )
    return [row["key"] for row in rows]


async def _rewrite(connection: db.Connection, facility: str, together: list[str]) -> None:
    log = await connection.fetch(
        "SELECT f.merged, f.survivor, f.event_at, f.message_id"  # noqa: S608 - constants
        f" FROM {_MERGES} ORDER BY f.event_at, f.id",
        *_PATIENT.arguments([(facility, key) for key in together]),
    )
    found = survivors(Logged(*row) for row in log)
    rows: list[list[Any]] = [
        [key, row.survivor, end, row.event_at, row.message_id] for key, (end, row) in sorted(found.items())
    ]
    gone = [(facility, key) for key in together if key not in found]
    await connection.executemany("DELETE FROM patient_merge WHERE facility = $1 AND merged = $2", gone)
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], [], [], []]
    await connection.execute(
        "INSERT INTO patient_merge (facility, merged, survivor, stays, event_at, message_id) SELECT $1, * FROM"
        " unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[])"
        " ON CONFLICT (facility, merged) DO UPDATE SET survivor = excluded.survivor, stays = excluded.stays,"
        " event_at = excluded.event_at, message_id = excluded.message_id",
        facility,
        *columns,
    )
