"""What happened, in the words of the facts and not of any message format: movements, orders, merges of patients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Action = Literal["insert", "update", "cancel"]
Kind = Literal["lab", "radiology", "other"]


@dataclass(frozen=True, slots=True)
class Movement:
    """One event of a visit. Texts: None says nothing, '' deletes what was known. `event` is the ADT trigger.

    `id` is the row's number once stored; in a list of movements it and `received_at` break ties of `event_at`.
    """

    visit_key: str
    patient_key: str
    event: str
    event_at: datetime
    received_at: datetime
    id: int = 0
    movement_key: str | None = None
    action: Action = "insert"
    patient_class: str | None = None
    point_of_care: str | None = None
    room: str | None = None
    bed: str | None = None
    arrived_at: datetime | None = None
    discharged_at: datetime | None = None
    disposition: str | None = None
    triage_level: int | None = None
    triaged_at: datetime | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """What one message says of one order. `kind_stated`: the sender named the section; else it was guessed."""

    placer: str
    filler: str
    visit_key: str
    kind: Kind
    kind_stated: bool
    code_system: str
    code: str
    display: str
    ordered_at: datetime | None
    resulted_at: datetime | None
    cancelled_at: datetime | None
    source_at: datetime

    @property
    def key(self) -> str:
        """The placer's number, else the filler's."""
        return self.placer or self.filler


@dataclass(frozen=True, slots=True)
class Merge:
    """Two patient numbers are one person: `merged` goes, `survivor` stays."""

    merged: str
    survivor: str
    event_at: datetime


Fact = Movement | OrderEvent | Merge
