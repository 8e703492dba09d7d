"""Merged patient numbers: who stays does not depend on the order in which it was told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marsad_center.facts.merging import Logged, survivors

NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)


def minute(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


@pytest.mark.parametrize(
    ("said", "stays"),
    [
        ([("A", "B", 1)], {"A": "B", "B": "B", "X": "X"}),
        ([("A", "B", 1), ("B", "C", 2)], {"A": "C", "B": "C"}),
        ([("A", "B", 2), ("B", "C", 1)], {"A": "C"}),
        ([("A", "B", 1), ("B", "A", 2)], {"A": "A", "B": "A"}),  # the other way round after all
        ([("A", "B", 1), ("B", "C", 2), ("C", "A", 3), ("X", "B", 4)], {"A": "A", "B": "A", "C": "A", "X": "A"}),
    ],
)
def test_chains_end_at_the_last_and_circles_at_whom_the_newest_merge_says(
    said: list[tuple[str, str, int]], stays: dict[str, str]
) -> None:
    log = sorted((Logged(old, new, minute(at), at) for old, new, at in said), key=lambda row: row.event_at)
    found = {merged: survivor for merged, (survivor, _row) in survivors(log).items()}
    assert {number: found.get(number, number) for number in stays} == stays
