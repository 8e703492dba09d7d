"""Local codes: what the registry says they mean (table code_map), and which of those that come in nobody has mapped.

Facts keep codes as they were said: a map that is put right later changes no fact, only what is read of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from marsad_center import db
from marsad_center.facts.code_systems import is_standard
from marsad_center.facts.events import Code, Fact, Movement, OrderEvent, Statement
from marsad_center.facts.statements import codes
from marsad_center.registry import Center, CodeMapping


class Used(NamedTuple):
    """A code that a fact of `facility` uses; `kind` is the fact's; `at`: of its receipt (an order: of its event)."""

    facility: str
    kind: str
    code: Code
    at: datetime


def used(facility: str, fact: Fact) -> list[Used]:
    """The codes of one fact."""
    match fact:
        case OrderEvent(code_system=system, code=code, display=display) if code:
            return [Used(facility, "order", Code(system, code, display), fact.source_at)]
        case Movement(specialty=str(specialty)) if specialty:  # PV1-10: a word of the facility's own, of no system
            return [Used(facility, "encounter", Code("", specialty), fact.received_at)]
        case Statement():
            return [Used(facility, fact.KIND, code, fact.received_at) for code in codes(fact)]
    return []


async def count_unmapped(connection: db.Connection, uses: Iterable[Used]) -> None:
    """Add the codes of no standard system that no map knows to unmapped_code."""
    local = [use for use in uses if not is_standard(use.code.system)]
    if not local:
        return
    times: Counter[tuple[str, str, str, str]] = Counter()
    newest: dict[tuple[str, str, str, str], Used] = {}
    for use in local:
        key = (use.facility, use.kind, use.code.system, use.code.code)
        times[key] += 1
        if key not in newest or use.at >= newest[key].at:
            newest[key] = use
    rows = [[*key, newest[key].code.display, times[key], newest[key].at] for key in sorted(times)]
    await connection.execute(
        """
        INSERT INTO unmapped_code AS u (facility, kind, system, code, display, times, first_at, last_at)
        SELECT n.facility, n.kind, n.system, n.code, n.display, n.times, n.at, n.at
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
            AS n (facility, kind, system, code, display, times, at)
        WHERE NOT EXISTS (SELECT FROM code_map m WHERE m.facility IN ('', n.facility)
            AND m.local_system = n.system AND m.local_code = n.code)
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (facility, kind, system, code) DO UPDATE SET times = u.times + excluded.times,
            first_at = least(u.first_at, excluded.first_at), last_at = greatest(u.last_at, excluded.last_at),
            display = coalesce(nullif(excluded.display, ''), u.display)
        """,
        *(list(column) for column in zip(*rows, strict=True)),
    )


async def unmapped(
    connection: db.Connection, facilities: Sequence[str] | None = None, most: int = 50
) -> list[Mapping[str, Any]]:
    """The codes that nobody has mapped, of each facility at most `most`, the most used first; `ofFacility`: how many
    the facility has. None: of every facility."""
    rows = await connection.fetch(
        """
        SELECT facility, kind, system, code, display, times, first_at AS "firstAt", last_at AS "lastAt",
               all_of AS "ofFacility"
          FROM (SELECT *, count(*) OVER (PARTITION BY facility) AS all_of,
                       row_number() OVER (PARTITION BY facility ORDER BY times DESC, kind, system, code) AS place
                  FROM unmapped_code WHERE $1::text[] IS NULL OR facility = ANY ($1)) AS u
         WHERE place <= $2 ORDER BY facility, place
        """,
        None if facilities is None else list(facilities),
        most,
    )
    return [dict(row) for row in rows]


async def count_by_facility(connection: db.Connection) -> Mapping[str, int]:
    """How many codes nobody has mapped, of each facility that has any."""
    rows = await connection.fetch("SELECT facility, count(*) AS codes FROM unmapped_code GROUP BY facility")
    return {row["facility"]: row["codes"] for row in rows}


async def sync_code_maps(connection: db.Connection, center: Center) -> int:
    """Make code_map say what the registry says; what is mapped now is not unmapped any more. How many rows changed."""
    rows = [row for facility, maps in _maps(center) for row in _rows(facility, maps)]
    unique = {(row["facility"], row["local_system"], row["local_code"]): row for row in rows}
    wanted = json.dumps(list(unique.values()), ensure_ascii=False)
    gone = await connection.execute(
        """
        DELETE FROM code_map m WHERE NOT EXISTS (SELECT FROM jsonb_populate_recordset(NULL::code_map, $1::jsonb) w
            WHERE (w.facility, w.local_system, w.local_code) = (m.facility, m.local_system, m.local_code))
        """,
        wanted,
    )
    status = await connection.execute(
        """
        INSERT INTO code_map AS m SELECT * FROM jsonb_populate_recordset(NULL::code_map, $1::jsonb)
        ON CONFLICT (facility, local_system, local_code) DO UPDATE
            SET (system, code, display) = (excluded.system, excluded.code, excluded.display)
        WHERE (m.system, m.code, m.display) IS DISTINCT FROM (excluded.system, excluded.code, excluded.display)
        """,
        wanted,
    )
    await connection.execute(
        """
        DELETE FROM unmapped_code u USING code_map m
        WHERE m.facility IN ('', u.facility) AND m.local_system = u.system AND m.local_code = u.code
        """
    )
    return sum(int(each.rsplit(" ", 1)[1]) for each in (gone, status))


def _maps(center: Center) -> Iterable[tuple[str, Sequence[CodeMapping]]]:
    yield "", center.codes
    for facility in center.facilities:
        yield facility.code, facility.codes


def _rows(facility: str, maps: Sequence[CodeMapping]) -> list[dict[str, str]]:
    return [{"facility": facility, **each.model_dump()} for each in maps]
