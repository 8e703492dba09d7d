"""Visits as a second reader derives them: movements by event time, reversals taken back, the rest played in order.

Half of e2e/oracle.py, and as independent of the product as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

REVERSES = {"A11": {"A01", "A04", "A05", "A06"}, "A12": {"A02"}, "A13": {"A03"}}
MOVEMENTS = {"A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", *REVERSES}
ARRIVALS = {"A01", "A04", "A05", "A06", "A07"}
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
    cancelled: bool = False
    arrived_in_ed: bool = False
    in_ed: bool = False
    admitted: bool = False
    ed_point_of_care: str = ""
    bed: str = ""
    triage: int | None = None
    seen: bool = False

    def after(self, movement: Movement) -> Visit:
        """The visit once `movement` has happened."""
        named = movement.patient_class or {"A06": "I", "A07": "O"}.get(movement.trigger, "")
        visit = replace(
            self,
            patient_class=named or self.patient_class,
            admitted=self.admitted or named == "I",
            present=movement.trigger != "A03" and (self.present or movement.trigger in {"A01", "A02", "A04", "A06"}),
            bed=_said(movement.bed, self.bed),
            triage=movement.triage or self.triage,
            seen=self.seen or movement.seen,
        )
        return visit._through_the_ed(movement, named)

    def _through_the_ed(self, movement: Movement, named: str) -> Visit:
        """Into the ED by an arrival of class E; out of it by discharge, or by an inpatient's move elsewhere."""
        if movement.trigger in {"A01", "A04"} and named == "E":
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
    happened = surviving(movements)
    gone = [movement for movement in movements if movement.trigger in ARRIVALS and movement not in happened]
    arrived = any(movement.trigger in ARRIVALS for movement in happened)
    visit = Visit(cancelled=not happened or (bool(gone) and not arrived))
    for movement in happened:
        visit = visit.after(movement)
    return visit


def surviving(movements: Iterable[Movement]) -> list[Movement]:
    """Movements by event time without those that were taken back, replaced or only took back another."""
    numbered = _by_number(movements)
    kept: list[Movement] = []
    for movement in sorted(numbered, key=lambda one: (one.at, one.trigger in REVERSES)):
        if movement.trigger not in REVERSES:
            kept.append(movement)
            continue
        newest = next((one for one in reversed(kept) if _is_meant(one, movement)), None)
        if newest:
            kept.remove(newest)
    return kept


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
