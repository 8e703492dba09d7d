"""Repeated measurements and how they are told: smallest, median and largest, because two numbers hide the spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Samples:
    """One quantity, measured once a round. `unit` is printed as it is."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def row(self) -> tuple[str, ...]:
        """Cells of the table."""
        return (self.name, *(_digits(value) for value in (min(self.values), self.median, max(self.values))), self.unit)

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        spread = {"min": min(self.values), "median": self.median, "max": max(self.values)}
        return {"name": self.name, "unit": self.unit, "values": list(self.values), **spread}


@dataclass(frozen=True)
class Report:
    """One benchmark's outcome. `conclusion` says what the ratios mean, and which goal was reached or not."""

    title: str
    samples: Sequence[Samples]
    conclusion: Sequence[str]

    def text(self) -> str:
        """A table for people."""
        rows = [("", "min", "median", "max", ""), *(one.row() for one in self.samples)]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [self.title, ""]
        for row in rows:
            cells = (row[0].ljust(widths[0]), *(row[n].rjust(widths[n]) for n in (1, 2, 3)), row[4])
            lines.append("  " + "  ".join(cells).rstrip())
        return "\n".join([*lines, "", *(f"  {line}" for line in self.conclusion)])

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        samples = [one.as_json() for one in self.samples]
        return {"title": self.title, "samples": samples, "conclusion": list(self.conclusion)}


def ratios(name: str, of: Samples, to: Samples) -> Samples:
    """Round by round: each pair was measured next to each other, on a machine in the same mood."""
    return Samples(name, "", tuple(one / other for one, other in zip(of.values, to.values, strict=True)))


def _digits(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}"
