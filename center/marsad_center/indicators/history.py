"""The history of figures: what was shown, a value a minute, and hours and days made of them.

    minute  the value at that minute; kept 7 days unless the declaration says otherwise, as with the others
    hour    the last value, least, most and mean of its minutes; kept 13 months
    day     the same of its hours, by the center's own midnight; kept 10 years

A part (a triage level, a specialty) has hours and days: its hour is the value that stood at the end of it. Its rows are
under an id of their own (see `part_id`), so that all that holds for hours and days holds for it.

What was shown is kept as it was shown: a late message changes the figure of now and not the series. Where there was not
enough data there is no row, so a gap is a gap. The tables are partitioned by time; the function keep_series of the
schema makes partitions ahead and drops old ones, and is all that analytics may do to them.

Roles: `series` runs as reader (and as analytics); everything else as analytics.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from marsad_center.db import Connection
from marsad_center.indicators.figures import Figure
from marsad_center.registry import Retention

log = logging.getLogger(__name__)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_JUST_OVER = timedelta(minutes=5)  # later than this, the values are not those that stood at the end of the hour


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a series: its start, the last value in it, and least, most and mean of all its values."""

    at: datetime
    value: float
    low: float
    high: float
    mean: float
    samples: int


# Each series from where the coarser one ends: days, the hours that are no day yet, the minutes that are no hour yet.
_SOURCES = """
    SELECT at, value, low, high, mean, samples FROM series_day
     WHERE $6 AND id = $1 AND facility = $2 AND at >= $3 AND at < least($4, (SELECT until FROM days))
    UNION ALL
    SELECT at, value, low, high, mean, samples FROM series_hour
     WHERE $7 AND id = $1 AND facility = $2 AND at >= $3 AND at < least($4, (SELECT until FROM hours))
       AND at >= CASE WHEN $6 THEN coalesce((SELECT until FROM days), '-infinity') ELSE '-infinity' END
    UNION ALL
    SELECT at, value, value, value, value, 1 FROM series_minute
     WHERE id = $1 AND facility = $2 AND at >= $3 AND at < $4
       AND at >= CASE WHEN $7 THEN coalesce((SELECT until FROM hours), '-infinity') ELSE '-infinity' END"""
_SERIES = f"""
WITH days AS (SELECT until FROM series_rolled WHERE series = 'day'),
     hours AS (SELECT until FROM series_rolled WHERE series = 'hour'),
     found AS ({_SOURCES})
SELECT date_bin($5, at, $3) AS at, (array_agg(value ORDER BY at DESC))[1] AS value, min(low) AS low, max(high) AS high,
       sum(mean * samples) / sum(samples) AS mean, sum(samples)::bigint AS samples
  FROM found GROUP BY 1 ORDER BY 1"""  # noqa: S608 - constants

_MINUTE = """
INSERT INTO series_minute (id, facility, at, value) SELECT id, facility, $4, value
  FROM unnest($1::text[], $2::text[], $3::float8[]) AS f (id, facility, value)
ON CONFLICT (id, facility, at) DO UPDATE SET value = excluded.value"""
_PARTS = """
INSERT INTO series_hour (id, facility, at, value, low, high, mean, samples)
SELECT id, facility, $4, value, value, value, value, 1
  FROM unnest($1::text[], $2::text[], $3::float8[]) AS f (id, facility, value)
ON CONFLICT (id, facility, at) DO NOTHING"""
_ROLL = """
INSERT INTO series_{series} (id, facility, at, value, low, high, mean, samples)
SELECT id, facility, date_trunc('{series}', at, $3), (array_agg(value ORDER BY at DESC))[1], {columns}
  FROM series_{finer} WHERE at >= $1 AND at < $2 GROUP BY 1, 2, 3
ON CONFLICT (id, facility, at) DO UPDATE SET value = excluded.value, low = excluded.low, high = excluded.high,
    mean = excluded.mean, samples = excluded.samples"""
_ROLL_HOURS = _ROLL.format(series="hour", finer="minute", columns="min(value), max(value), avg(value), count(*)")
_ROLL_DAYS = _ROLL.format(
    series="day",
    finer="hour",
    columns="min(low), max(high), sum(mean * samples) / sum(samples), sum(samples)",
)


async def series(  # noqa: PLR0917 - what a query of the web says
    connection: Connection, id_: str, facility: str, start: datetime, end: datetime, step: timedelta
) -> list[Point]:
    """The history of one figure (facility '' is the cluster) from `start` up to `end`, a point a `step`, oldest first.

    Steps begin at `start`; one without a value is left out. Steps of an hour or more are made of hours, of a day or
    more of days, so `start` had best lie on one. Raises ValueError when `step` is under a minute.
    """
    if step < MINUTE:
        raise ValueError("a step is a minute or longer")
    rows = await connection.fetch(_SERIES, id_, facility, start, end, step, step >= DAY, step >= HOUR)
    return [Point(**row) for row in rows]


def part_id(id_: str, dimension: str, member: str) -> str:
    """Under which id the series of a part of the figure `id_` stands."""
    return f"{id_}|{dimension}|{member}"


async def keep(connection: Connection, now: datetime, retention: Retention) -> bool:
    """Make partitions ahead and drop those that are too old; False when readers of the series were in the way for two
    seconds, and it is to be tried again."""
    try:
        await connection.execute(
            "SELECT keep_series($1, $2, $3, $4)", now, retention.minute_days, retention.hour_days, retention.day_days
        )
    except asyncpg.LockNotAvailableError:
        log.warning("partitions of the history wait for its readers and are made at the next try")
        return False
    return True


async def record(connection: Connection, figures: Iterable[Figure], now: datetime, zone: str) -> None:
    """Add the minute of `now`, and the hours and days (of the time zone `zone`) that are over since the last time."""
    figures = list(figures)
    known = [figure for figure in figures if figure.value is not None]
    async with connection.transaction():
        await connection.execute(
            _MINUTE,
            [figure.id for figure in known],
            [figure.facility for figure in known],
            [figure.value for figure in known],
            now.replace(second=0, microsecond=0),
        )
        last, until = await _roll(connection, "hour", _ROLL_HOURS, now, "UTC")
        if last is not None and until - last == HOUR and now - until < _JUST_OVER:
            await _record_parts(connection, figures, last)
        await _roll(connection, "day", _ROLL_DAYS, now, zone)


async def _record_parts(connection: Connection, figures: Iterable[Figure], hour: datetime) -> None:
    parts = [
        (part_id(figure.id, dimension, member), figure.facility, part.value)
        for figure in figures
        for dimension, members in (figure.dimensions or {}).items()
        for member, part in members.items()
        if part.value is not None
    ]
    if parts:
        await connection.execute(_PARTS, *(list(column) for column in zip(*parts, strict=True)), hour)


async def _roll(
    connection: Connection, series_: str, sql: str, now: datetime, zone: str
) -> tuple[datetime | None, datetime]:
    """Aggregate all that ended since the last time, however long ago: a center that was off catches up. Until when that
    was done before (None: never), and until when it is now."""
    last, until = await connection.fetchrow(
        "SELECT (SELECT until FROM series_rolled WHERE series = $1), date_trunc($1, $2::timestamptz, $3)",
        series_,
        now,
        zone,
    )
    if last is not None and until <= last:
        return last, last
    if last is not None:
        await connection.execute(sql, last, until, zone)
    await connection.execute(
        "INSERT INTO series_rolled (series, until) VALUES ($1, $2)"
        " ON CONFLICT (series) DO UPDATE SET until = excluded.until",
        series_,
        until,
    )
    return last, until
