"""When an order was placed, resulted and cancelled, as SQL: of two rows that know of one order, what they come to.

Which messages have come is all that matters, never in which order: each column is a minimum, a maximum, or what the
newest message said. A result may be taken back, so `results` holds which results there were once there is more to tell
than the first of them: `source|said|resulted`, with nothing behind the last bar where the source took it back.
"""

from __future__ import annotations

from datetime import UTC, datetime

from marsad_center.facts.events import OrderEvent


def assigned(old: str, new: str) -> str:
    """`column = value, ...` of an UPDATE of the row `old` by what the row `new` knows."""
    return f"""
        ordered_at = CASE
            WHEN {old}.ordered_said_at IS NULL AND {new}.ordered_said_at IS NULL
              OR {old}.ordered_said_at = {new}.ordered_said_at THEN least({old}.ordered_at, {new}.ordered_at)
            WHEN {new}.ordered_said_at IS NULL OR {old}.ordered_said_at > {new}.ordered_said_at THEN {old}.ordered_at
            ELSE {new}.ordered_at END,
        ordered_said_at = greatest({old}.ordered_said_at, {new}.ordered_said_at),
        placed_at = greatest({old}.placed_at, {new}.placed_at),
        {_cancelled(old, new)},
        {_resulted(old, new)}"""


def _cancelled(old: str, new: str) -> str:
    """Of a row of an earlier release, which has no withdrawn_at, it is when the order was cancelled."""
    before, after = (f"coalesce({row}.withdrawn_at, {row}.cancelled_at)" for row in (old, new))
    return f"""cancelled_at = CASE
            WHEN greatest({old}.placed_at, {new}.placed_at) > greatest({before}, {after}) THEN NULL
            WHEN {before} = {after} THEN least({old}.cancelled_at, {new}.cancelled_at)
            WHEN {after} IS NULL OR {before} > {after} THEN {old}.cancelled_at
            ELSE {new}.cancelled_at END,
        withdrawn_at = greatest({before}, {after})"""


def _resulted(old: str, new: str) -> str:
    """Nearly every order has one result, said by one message: then there is nothing to unite."""
    none = {row: f"({row}.results IS NULL AND {row}.resulted_at IS NULL)" for row in (old, new)}
    united = f"results_united({', '.join(f'results_said({row}.results, {row}.resulted_at)' for row in (old, new))})"
    return f"""results = CASE WHEN {none[new]} THEN {old}.results WHEN {none[old]} THEN {new}.results ELSE {united} END,
        resulted_at = CASE WHEN {none[new]} THEN {old}.resulted_at WHEN {none[old]} THEN {new}.resulted_at
            ELSE results_first(coalesce({united}, results_said(NULL, {old}.resulted_at))) END"""


def results(event: OrderEvent) -> str:
    """What the event adds to the column; '' where its resulted_at says it all."""
    if event.retracted_at is not None:
        return f"{event.result_source}|{_text(event.retracted_at)}|"
    if event.resulted_at is None or not event.result_source:
        return ""
    return f"{event.result_source}|{_text(event.result_said_at or event.resulted_at)}|{_text(event.resulted_at)}"


def _text(at: datetime) -> str:
    """As to_char writes it in migration 0024: it sorts."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
