"""Reading and writing what the rules need, as role analytics: figures in, what opens and closes out. The audit's events
are written by the database itself, in the same transaction (migration recommendations)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime

from marsad_center.db import Connection
from marsad_center.recommendations.evaluate import Key, Known, Standing, Step

_OPEN = """
INSERT INTO recommendation (facility, rule, opened_at, figures) VALUES ($1, $2, $3, $4)
ON CONFLICT (facility, rule) WHERE closed_at IS NULL DO NOTHING"""
_CLOSE = """
UPDATE recommendation SET closed_at = greatest($3, opened_at), outcome = $4
WHERE facility = $1 AND rule = $2 AND closed_at IS NULL"""
_SINCE = """
INSERT INTO recommendation_since (facility, rule, since) VALUES ($1, $2, $3)
ON CONFLICT (facility, rule) DO UPDATE SET since = excluded.since"""


async def declared(connection: Connection) -> set[str]:
    """Codes of the facilities that belong to the center."""
    return {row["code"] for row in await connection.fetch("SELECT code FROM facility WHERE active")}


async def figures(
    connection: Connection, codes: Collection[str], ids: Collection[str]
) -> Mapping[str, Mapping[str, Known]]:
    """The stored figures `ids` of each facility of `codes`, by facility and id."""
    found: dict[str, dict[str, Known]] = {code: {} for code in codes}
    rows = await connection.fetch(
        "SELECT facility, id, value, breakdown, source_at FROM indicator_value"
        " WHERE facility = ANY ($1) AND id = ANY ($2)",
        list(codes),
        list(ids),
    )
    for row in rows:
        parts = json.loads(row["breakdown"]) if row["breakdown"] is not None else {}
        found[row["facility"]][row["id"]] = Known(row["value"], parts, row["source_at"])
    return found


async def standing(connection: Connection) -> Standing:
    """What is open, and since when figures say otherwise."""
    opened = {
        (row["facility"], row["rule"]): frozenset(
            (cause["figure"], cause["part"]) for cause in json.loads(row["figures"]) if cause["holds"]
        )
        for row in await connection.fetch("SELECT facility, rule, figures FROM recommendation WHERE closed_at IS NULL")
    }
    rows = await connection.fetch("SELECT facility, rule, since FROM recommendation_since")
    return Standing(opened, {(row["facility"], row["rule"]): row["since"] for row in rows})


async def write(connection: Connection, step: Step, now: datetime) -> None:
    """Write what `step` changes, in the caller's transaction."""
    await connection.executemany(
        _OPEN,
        [
            (facility, rule, now, json.dumps([cause.fields() for cause in causes]))
            for (facility, rule), causes in step.opened.items()
        ],
    )
    await connection.executemany(_CLOSE, [(*key, now, outcome) for key, outcome in step.closed.items()])
    began: list[tuple[str, str, datetime]] = [(*key, at) for key, at in step.since.items() if at is not None]
    ended: list[Key] = [key for key, at in step.since.items() if at is None]
    await connection.executemany(_SINCE, began)
    await connection.executemany("DELETE FROM recommendation_since WHERE facility = $1 AND rule = $2", ended)
