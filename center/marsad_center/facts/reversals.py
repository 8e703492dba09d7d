"""Which movements of a visit were taken back, by which, and what went with them. Order is by event time throughout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

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
    taken = superseded(movements)
    if all(movement.event not in REVERSALS and movement.action in ("insert", "snapshot") for movement in movements):
        return taken  # as of nearly every visit
    earlier = _Earlier(taken)
    for place, movement in enumerate(sorted(movements, key=by_event_time)):
        if movement.id in taken:
            continue
        target = _target(movement, earlier)
        if target is not None:
            taken[target.id] = movement.id
        if not takes_back(movement):
            earlier.add(place, movement)
    return taken


def superseded(movements: Sequence[Movement]) -> dict[int, int]:
    """Which movement (by id) stands in an older version of a picture, and one of the newest version."""
    newest: dict[str, tuple[str, int]] = {}
    pictures = [(movement.id, *_picture(movement)) for movement in movements if movement.action == "snapshot"]
    for id_, picture, version in pictures:
        newest[picture] = max(newest.get(picture, ("", 0)), (version, id_))
    return {id_: newest[picture][1] for id_, picture, version in pictures if version < newest[picture][0]}


def _picture(movement: Movement) -> tuple[str, str]:
    """What it is a picture of, and its version."""
    picture, _at, version = (movement.movement_key or "").partition("@")
    return picture, version


def _target(movement: Movement, earlier: _Earlier) -> Movement | None:
    reversed_events = REVERSALS.get(movement.event)
    if reversed_events is None and movement.action in ("insert", "snapshot"):
        return None
    has_number = movement.movement_key and movement.action != "snapshot"
    numbered = earlier.newest([movement.movement_key or ""]) if has_number else None
    if numbered is not None or reversed_events is None:
        return numbered
    return earlier.newest([_Event(event) for event in reversed_events])


class _Event(NamedTuple):
    """A trigger as a key beside movement keys."""

    name: str


class _Earlier:
    """What can be taken back, on a stack for each event and each movement key: a visit with thousands of reversals must
    not cost the square of them at every further message. What is taken leaves a stack when it comes to its top."""

    def __init__(self, taken: Mapping[int, int]) -> None:
        self._taken = taken
        self._stacks: dict[_Event | str, list[tuple[int, Movement]]] = defaultdict(list)

    def add(self, place: int, movement: Movement) -> None:
        """The next by event time; `place` is its number in that order."""
        self._stacks[_Event(movement.event)].append((place, movement))
        if movement.movement_key:
            self._stacks[movement.movement_key].append((place, movement))

    def newest(self, keys: Sequence[_Event | str]) -> Movement | None:
        """The last of any of `keys` that nothing has taken."""
        found: tuple[int, Movement] | None = None
        for stack in (self._stacks[key] for key in keys):
            while stack and stack[-1][1].id in self._taken:
                stack.pop()
            if stack and (found is None or stack[-1][0] > found[0]):
                found = stack[-1]
        return found[1] if found is not None else None


def void(ordered: Sequence[Movement], taken: Mapping[int, int]) -> set[int]:
    """What lies between an arrival and the reversal that took it back, and what an A11 of no known arrival follows: it
    happened within a stay that is said not to have been."""
    if not taken and all(movement.event != "A11" for movement in ordered):
        return set()
    place = {movement.id: at for at, movement in enumerate(ordered)}
    begun = {by: place[id_] for id_, by in taken.items()}  # where what a reversal took back stood
    opens = [0] * (len(ordered) + 1)  # at each place, how many such stays begin there, less how many end
    for at, movement in enumerate(ordered):
        first = begun.get(movement.id, -1)
        reverses = movement.event == "A11" or (first >= 0 and ordered[first].event in ARRIVALS)
        if reverses and takes_back(movement):
            opens[first + 1] += 1
            opens[at] -= 1
    return {movement.id for movement, within in zip(ordered, accumulate(opens), strict=False) if within}
