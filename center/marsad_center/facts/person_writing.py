"""Which patient numbers belong to which national identifiers. A person is all the numbers, of any facility, that lead
to each other by shared identifiers and by merges: the database's function `same_person` follows them, so that a merge
or a link that is taken back needs nothing else. What is counted of persons is told by triggers (migration 0029)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from marsad_center import db
from marsad_center.facts.events import Identified


class Link(NamedTuple):
    """A number and an identifier, where the number belongs and which message said so."""

    facility: str
    message_id: int
    fact: Identified


async def write_links(connection: db.Connection, links: Iterable[Link]) -> None:
    """Store what is new; what is known already keeps the message that said it first."""
    firsts: dict[tuple[str, str, str], int] = {}
    for each in links:
        firsts.setdefault((each.facility, each.fact.patient_key, each.fact.identifier), each.message_id)
    if firsts:
        rows = [(*link, message_id) for link, message_id in sorted(firsts.items())]
        await connection.execute(
            "INSERT INTO person_link (facility, patient_key, identifier, message_id)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) ON CONFLICT DO NOTHING",
            *(list(column) for column in zip(*rows, strict=True)),
        )
