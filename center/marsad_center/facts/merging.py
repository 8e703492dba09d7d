"""Patient numbers that are one person: what was said of each, and who of them stays. Encounters keep their history and
carry the number that stays; a merge may come before or after the messages of whom it merges, and merges in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from marsad_center import db
from marsad_center.facts.events import Merge

Patient = tuple[str, str]
"""(facility, number)."""


class Into(NamedTuple):
    """Whom a number was merged into, as it was last said."""

    survivor: str
    event_at: datetime


def resolve(patient: Patient, merges: Mapping[Patient, Into]) -> str:
    """The number that stays. Of numbers merged in a circle it is the one that the newest merge says."""
    facility, number = patient
    way: list[str] = []
    while (facility, number) in merges and number not in way:
        way.append(number)
        number = merges[facility, number].survivor
    if number not in way:
        return number
    circle = way[way.index(number) :]
    return max((merges[facility, each] for each in circle), key=lambda into: (into.event_at, into.survivor)).survivor


async def write_merges(connection: db.Connection, said: Iterable[tuple[str, int, Merge]]) -> None:
    """Store merges, given as (facility, message, merge), and bring what they touch up to date: `stays` of every number
    that they lead from, and the encounters of those."""
    for facility, message_id, merge in said:
        await connection.execute(
            "INSERT INTO patient_merge AS p (facility, merged, survivor, event_at, message_id)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (facility, merged) DO UPDATE SET survivor = excluded.survivor,"
            " event_at = excluded.event_at, message_id = excluded.message_id WHERE p.event_at <= excluded.event_at",
            facility,
            merge.merged,
            merge.survivor,
            merge.event_at,
            message_id,
        )
        merges = await _related(connection, facility, {merge.merged, merge.survivor})
        for patient in sorted(merges):
            stays = resolve(patient, merges)
            await connection.execute(
                "UPDATE patient_merge SET stays = $3 WHERE facility = $1 AND merged = $2 AND stays IS DISTINCT FROM $3",
                *patient,
                stays,
            )
            if stays != patient[1]:
                await connection.execute(
                    "UPDATE encounter SET patient_key = $3, updated_at = now()"
                    " WHERE facility = $1 AND patient_key = $2",
                    *patient,
                    stays,
                )


async def _related(connection: db.Connection, facility: str, numbers: set[str]) -> dict[Patient, Into]:
    """Every merge that leads from or to `numbers`, over any number of steps."""
    merges: dict[Patient, Into] = {}
    known: set[str] = set()
    while unknown := numbers - known:
        known |= unknown
        rows = await connection.fetch(
            "SELECT merged, survivor, event_at FROM patient_merge"
            " WHERE facility = $1 AND (merged = ANY ($2::text[]) OR survivor = ANY ($2::text[]))",
            facility,
            sorted(unknown),
        )
        merges |= {(facility, row["merged"]): Into(row["survivor"], row["event_at"]) for row in rows}
        numbers = {number for row in rows for number in (row["merged"], row["survivor"])}
    return merges
