"""How long the cleaning of a bed took, from what its sender said of its status (HL7 table 0116, from A20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

DIRTY, CLEANING, CLEAN = "contaminated", "housekeeping", "unoccupied"


class Told(NamedTuple):
    """A bed entered a status."""

    bed: str
    at: datetime
    status: str


class Turn(NamedTuple):
    """`what`: cleaning_response (dirty to begun), cleaning (begun to clean) or cleaning_turn (dirty to clean)."""

    what: str
    ended: datetime
    seconds: int


def turns(told: Iterable[Told]) -> Iterator[Turn]:
    """Every step of every turn. `told` is in the order of event time for each bed.

    A status that says anything else in between (occupied, closed, isolated) ends a turn without a time; the same status
    again says nothing.
    """
    dirty: dict[str, datetime] = {}
    begun: dict[str, datetime] = {}
    for bed, at, status in told:
        if status == DIRTY:
            begun.pop(bed, None)
            dirty.setdefault(bed, at)
        elif status == CLEANING:
            if bed in dirty and bed not in begun:
                yield _turn("cleaning_response", dirty[bed], at)
            begun.setdefault(bed, at)
        else:
            since, start = dirty.pop(bed, None), begun.pop(bed, None)
            if status == CLEAN and start is not None:
                yield _turn("cleaning", start, at)
            if status == CLEAN and since is not None:
                yield _turn("cleaning_turn", since, at)


def _turn(what: str, start: datetime, end: datetime) -> Turn:
    return Turn(what, end, int((end - start).total_seconds()))
