"""Facts into tables, a batch at a time, within the caller's transaction.

Two gateways may write facts of one visit at once: advisory locks, always taken in the same order, make the second one
wait until it can see the movements of the first, so that what it derives holds both.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from marsad_center import db
from marsad_center.facts.code_maps import count_unmapped, used
from marsad_center.facts.encounter import Encounter, derive
from marsad_center.facts.events import Fact, Merge, Movement, OrderEvent, Statement
from marsad_center.facts.order_writing import write_orders
from marsad_center.facts.reversals import cancellations
from marsad_center.facts.statement_writing import Said, lock_names, write_statements


class Stated(NamedTuple):
    """A fact, where it belongs and which message said it."""

    facility: str
    message_id: int
    fact: Fact


_MOVEMENT_COLUMNS: Mapping[str, str] = {
    "message_id": "bigint",
    "facility": "text",
    "visit_key": "text",
    "patient_key": "text",
    "event": "text",
    "event_at": "timestamptz",
    "received_at": "timestamptz",
    "movement_key": "text",
    "action": "text",
    "class": "text",
    "point_of_care": "text",
    "room": "text",
    "bed": "text",
    "arrived_at": "timestamptz",
    "discharged_at": "timestamptz",
    "disposition": "text",
    "triage_level": "smallint",
    "triaged_at": "timestamptz",
    "seen_at": "timestamptz",
    "specialty": "text",
    "decided_at": "timestamptz",
    "offloaded_at": "timestamptz",
    "arrival_mode": "text",
    "ventilated": "boolean",
}
_ENCOUNTER_COLUMNS: Mapping[str, str] = {
    "facility": "text",
    "visit_key": "text",
    "patient_key": "text",
    "class": "text",
    "state": "text",
    "in_ed": "boolean",
    "triage_level": "smallint",
    "point_of_care": "text",
    "room": "text",
    "bed": "text",
    "arrived_at": "timestamptz",
    "ed_arrived_at": "timestamptz",
    "triaged_at": "timestamptz",
    "seen_at": "timestamptz",
    "admitted_at": "timestamptz",
    "ed_departed_at": "timestamptz",
    "discharged_at": "timestamptz",
    "disposition": "text",
    "source_at": "timestamptz",
    "specialty": "text",
    "decided_at": "timestamptz",
    "bedded_at": "timestamptz",
    "offloaded_at": "timestamptz",
    "arrival_mode": "text",
    "ventilated": "boolean",
}
# Texts that an encounter does not have are null: whoever has no bed must not be counted in one.
_NULLABLE = {"point_of_care", "room", "bed", "disposition", "specialty", "arrival_mode"}
_PYTHON_NAMES = {"class": "patient_class"}


async def write_facts(connection: db.Connection, stated: Sequence[Stated]) -> None:
    """Store `stated` and derive every encounter, order and other thing they touch. Raises asyncpg's errors."""
    if not stated:
        return
    await _lock(connection, stated)
    merges = [(item, item.fact) for item in stated if isinstance(item.fact, Merge)]
    for item, merge in merges:
        await _merge(connection, item, merge)
    movements = [(item, item.fact) for item in stated if isinstance(item.fact, Movement)]
    if movements:
        await _insert_movements(connection, movements)
        await _derive_encounters(connection, {(item.facility, movement.visit_key) for item, movement in movements})
    orders = [(item.facility, item.fact) for item in stated if isinstance(item.fact, OrderEvent)]
    if orders:
        await write_orders(connection, orders)
    said = [Said(item.facility, item.message_id, item.fact) for item in stated if isinstance(item.fact, Statement)]
    await write_statements(connection, said)
    await count_unmapped(connection, [use for item in stated for use in used(item.facility, item.fact)])


async def _lock(connection: db.Connection, stated: Iterable[Stated]) -> None:
    names: set[str] = set()
    for facility, _message_id, fact in stated:
        match fact:
            case Movement():
                names |= {f"{facility}|visit|{fact.visit_key}", f"{facility}|patient|{fact.patient_key}"}
            case Merge():
                names |= {f"{facility}|patient|{fact.merged}", f"{facility}|patient|{fact.survivor}"}
            case OrderEvent():
                names |= {f"{facility}|order|{number}" for number in (fact.placer, fact.filler) if number}
            case Statement():
                names |= lock_names(facility, fact)
    numbers = {int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True) for name in names}
    # One number after the other in ascending order: two batches can wait for each other, but never in a circle.
    await connection.fetch("SELECT pg_advisory_xact_lock(number) FROM unnest($1::bigint[]) AS number", sorted(numbers))


