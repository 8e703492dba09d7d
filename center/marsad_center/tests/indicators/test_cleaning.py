"""Turns of a bed, from the statuses that A20 brings (HL7 table 0116: K contaminated, H housekeeping, U unoccupied)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from marsad_center.indicators.cleaning import Told, turns

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def told(*steps: tuple[int, str]) -> list[tuple[str, int]]:
    """What the turns took, in minutes, of a bed that entered each status at that minute."""
    found = turns(Told("W1^1^1", START + timedelta(minutes=minute), status) for minute, status in steps)
    return [(turn.what, turn.seconds // 60) for turn in found]


def test_a_turn_is_a_response_a_cleaning_and_both_together() -> None:
    assert told((0, "contaminated"), (20, "housekeeping"), (45, "unoccupied")) == [
        ("cleaning_response", 20),
        ("cleaning", 25),
        ("cleaning_turn", 45),
    ]


def test_the_same_status_again_begins_nothing_anew() -> None:
    steps = (0, "contaminated"), (5, "contaminated"), (20, "housekeeping"), (30, "housekeeping"), (45, "unoccupied")
    assert told(*steps) == [("cleaning_response", 20), ("cleaning", 25), ("cleaning_turn", 45)]


def test_a_bed_that_was_never_told_dirty_has_a_cleaning_only() -> None:
    assert told((0, "occupied"), (20, "housekeeping"), (45, "unoccupied")) == [("cleaning", 25)]


def test_a_bed_that_somebody_lies_in_again_was_not_turned() -> None:
    assert told((0, "contaminated"), (10, "occupied"), (45, "unoccupied")) == []


def test_beds_do_not_take_each_others_turns() -> None:
    one, other = (Told(bed, START, "contaminated") for bed in ("A", "B"))
    clean = Told("A", START + timedelta(minutes=50), "unoccupied")
    assert [turn.seconds for turn in turns([one, other, clean])] == [3000]
