"""A batch as array literals: whatever a sender writes comes back from the database as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marsad_center.facts.columns import Columns
from marsad_center.tests.conftest import Database

COLUMNS = Columns(
    {"text": "text", "bare": "text", "number": "bigint", "yes": "boolean", "at": "timestamptz", "bytes": "bytea"},
    nullable={"bare"},
)
# What a literal has marks for is met all the time.
TEXTS = st.text(st.one_of(st.sampled_from("\"\\,{}' NUL\n\t"), st.characters(exclude_characters="\0", codec="utf-8")))
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2255, 1, 1), timezones=st.just(UTC))
ROWS = st.lists(
    st.tuples(
        st.none() | TEXTS,
        TEXTS,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.booleans(),
        st.none() | TIMES,
        st.none() | st.binary(),
    ),
    min_size=1,
    max_size=8,
)


async def round_trip(connection: Any, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found = await connection.fetch(f"SELECT {COLUMNS.source}", *COLUMNS.arguments(rows))
    return [tuple(row) for row in found]


async def test_every_value_comes_back_as_it_was(database: Database) -> None:
    drawn: list[tuple[Any, ...]] = []

    @settings(max_examples=200, deadline=None, database=None)
    @given(ROWS)
    def draw(rows: list[tuple[Any, ...]]) -> None:
        drawn.extend(rows)

    draw()
    written = ("", "NULL", "null", '"', "\\", '","', "{}", "a,b", "\u202eعربي")
    drawn += [(text, text, 0, True, None, b"") for text in written]
    async with database.connect("gateway") as connection:
        found = await round_trip(connection, drawn)
    assert found == [(text, bare or None, *rest) for text, bare, *rest in drawn]
    assert len(drawn) > 200


@pytest.mark.parametrize(
    "at",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 11, 24, 10, 0, 0, 1, tzinfo=timezone(timedelta(hours=3))),
    ],
)
async def test_times_of_the_whole_calendar_are_exact(database: Database, at: datetime) -> None:
    async with database.connect("gateway") as connection:
        found = await round_trip(connection, [("", "", 0, False, at, None)])
    assert found[0][4] == at
