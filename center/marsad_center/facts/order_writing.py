"""Order events into clinical_order. Every column is a minimum, a maximum or the newest statement, so that any order of
arrival gives the same row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from marsad_center import db
from marsad_center.facts.columns import Columns
from marsad_center.facts.events import OrderEvent

_ORDER = Columns(
    {
        "facility": "text",
        "order_key": "text",
        "placer": "text",
        "filler": "text",
        "visit_key": "text",
        "kind": "text",
        "kind_stated": "boolean",
        "code_system": "text",
        "code": "text",
        "display": "text",
        "ordered_at": "timestamptz",
        "resulted_at": "timestamptz",
        "cancelled_at": "timestamptz",
        "source_at": "timestamptz",
    }
)
_FILLER = Columns({"facility": "text", "filler": "text"})
_UPSERT = f"""
    INSERT INTO clinical_order AS o ({_ORDER.names})
    SELECT {_ORDER.source}
    ON CONFLICT (facility, order_key) DO UPDATE SET
        placer = coalesce(nullif(excluded.placer, ''), o.placer),
        filler = coalesce(nullif(excluded.filler, ''), o.filler),
        visit_key = coalesce(nullif(excluded.visit_key, ''), o.visit_key),
        kind = CASE WHEN o.kind_stated AND NOT excluded.kind_stated THEN o.kind
                    WHEN excluded.kind_stated AND NOT o.kind_stated THEN excluded.kind
                    WHEN excluded.source_at >= o.source_at THEN excluded.kind ELSE o.kind END,
        kind_stated = o.kind_stated OR excluded.kind_stated,
        (code_system, code, display) = (
            SELECT c.* FROM (VALUES (excluded.code_system, excluded.code, excluded.display)) AS c
            WHERE excluded.code <> '' AND (o.code = '' OR excluded.source_at >= o.source_at)
            UNION ALL SELECT o.code_system, o.code, o.display LIMIT 1),
        ordered_at = least(o.ordered_at, excluded.ordered_at),
        resulted_at = least(o.resulted_at, excluded.resulted_at),
        cancelled_at = least(o.cancelled_at, excluded.cancelled_at),
        source_at = greatest(o.source_at, excluded.source_at),
        updated_at = now()
"""  # noqa: S608 - constants


async def write_orders(connection: db.Connection, events: Sequence[tuple[str, OrderEvent]]) -> None:
    """Upsert the orders of (facility, event) pairs; the caller holds the locks of their numbers."""
    # ON CONFLICT may touch a row once a statement: events of one order go one statement after the other.
    waves: list[dict[tuple[str, str], OrderEvent]] = []
    for facility, event in await _with_known_placers(connection, events):
        key = (facility, event.key)
        wave = next((wave for wave in waves if key not in wave), None)
        if wave is None:
            wave = {}
            waves.append(wave)
        wave[key] = event
    for wave in waves:
        rows = [_row(facility, event) for (facility, _key), event in sorted(wave.items(), key=lambda item: item[0])]
        await connection.execute(_UPSERT, *_ORDER.arguments(rows))


def _row(facility: str, event: OrderEvent) -> tuple[Any, ...]:
    return (
        facility,
        event.key,
        event.placer,
        event.filler,
        event.visit_key,
        event.kind,
        event.kind_stated,
        event.code_system,
        event.code,
        event.display,
        event.ordered_at,
        event.resulted_at,
        event.cancelled_at,
        event.source_at,
    )


async def _with_known_placers(
    connection: db.Connection, events: Sequence[tuple[str, OrderEvent]]
) -> list[tuple[str, OrderEvent]]:
    """One order, one key: a result under the filler's number alone belongs to the order known by that number, and an
    order that first came in under the filler's number gets the placer's when it is told."""
    placers = {(facility, event.filler): event.placer for facility, event in events if event.filler and event.placer}
    numbers = {(facility, event.filler) for facility, event in events if event.filler}
    if not numbers:
        return list(events)
    rows = await connection.fetch(
        "SELECT facility, filler, placer FROM clinical_order"  # noqa: S608 - constants
        f" JOIN (SELECT {_FILLER.source}) AS k USING (facility, filler)"
        " WHERE clinical_order.filler <> ''",  # as the index says, or it is not used
        *_FILLER.arguments(sorted(numbers)),
    )
    for row in rows:
        number = (row["facility"], row["filler"])
        if row["placer"]:
            placers.setdefault(number, row["placer"])
        elif number in placers:
            await connection.execute(
                "UPDATE clinical_order SET order_key = $3, placer = $3 WHERE facility = $1 AND order_key = $2"
                " AND NOT EXISTS (SELECT FROM clinical_order WHERE facility = $1 AND order_key = $3)",
                *number,
                placers[number],
            )
    return [
        (facility, event if event.placer else replace(event, placer=placers.get((facility, event.filler), "")))
        for facility, event in events
    ]
