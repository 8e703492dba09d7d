"""Order events into clinical_order. Every column is a minimum, a maximum or the newest statement, so that any order of
arrival gives the same row. `message_ids` are the messages that named the order: from them it can be made anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from marsad_center import db
from marsad_center.facts.columns import Columns
from marsad_center.facts.events import OrderEvent
from marsad_center.facts.order_moments import assigned, results


class Ordered(NamedTuple):
    """An order event, where it belongs and which message said it."""

    facility: str
    message_id: int
    event: OrderEvent


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
        "specialty": "text",
        "specialty_asked": "boolean",
        "specialty_at": "timestamptz",
        "ordered_said_at": "timestamptz",
        "placed_at": "timestamptz",
        "withdrawn_at": "timestamptz",
        "results": "text",
        "message_id": "bigint",
    },
    nullable={"results"},
)
_NAMES = _ORDER.names.replace("message_id", "message_ids")
_FILLER = Columns({"facility": "text", "filler": "text"})
_OF_FILLER = """
    SELECT facility, filler, placer FROM clinical_order
    WHERE filler = n.filler AND filler <> '' AND facility || '' = n.facility
"""  # the second condition is the index's own, or it is not used; the third fits no other index (migration 0020)


def _specialty(old: str, new: str) -> str:
    """Of two rows the word that holds: a request's before a result's, then the newest."""
    words = ("specialty", "specialty_asked", "specialty_at")
    kept, said = (", ".join(f"{row}.{word}" for word in words) for row in (old, new))
    order = ("specialty_asked", "specialty_at", "specialty")  # the last: of one moment always the same one
    before, after = (", ".join(f"{row}.{word}" for word in order) for row in (old, new))
    return f"""({", ".join(words)}) = (
            SELECT s.* FROM (VALUES ({said})) AS s
            WHERE {new}.specialty <> '' AND ({old}.specialty = '' OR ({after}) > ({before}))
            UNION ALL SELECT {kept} LIMIT 1)"""  # noqa: S608 - constants


_UPSERT = f"""
    INSERT INTO clinical_order AS o ({_NAMES})
    SELECT {_ORDER.source.replace("n.message_id", "ARRAY[n.message_id]", 1)}
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
        {_specialty("o", "excluded")},
        {assigned("o", "excluded")},
        source_at = greatest(o.source_at, excluded.source_at),
        message_ids = CASE WHEN o.message_ids @> excluded.message_ids OR cardinality(o.message_ids) > 512
                           THEN o.message_ids
                           WHEN cardinality(o.message_ids) = 512 THEN o.message_ids || 0::bigint
                           ELSE o.message_ids || excluded.message_ids END,
        updated_at = now()
"""  # noqa: S608 - constants


# An order that came in under two numbers before any message named both.
_UNITE = f"""
    WITH f AS (DELETE FROM clinical_order WHERE facility = $1 AND order_key = $2 AND placer = '' RETURNING *)
    UPDATE clinical_order p SET
        filler = coalesce(nullif(p.filler, ''), f.filler),
        visit_key = coalesce(nullif(p.visit_key, ''), f.visit_key),
        kind = CASE WHEN p.kind_stated AND NOT f.kind_stated THEN p.kind
                    WHEN f.kind_stated AND NOT p.kind_stated THEN f.kind
                    WHEN f.source_at > p.source_at THEN f.kind ELSE p.kind END,
        kind_stated = p.kind_stated OR f.kind_stated,
        (code_system, code, display) = (
            SELECT c.* FROM (VALUES (f.code_system, f.code, f.display)) AS c
            WHERE f.code <> '' AND (p.code = '' OR f.source_at > p.source_at)
            UNION ALL SELECT p.code_system, p.code, p.display LIMIT 1),
        {_specialty("p", "f")},
        {assigned("p", "f")},
        source_at = greatest(p.source_at, f.source_at),
        message_ids = p.message_ids || f.message_ids,
        updated_at = now()
    FROM f WHERE p.facility = $1 AND p.order_key = $3
"""  # noqa: S608 - constants


async def write_orders(connection: db.Connection, events: Sequence[Ordered]) -> None:
    """Upsert the orders of `events`; the caller holds the locks of their numbers."""
    # ON CONFLICT may touch a row once a statement: events of one order go one statement after the other.
    waves: list[dict[tuple[str, str], Ordered]] = []
    for each in await _with_known_placers(connection, events):
        key = (each.facility, each.event.key)
        wave = next((wave for wave in waves if key not in wave), None)
        if wave is None:
            wave = {}
            waves.append(wave)
        wave[key] = each
    for wave in waves:
        rows = [_row(each) for _key, each in sorted(wave.items(), key=lambda item: item[0])]
        await connection.execute(_UPSERT, *_ORDER.arguments(rows))


def _row(ordered: Ordered) -> tuple[Any, ...]:
    event = ordered.event
    return (
        ordered.facility,
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
        event.specialty,
        event.specialty_asked,
        event.source_at if event.specialty else None,
        event.ordered_said_at,
        event.placed_at,
        event.withdrawn_at or event.cancelled_at,
        results(event),
        ordered.message_id,
    )


async def _with_known_placers(connection: db.Connection, events: Sequence[Ordered]) -> list[Ordered]:
    """One order, one key: a result under the filler's number alone belongs to the order known by that number, and an
    order that first came in under the filler's number gets the placer's when it is told."""
    placers = {(each.facility, each.event.filler): each.event.placer for each in events if _names_both(each.event)}
    numbers = {(each.facility, each.event.filler) for each in events if each.event.filler}
    if not numbers:
        return list(events)
    rows = await connection.fetch(
        f"SELECT f.* FROM {_FILLER.each(_OF_FILLER)}",  # noqa: S608 - constants
        *_FILLER.arguments(sorted(numbers)),
    )
    for row in rows:
        number = (row["facility"], row["filler"])
        if row["placer"]:
            placers.setdefault(number, row["placer"])
        elif number in placers:
            await _give_placer(connection, *number, placers[number])
    return [
        each
        if each.event.placer
        else each._replace(event=replace(each.event, placer=placers.get((each.facility, each.event.filler), "")))
        for each in events
    ]


def _names_both(event: OrderEvent) -> bool:
    return bool(event.filler and event.placer)


async def _give_placer(connection: db.Connection, facility: str, filler: str, placer: str) -> None:
    renamed = await connection.execute(
        "UPDATE clinical_order SET order_key = $3, placer = $3 WHERE facility = $1 AND order_key = $2"
        " AND NOT EXISTS (SELECT FROM clinical_order WHERE facility = $1 AND order_key = $3)",
        facility,
        filler,
        placer,
    )
    if renamed == "UPDATE 0":
        await connection.execute(_UNITE, facility, filler, placer)
