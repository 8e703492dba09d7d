"""HL7 time stamps: YYYY[MM[DD[HH[MM[SS[.S+]]]]]][+/-ZZZZ], chapter 2A (TS, DTM)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

_STAMP = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?)?(?:([+-])(\d\d)(\d\d))?", re.ASCII
)
_PERIOD = re.compile(r"(\d{4})(0[1-9]|1[0-2])?(?:[+-]\d{4})?", re.ASCII)


def parse_period(text: str) -> str | None:
    """The year or the month (2019, 2019-05) where `text` is a time of no finer precision; else None."""
    match = _PERIOD.fullmatch(text)
    return "-".join(filter(None, match.groups())) if match is not None else None


@lru_cache(maxsize=4096)  # a message says one time in many places, and so do the messages of a second
def parse_time(text: str, zone: tzinfo) -> datetime:
    """`text` in UTC; `zone` is where a time without an offset was written. Needs at least a day.

    Raises ValueError when it is no time.
    """
    match = _STAMP.fullmatch(text)
    if match is None:
        raise ValueError("not an HL7 time")
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = match.groups()
    where = zone
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        where = timezone(-offset if sign == "-" else offset)
    local = datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "0").ljust(6, "0")[:6]),
        tzinfo=where,
    )
    try:
        return local.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar
        raise ValueError("not an HL7 time") from None
