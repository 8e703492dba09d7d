"""Which movements of a visit were taken back, by which, and what went with them. Order is by event time throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from marsad_center.facts.events import Movement

ARRIVALS = frozenset({"A01", "A04", "A06", "A07"})
# What each reversal takes back.
REVERSALS = {"A11": frozenset({"A01", "A04", "A05", "A06"}), "A12": frozenset({"A02"}), "A13": frozenset({"A03"})}


def takes_back(movement: Movement) -> bool:
    """Whether it does nothing but take another back."""
    return movement.event in REVERSALS or movement.action == "cancel"


def by_event_time(movement: Movement) -> tuple[datetime, bool, datetime, int]:
    """Sorts. A reversal of the same minute as what it reverses comes after it, however the two arrived."""
    return movement.event_at, takes_back(movement), movement.received_at, movement.id


def cancellations(movements: Sequence[Movement]) -> dict[int, int]:
    """Which movement (by id) is taken back or replaced by which."""
    taken: dict[int, int] = {}
    earlier: list[Movement] = []
    for movement in sorted(movements, key=by_event_time):
        target = _target(movement, earlier, taken)
        if target is not None:
            taken[target.id] = movement.id
        earlier.append(movement)
    return taken


def _target(movement: Movement, earlier: Sequence[Movement], taken: dict[int, int]) -> Movement | None:
    reversed_events = REVERSALS.get(movement.event)
    if reversed_events is None and movement.action == "insert":
        return None
    candidates = [other for other in earlier if other.id not in taken and not takes_back(other)]
    if movement.movement_key:
        numbered = [other for other in candidates if other.movement_key == movement.movement_key]
        if numbered or reversed_events is None:
            return numbered[-1] if numbered else None
    if reversed_events is None:
        return None
    matching = [other for other in candidates if other.event in reversed_events]
    return matching[-1] if matching else None


def void(ordered: Sequence[Movement], taken: Mapping[int, int]) -> set[int]:
    """What lies between an arrival and the reversal that took it back, and what an A11 of no known arrival follows: it
    happened within a stay that is said not to have been."""
    place = {movement.id: at for at, movement in enumerate(ordered)}
    begun = {by: place[id_] for id_, by in taken.items()}  # where what a reversal took back stood
    within: set[int] = set()
    for at, movement in enumerate(ordered):
        first = begun.get(movement.id, -1)
        reverses = movement.event == "A11" or (first >= 0 and ordered[first].event in ARRIVALS)
        if reverses and takes_back(movement):
            within |= {other.id for other in ordered[first + 1 : at]}
    return within
