"""One referral that several facilities tell of: who refers, and who receives.

Each side's statements stay a thing of its own facility. Two things are one referral when both were called by one name
that holds across facilities (Referral.known_as): the number that the referring facility gave, with that facility
(HL7 v2.5.1 chapter 11.6.1.6: the originating application's permanent identifier, which an answer repeats), or an
identifier whose authority is universal. The row of each side says what the statements of all come to, and one row, that
of the facility that refers, is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from marsad_center import db
from marsad_center.facts import locks
from marsad_center.facts.events import Referral, Statement
from marsad_center.facts.statements import Thing, columns, derive

Place = tuple[str, str, str]
"""(facility, kind, key)."""


def by_facility(facility: str, number: str) -> str:
    """The name of the referral that `facility` gave this number."""
    return f"facility {facility}|{number}"  # no universal id has a blank


def by_authority(universal: str, number: str) -> str:
    """The name of the referral to which the authority with this OID, UUID or URI gave this number."""
    return f"{universal}|{number}"


async def all_sides(connection: db.Connection, touched: Iterable[Place]) -> set[Place]:
    """`touched` (things of this kind, whose statements are in the log) and all that are, or were until now, one
    referral with any of them. No other transaction can change these until the end of this one: their names are locked.
    """
    sides = set(touched)
    names = await _names(connection, sides)
    locked: set[str] = set()
    while names - locked:
        # Names are locked after all else (facts/writing.py), in one order; what is found behind a lock comes later, and
        # two that meet there in a circle are told so by the database and tried again.
        await locks.take(connection, (f"referral|{name}" for name in names - locked))
        locked |= names
        rows = await connection.fetch("SELECT facility, key FROM referral WHERE known_as && $1::text[]", sorted(names))
        sides |= {(row["facility"], Referral.KIND, row["key"]) for row in rows}
        names |= await _names(connection, sides)
    return sides


async def _names(connection: db.Connection, sides: Iterable[Place]) -> set[str]:
    """What they are called in the log now, and were when their rows were written."""
    rows = await connection.fetch(
        """
        SELECT n.name FROM unnest($1::text[], $2::text[]) AS t (facility, key) CROSS JOIN LATERAL (
            SELECT unnest(known_as) AS name FROM referral WHERE facility = t.facility AND key = t.key
            UNION SELECT jsonb_array_elements_text(body -> 'known_as') FROM statement
                WHERE facility = t.facility AND kind = 'referral' AND key = t.key AND body ? 'known_as') AS n
        """,
        *(list(column) for column in zip(*((facility, key) for facility, _kind, key in sorted(sides)), strict=True)),
    )
    return {row["name"] for row in rows}


@dataclass(frozen=True, slots=True)
class Side:
    """What one facility tells of a referral, and what its statements come to by themselves."""

    place: Place
    log: Sequence[Statement]
    own: Thing

    @property
    def origin(self) -> str:
        """The declared facility that refers, as this side says it; '' where it does not."""
        return self.own.said.get("origin") or ""

    @property
    def known_as(self) -> tuple[str, ...]:
        """The names by which this side calls it."""
        return tuple(self.own.said.get("known_as", ()))


def rows(logs: Mapping[Place, Sequence[Statement]]) -> list[dict[str, Any]]:
    """The rows of the table, from the statements of all sides of each referral."""
    found = [Side(place, log, derive(log)) for place, log in sorted(logs.items(), key=lambda item: item[0])]
    return [row for sides in referrals(found) for row in _together(sides)]


def referrals(sides: Sequence[Side]) -> list[list[Side]]:
    """Which sides are one referral. A name by which things of two referring facilities are called (a vendor's OID that
    is the same in every hospital) joins nothing; nor do names that lead from one referring facility to another."""
    named: dict[str, list[int]] = defaultdict(list)
    for number, side in enumerate(sides):
        for name in side.known_as:
            named[name].append(number)
    groups = [{number} for number in range(len(sides))]
    for numbers in named.values():
        if len(_origins(sides, numbers)) > 1:
            continue
        union = set[int]().union(*(groups[number] for number in numbers))
        for number in union:
            groups[number] = union
    result: list[list[Side]] = []
    for number, group in enumerate(groups):
        if len(_origins(sides, group)) > 1:
            result.append([sides[number]])
        elif number == min(group):
            result.append([sides[each] for each in sorted(group)])
    return result


def _origins(sides: Sequence[Side], numbers: Iterable[int]) -> set[str]:
    return {sides[number].origin for number in numbers} - {""}


def _together(sides: Sequence[Side]) -> list[dict[str, Any]]:
    """A row a side: how the referral goes on is what all say; what it is, where one says it, is that side's own word,
    for codes and patients are its own."""
    origin = next((side.origin for side in sides if side.origin), "")
    counted = min(sides, key=lambda side: _precedence(side, origin))
    if len(sides) == 1:
        return [_row(sides[0], sides[0].own, counted=True)]
    whole = derive(statement for side in sides for statement in side.log)
    given = {name: whole.said[name] for name in _SHARED if name in whole.said}
    result = []
    for side in sides:
        said = given | side.own.said
        if "refusal" in whole.said:
            said["refusal"] = whole.said["refusal"]
        both = replace(
            whole, key=side.own.key, patient_key=side.own.patient_key, visit_key=side.own.visit_key, said=said
        )
        result.append(_row(side, both, counted=side is counted))
    return result


_SHARED = ("from_facility", "to_facility", "origin", "urgency")


def _precedence(side: Side, origin: str) -> tuple[bool, bool, float, Place]:
    """Sorts: who refers, else who first told that it was submitted."""
    submitted = side.own.entered.get("submitted")
    return origin != side.place[0], submitted is None, submitted.timestamp() if submitted else 0.0, side.place


def _row(side: Side, thing: Thing, *, counted: bool) -> dict[str, Any]:
    return {"facility": side.place[0], **columns(thing), "counted": counted}