def _unnest(columns: Mapping[str, str]) -> str:
    return ", ".join(f"${position}::{kind}[]" for position, kind in enumerate(columns.values(), start=1))


async def _insert_movements(connection: db.Connection, movements: Sequence[tuple[Stated, Movement]]) -> None:
    rows = [
        [item.message_id, item.facility, *(_value(movement, name) for name in list(_MOVEMENT_COLUMNS)[2:])]
        for item, movement in movements
    ]
    names = ", ".join(_MOVEMENT_COLUMNS)
    await connection.execute(
        f"INSERT INTO movement ({names}) SELECT * FROM unnest({_unnest(_MOVEMENT_COLUMNS)})",  # noqa: S608 - constants
        *(list(column) for column in zip(*rows, strict=True)),
    )


def _value(source: Movement | Encounter, column: str) -> Any:
    return getattr(source, _PYTHON_NAMES.get(column, column))


def _column(encounter: Encounter, name: str) -> Any:
    value = _value(encounter, name)
    return None if value == "" and name in _NULLABLE else value


async def _derive_encounters(connection: db.Connection, visits: set[tuple[str, str]]) -> None:
    facilities, keys = zip(*sorted(visits), strict=True)
    rows = await connection.fetch(
        "SELECT m.* FROM movement m JOIN unnest($1::text[], $2::text[]) AS v (facility, visit_key)"
        " USING (facility, visit_key)",
        list(facilities),
        list(keys),
    )
    survivors = await _survivors(connection, {(row["facility"], row["patient_key"]) for row in rows})
    logs: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        logs[row["facility"], row["visit_key"]].append(row)
    encounters: list[list[Any]] = []
    taken: list[tuple[int, int | None]] = []
    for (facility, _key), log in sorted(logs.items()):
        movements = [_movement(row) for row in log]
        encounter = derive(movements)
        encounter.patient_key = survivors.get((facility, encounter.patient_key), encounter.patient_key)
        encounters.append([facility, *(_column(encounter, name) for name in list(_ENCOUNTER_COLUMNS)[1:])])
        by = cancellations(movements)
        taken += [(row["id"], by.get(row["id"])) for row in log if row["cancelled_by"] != by.get(row["id"])]
    await _upsert_encounters(connection, encounters)
    if taken:
        await connection.execute(
            "UPDATE movement m SET cancelled_by = t.by FROM unnest($1::bigint[], $2::bigint[]) AS t (id, by)"
            " WHERE m.id = t.id",
            *(list(column) for column in zip(*taken, strict=True)),
        )


def _movement(row: Any) -> Movement:
    values = {_PYTHON_NAMES.get(name, name): row[name] for name in list(_MOVEMENT_COLUMNS)[2:]}
    return Movement(id=row["id"], **values)


async def _upsert_encounters(connection: db.Connection, rows: list[list[Any]]) -> None:
    names = list(_ENCOUNTER_COLUMNS)
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[2:])
    await connection.execute(
        f"INSERT INTO encounter ({', '.join(names)}) SELECT * FROM unnest({_unnest(_ENCOUNTER_COLUMNS)})"  # noqa: S608
        f" ON CONFLICT (facility, visit_key) DO UPDATE SET {changes}, updated_at = now()",
        *(list(column) for column in zip(*rows, strict=True)),
    )


async def _merge(connection: db.Connection, item: Stated, merge: Merge) -> None:
    """`merged` is `survivor` from now on, in earlier merges and in encounters too."""
    await connection.execute(
        "INSERT INTO patient_merge AS p (facility, merged, survivor, event_at, message_id) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (facility, merged) DO UPDATE SET survivor = excluded.survivor, event_at = excluded.event_at,"
        " message_id = excluded.message_id WHERE p.event_at <= excluded.event_at",
        item.facility,
        merge.merged,
        merge.survivor,
        merge.event_at,
        item.message_id,
    )
    await connection.execute(
        "UPDATE patient_merge SET survivor = $3 WHERE facility = $1 AND survivor = $2 AND merged <> $3",
        item.facility,
        merge.merged,
        merge.survivor,
    )
    await connection.execute(
        "UPDATE encounter SET patient_key = $3, updated_at = now() WHERE facility = $1 AND patient_key = $2",
        item.facility,
        merge.merged,
        merge.survivor,
    )


async def _survivors(connection: db.Connection, patients: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    facilities, keys = zip(*patients, strict=True)
    rows = await connection.fetch(
        "SELECT p.* FROM patient_merge p JOIN unnest($1::text[], $2::text[]) AS k (facility, merged)"
        " USING (facility, merged)",
        list(facilities),
        list(keys),
    )
    return {(row["facility"], row["merged"]): row["survivor"] for row in rows}
