"""HL7 time stamps, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad_center.gateway.times import parse_period, parse_time

RIYADH = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20261123100000+0300", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("20261123100000", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("202611231000", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("2026112310", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("20261123", datetime(2026, 11, 22, 21, tzinfo=UTC)),
        ("20261123100000.1234-0100", datetime(2026, 11, 23, 11, 0, 0, 123400, tzinfo=UTC)),
    ],
)
def test_a_time_without_offset_is_read_where_it_was_written(text: str, expected: datetime) -> None:
    assert parse_time(text, RIYADH) == expected


@pytest.mark.parametrize(
    "text", ["", "2026", "202611", "20260230", "20261123250000", "yesterday", "٢٠٢٦١١٢٣", "00010101+0300"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_time(text, RIYADH)


@pytest.mark.parametrize(
    ("text", "period"),
    [("2019", "2019"), ("201905", "2019-05"), ("2019+0300", "2019"), ("20190501", None), ("201913", None), ("", None)],
)
def test_a_year_or_a_month_is_known_and_is_no_time(text: str, period: str | None) -> None:
    """HL7 v2.5.1, 2.A.77 (TS): YYYY[MM[DD[...]]], the precision is what is written."""
    assert parse_period(text) == period


@given(st.text(st.sampled_from("0123456789.+-"), max_size=26))
def test_digits_give_a_time_in_utc_or_a_value_error(text: str) -> None:
    try:
        assert parse_time(text, RIYADH).tzinfo is UTC
    except ValueError:
        return
