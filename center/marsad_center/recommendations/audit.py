"""What the dashboard reads and the one thing it writes, as role reader: recommendations with what people made of them.

Nothing is done by itself (Algeria 18-07 and 25-11: no purely automated decision): a recommendation is a sentence with
its figures until a person, by name, says that they know of it, acted, or declined.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from marsad_center.db import Connection

Decision = Literal["acknowledged", "acted", "declined"]
Answered = Literal["ok", "unknown", "closed", "full"]
MOST_NAME, MOST_IDENTITY, MOST_NOTE = 100, 200, 500  # characters, as the table's checks have them
LATELY = timedelta(hours=24)
MOST_CLOSED = 200  # of one answer

_FIELDS = """
SELECT r.id, r.facility, r.rule, r.opened_at, r.closed_at, r.outcome, r.figures,
    (SELECT json_agg(json_build_object('at', e.at, 'kind', e.kind, 'by', e.by, 'identity', e.identity, 'note', e.note)
                     ORDER BY e.id) FROM recommendation_event e WHERE e.recommendation_id = r.id) AS events
FROM recommendation r """
_LATELY = _FIELDS + "WHERE r.facility = ANY ($1) AND (r.closed_at IS NULL OR r.closed_at > $2) ORDER BY r.id"
_CLOSED = (
    _FIELDS + "WHERE r.facility = ANY ($1) AND r.closed_at IS NOT NULL ORDER BY r.closed_at DESC, r.id DESC LIMIT $2"
)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommendation. `causes` as `Cause.fields` made them; `events` oldest first, the opening among them."""

    id: int
    facility: str
    rule: str
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    causes: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]

    @property
    def decision(self) -> str | None:
        """The newest answer of a person; None while nobody answered."""
        return next((each["kind"] for each in reversed(self.events) if each["kind"] in get_args(Decision)), None)


async def lately(connection: Connection, codes: Collection[str], now: datetime) -> list[Recommendation]:
    """Of facilities `codes`: what is open, and what was closed in the last 24 hours."""
    return [_read(row) for row in await connection.fetch(_LATELY, list(codes), now - LATELY)]


async def closed(connection: Connection, codes: Collection[str], most: int = MOST_CLOSED) -> list[Recommendation]:
    """Of facilities `codes`: what is closed, the newest first."""
    return [_read(row) for row in await connection.fetch(_CLOSED, list(codes), most)]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person decided. `by`: the name they typed; `identity`: what a trusted proxy said of them."""

    decision: Decision
    by: str
    identity: str | None
    note: str


async def one(connection: Connection, number: int) -> Recommendation:
    """The recommendation of this number, which must be there."""
    return _read(await connection.fetchrow(_FIELDS + "WHERE r.id = $1", number))


async def answer(connection: Connection, number: int, said: Answer) -> Answered:
    """Keep what a person decided. `closed`: figures closed it before; `full`: it has more answers than make sense."""
    outcome: Answered = await connection.fetchval(
        "SELECT answer_recommendation($1, $2, $3, $4, $5)", number, said.decision, said.by, said.identity, said.note
    )
    return outcome


def _read(row: Any) -> Recommendation:
    return Recommendation(
        row["id"],
        row["facility"],
        row["rule"],
        row["opened_at"],
        row["closed_at"],
        row["outcome"],
        tuple(json.loads(row["figures"])),
        tuple(json.loads(row["events"])),
    )
