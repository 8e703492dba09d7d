"""Visits as a second reader derives them: movements by event time, reversals taken back, the rest played in order.

Half of e2e/oracle.py, and as independent of the product as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

REVERSES = {"A11": {"A01", "A04", "A05", "A06"}, "A12": {"A02"}, "A13": {"A03"}}
MOVEMENTS = {"A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", *REVERSES}
ARRIVALS = {"A01", "A04", "A06", "A07"}
DELETED = '""'  # HL7's way to say that a value is gone; empty says nothing


@dataclass(frozen=True)
class Movement:
    """What one ADT message says of one visit. Texts are empty where it does not say."""

    at: datetime
    trigger: str
    patient_class: str  # first letter, upper case
    point_of_care: str
    bed: str
    triage: int | None
    seen: bool
    number: str  # ZBE-1
    action: str  # ZBE-4


@dataclass(frozen=True)
class Visit:
    """Where a visit stands after its last movement."""

    patient_class: str = "U"
    present: bool = False
    left: bool = False
    cancelled: bool = False
    arrived_in_ed: bool = False
    in_ed: bool = False
    admitted: bool = False
    ed_point_of_care: str = ""
    bed: str = ""
    triage: int | None = None
    seen: bool = False

    def after(self, movement: Movement, believed: bool = True) -> Visit:
        """The visit once `movement` has happened. `believed`: one without an arrival proves a stay."""
        named = movement.patient_class or {"A06": "I", "A07": "O"}.get(movement.trigger, "")
        begun = self.present or self.left
        visit = replace(
            self,
            patient_class=named or self.patient_class,
            admitted=self.admitted or named == "I",
            bed=_said(movement.bed, self.bed),
            triage=movement.triage or self.triage,
            seen=self.seen or movement.seen,
        )
        if movement.trigger in ARRIVALS or (movement.trigger == "A02" and believed and not begun):
            visit = replace(visit, present=True, left=False)
        elif movement.trigger == "A03" and (begun or believed):
            visit = replace(visit, present=False, left=True)
        found = visit.present and not begun and visit.patient_class == "E"
        return visit._through_the_ed(movement, found or (movement.trigger in {"A01", "A04"} and named == "E"))

    def _through_the_ed(self, movement: Movement, arrives: bool) -> Visit:
        """Into the ED by an arrival of class E; out of it by discharge, or by an inpatient's move elsewhere."""
        if arrives:
            return replace(self, arrived_in_ed=True, in_ed=True, ed_point_of_care=movement.point_of_care)
        if not self.present:
            return replace(self, in_ed=False)
        if self.in_ed and movement.point_of_care not in {"", DELETED}:
            if not self.admitted:
                return replace(self, ed_point_of_care=movement.point_of_care)
            return replace(self, in_ed=movement.point_of_care == self.ed_point_of_care)
        return self


def _said(new: str, old: str) -> str:
    return "" if new == DELETED else new or old


def derive(movements: Sequence[Movement]) -> Visit:
    """The visit that these movements, in the order in which they were received, make up."""
    happened, never = surviving(movements)
    visit = Visit()
    for movement in happened:
        visit = visit.after(movement, believed=not any(begin <= movement.at <= end for begin, end in never))
    planned = any(movement.trigger == "A05" for movement in happened)
    taken_back = any(movement.trigger in {"A11", *ARRIVALS} for movement in movements)
    no_stay = not visit.present and not visit.left
    return replace(visit, cancelled=no_stay and not planned and (taken_back or not happened))


def surviving(movements: Iterable[Movement]) -> tuple[list[Movement], list[tuple[datetime, datetime]]]:
    """Movements by event time without those that were taken back, replaced or only took back another; and the times
    from an arrival to the A11 that took it back (from the beginning, if its arrival is not known)."""
    numbered = _by_number(movements)
    kept: list[Movement] = []
    never: list[tuple[datetime, datetime]] = []
    for movement in sorted(numbered, key=lambda one: (one.at, one.trigger in REVERSES)):
        if movement.trigger not in REVERSES:
            kept.append(movement)
            continue
        newest = next((one for one in reversed(kept) if _is_meant(one, movement)), None)
        if newest:
            kept.remove(newest)
        if movement.trigger == "A11":
            never.append((newest.at if newest else datetime.min.replace(tzinfo=UTC), movement.at))
    return kept, never


def _is_meant(one: Movement, reversal: Movement) -> bool:
    same_kind = one.trigger in REVERSES[reversal.trigger]
    return one.number == reversal.number if reversal.number else same_kind


def _by_number(movements: Iterable[Movement]) -> list[Movement]:
    """ZBE-4: CANCEL takes back the movement of the same ZBE-1, UPDATE stands in its place."""
    kept: list[Movement] = []
    for movement in movements:
        if movement.action in {"CANCEL", "UPDATE"} and movement.number and movement.trigger not in REVERSES:
            kept = [one for one in kept if one.number != movement.number]
        if movement.action != "CANCEL" or movement.trigger in REVERSES:
            kept.append(movement)
    return kept
