"""Facts into tables, a batch at a time, within the caller's transaction.

Two gateways may write facts of one visit at once: advisory locks, always taken in the same order, make the second one
wait until it can see the movements of the first, so that what it derives holds both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from operator import attrgetter
from typing import Any, NamedTuple

from marsad_center import db
from marsad_center.facts import locks
from marsad_center.facts.code_maps import count_unmapped, used
from marsad_center.facts.columns import Columns
from marsad_center.facts.encounter import derive
from marsad_center.facts.events import Fact, Identified, Merge, Movement, OrderEvent, Statement
from marsad_center.facts.merging import Merged, write_merges
from marsad_center.facts.order_writing import Ordered, write_orders
from marsad_center.facts.person_writing import Link, write_links
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
    "corrects": "text",
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

_MOVEMENT = Columns(_MOVEMENT_COLUMNS)
_ENCOUNTER = Columns(_ENCOUNTER_COLUMNS, nullable=_NULLABLE)
_VISIT = Columns({"facility": "text", "visit_key": "text"})
_MOVEMENT_NAMES = list(_MOVEMENT_COLUMNS)[2:]
_movement_values = attrgetter(*(_PYTHON_NAMES.get(name, name) for name in _MOVEMENT_NAMES))
_encounter_values = attrgetter(*(_PYTHON_NAMES.get(name, name) for name in list(_ENCOUNTER_COLUMNS)[1:]))
_UPSERT_ENCOUNTERS = f"""
    INSERT INTO encounter ({_ENCOUNTER.names}) SELECT {_ENCOUNTER.source}
    ON CONFLICT (facility, visit_key) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in list(_ENCOUNTER_COLUMNS)[2:])}, updated_at = now()
"""
_MOVEMENTS = f"""
    SELECT id, cancelled_by, {_MOVEMENT.names} FROM movement
    WHERE facility = n.facility AND visit_key = n.visit_key AND id + 0 < $3
"""  # noqa: S608 - constants; `+ 0`: not by the index of ids (migration 0020)
_Visit = tuple[str, str]
_NO_ID = 2**63 - 1


class _Logged(NamedTuple):
    """A movement with the number of its row, and which one the row says took it back."""

    id: int
    movement: Movement
    cancelled_by: int | None


async def write_facts(connection: db.Connection, stated: Sequence[Stated]) -> None:
    """Store `stated` and derive every encounter, order and other thing they touch. Raises asyncpg's errors."""
    if not stated:
        return
    await lock(connection, stated)
    movements = [(item, item.fact) for item in stated if isinstance(item.fact, Movement)]
    if movements:
        added = await insert_movements(connection, movements)
        await derive_visits(connection, added.keys(), added)
    if orders := ordered(stated):
        await write_orders(connection, orders)
    said = [Said(item.facility, item.message_id, item.fact) for item in stated if isinstance(item.fact, Statement)]
    await write_statements(connection, said)
    await write_links(connection, links(stated))
    merges = [Merged(item.facility, item.message_id, item.fact) for item in stated if isinstance(item.fact, Merge)]
    await write_merges(connection, merges)
    await count_unmapped(connection, [use for item in stated for use in used(item.facility, item.fact)])


def links(stated: Iterable[Stated]) -> list[Link]:
    """Those of `stated` that tell whose a patient number is."""
    return [Link(item.facility, item.message_id, item.fact) for item in stated if isinstance(item.fact, Identified)]


def ordered(stated: Iterable[Stated]) -> list[Ordered]:
    """Those of `stated` that tell of orders."""
    return [Ordered(item.facility, item.message_id, item.fact) for item in stated if isinstance(item.fact, OrderEvent)]


async def lock(connection: db.Connection, stated: Iterable[Stated]) -> None:
    """Keep all others from what `stated` touches, until the end of the transaction. Merges have a lock of their own,
    which is taken when they are derived: late, for all merges of a facility share it."""
    names: set[str] = set()
    for facility, _message_id, fact in stated:
        match fact:
            case Movement():
                names.add(f"{facility}|visit|{fact.visit_key}")
            case OrderEvent():
                names |= {f"{facility}|order|{number}" for number in (fact.placer, fact.filler) if number}
            case Statement():
                names |= lock_names(facility, fact)
    await locks.take(connection, names)


async def insert_movements(
    connection: db.Connection, movements: Sequence[tuple[Stated, Movement]]
) -> dict[_Visit, list[_Logged]]:
    """Into the log; what they come to is derived after that. By visit, what was added to its log."""
    rows = [(item.message_id, item.facility, *_movement_values(movement)) for item, movement in movements]
    inserted = await connection.fetch(
        f"INSERT INTO movement ({_MOVEMENT.names}) SELECT {_MOVEMENT.source} RETURNING id",
        *_MOVEMENT.arguments(rows),
    )
    added: dict[_Visit, list[_Logged]] = defaultdict(list)
    # Rows get their numbers in the order in which they are given.
    for (item, movement), id_ in zip(movements, sorted(row[0] for row in inserted), strict=True):
        added[item.facility, movement.visit_key].append(_Logged(id_, movement, None))
    return added


async def derive_visits(
    connection: db.Connection, visits: Set[_Visit], added: Mapping[_Visit, Sequence[_Logged]] | None = None
) -> None:
    """The encounters of `visits` from all their movements; a visit without any is none. Those `added` just now are the
    newest of their logs and are not read again; the caller's locks let nothing come in between."""
    logs = await _logs(connection, visits, added or {})
    if gone := sorted(visits - logs.keys()):
        await connection.executemany("DELETE FROM encounter WHERE facility = $1 AND visit_key = $2", gone)
    if not logs:
        return
    encounters: list[Sequence[Any]] = []
    taken: list[tuple[int, int | None]] = []
    for (facility, _key), log in sorted(logs.items(), key=lambda visit: visit[0]):
        # The number tells movements of one visit apart; most have but this one, and it is not copied for it.
        visit = [each.movement if len(log) == 1 else replace(each.movement, id=each.id) for each in log]
        encounters.append((facility, *_encounter_values(derive(visit))))
        by = cancellations(visit)
        taken += [(each.id, by.get(each.id)) for each in log if each.cancelled_by != by.get(each.id)]
    await connection.execute(_UPSERT_ENCOUNTERS, *_ENCOUNTER.arguments(encounters))
    if taken:
        await connection.executemany("UPDATE movement SET cancelled_by = $2 WHERE id = $1", taken)


async def _logs(
    connection: db.Connection, visits: Set[_Visit], added: Mapping[_Visit, Sequence[_Logged]]
) -> dict[_Visit, list[_Logged]]:
    before = min((each.id for log in added.values() for each in log), default=_NO_ID)
    rows = await connection.fetch(
        f"SELECT f.* FROM {_VISIT.each(_MOVEMENTS)}",  # noqa: S608 - constants
        *_VISIT.arguments(sorted(visits)),
        before,
    )
    logs: dict[_Visit, list[_Logged]] = defaultdict(list)
    for row in rows:
        logs[row["facility"], row["visit_key"]].append(_Logged(row["id"], movement_of(row), row["cancelled_by"]))
    for visit, log in added.items():
        logs[visit] += log
    return logs


def movement_of(row: Any) -> Movement:
    """The movement of a row of the log."""
    return Movement(id=row["id"], **{_PYTHON_NAMES.get(name, name): row[name] for name in _MOVEMENT_NAMES})
