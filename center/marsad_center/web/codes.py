"""Local codes that nobody has mapped, over HTTP: how many a facility has, and the most used of them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from marsad_center.facts.code_maps import unmapped
from marsad_center.indicators.figures import instant
from marsad_center.web.database import Database
from marsad_center.web.query import answer, asked
from marsad_center.web.snapshot import Document, Snapshot

SHOWN = 50


def routes(snapshot: Snapshot, database: Database) -> list[Route]:
    """GET /api/v1/codes?facility=: an object a facility, those without any, too."""

    async def codes(request: Request) -> Response:
        wanted = asked(request, "facility", snapshot.codes())
        facilities = [code for code in snapshot.codes() if wanted is None or code in wanted]
        async with database.connection() as connection:
            rows = await unmapped(connection, facilities, SHOWN)
        found: dict[str, list[Any]] = {code: [] for code in facilities}
        for row in rows:
            found[row["facility"]].append(row)
        return answer([_fields(facility, mine) for facility, mine in found.items()])

    return [Route("/api/v1/codes", codes)]


def _fields(facility: str, rows: list[Any]) -> Document:
    """`unmapped` counts all of the facility's; `codes` are the most used, at most SHOWN."""
    return {
        "facility": facility,
        "unmapped": rows[0]["ofFacility"] if rows else 0,
        "codes": [
            {
                **{name: row[name] for name in ("kind", "system", "code", "display", "times")},
                "firstAt": instant(row["firstAt"]),
                "lastAt": instant(row["lastAt"]),
            }
            for row in rows
        ],
    }
