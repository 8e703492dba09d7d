"""What analytics writes: figures that changed, freshness samples, and its pulse. Runs as role analytics, in the
caller's transaction: a figure and the notification of it are committed together. How old what it includes was by then
is known after that, and is written in a transaction of its own."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from marsad_center import db
from marsad_center.db import Connection
from marsad_center.indicators import freshness
from marsad_center.indicators.figures import Figure
from marsad_center.indicators.measure import Part

KEEP_SAMPLES = timedelta(hours=3)

_READ = """
SELECT v.*, d.quality, d.dimensions FROM indicator_value v LEFT JOIN indicator_detail d USING (id, facility)
 WHERE $1::text[] IS NULL OR facility = ANY ($1)"""
_WRITE = """
INSERT INTO indicator_value (id, facility, value, unit, numerator, denominator, window_seconds, target, status,
                             breakdown, source_at, computed_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::float8[], $4::text[], $5::float8[], $6::float8[], $7::float8[],
                     $8::float8[], $9::text[], $10::jsonb[], $11::timestamptz[], $12::timestamptz[])
ON CONFLICT (id, facility) DO UPDATE SET
    value = excluded.value, unit = excluded.unit, numerator = excluded.numerator, denominator = excluded.denominator,
    window_seconds = excluded.window_seconds, target = excluded.target, status = excluded.status,
    breakdown = excluded.breakdown, source_at = excluded.source_at, computed_at = excluded.computed_at"""
_DETAIL = """
INSERT INTO indicator_detail (id, facility, quality, dimensions)
SELECT * FROM unnest($1::text[], $2::text[], $3::float8[], $4::jsonb[])
ON CONFLICT (id, facility) DO UPDATE SET quality = excluded.quality, dimensions = excluded.dimensions"""
_SAMPLE = """
INSERT INTO freshness (feed_id, minute, upper_seconds, samples, max_seconds, backfilled, skewed)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (feed_id, minute, upper_seconds) DO UPDATE SET
    samples = freshness.samples + excluded.samples,
    max_seconds = greatest(freshness.max_seconds, excluded.max_seconds),
    backfilled = freshness.backfilled + excluded.backfilled,
    skewed = freshness.skewed + excluded.skewed"""
_PULSE = """
INSERT INTO pulse (one, computed_at) VALUES (true, $1)
ON CONFLICT (one) DO UPDATE SET computed_at = excluded.computed_at"""


async def written(connection: Connection, codes: list[str] | None = None) -> dict[tuple[str, str], Figure]:
    """The stored figures of `codes` ('' is the cluster), or all, by id and facility."""
    rows = await connection.fetch(_READ, codes)
    return {(row["id"], row["facility"]): _figure(row) for row in rows}


def _figure(row: Any) -> Figure:
    breakdown, dimensions = (
        None if row[name] is None else json.loads(row[name]) for name in ("breakdown", "dimensions")
    )
    if dimensions is not None:
        dimensions = {
            dimension: {member: Part(*part) for member, part in parts.items()}
            for dimension, parts in dimensions.items()
        }
    return Figure(**{**row, "breakdown": breakdown, "dimensions": dimensions})


async def write(connection: Connection, figures: Sequence[Figure]) -> None:
    """Insert or replace `figures` (each once)."""
    if figures:
        await connection.execute(
            _WRITE,
            *_columns((*_plain(each), _json(each.breakdown), each.source_at, each.computed_at) for each in figures),
        )


async def detail(connection: Connection, figures: Sequence[Figure]) -> None:
    """Insert or replace the quality and the dimensions of `figures` (each once)."""
    if figures:
        await connection.execute(
            _DETAIL, *_columns((each.id, each.facility, each.quality, _json(each.dimensions)) for each in figures)
        )


def _plain(figure: Figure) -> tuple[object, ...]:
    return (
        figure.id,
        figure.facility,
        figure.value,
        figure.unit,
        figure.numerator,
        figure.denominator,
        figure.window_seconds,
        figure.target,
        figure.status,
    )


def _columns(rows: Iterable[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value)


async def remove(connection: Connection, keys: Iterable[tuple[str, str]]) -> None:
    """Delete figures of facilities or indicators that are gone."""
    gone = list(keys)
    for table in ("indicator_value", "indicator_detail"):
        await connection.executemany(f"DELETE FROM {table} WHERE id = $1 AND facility = $2", gone)  # noqa: S608


async def notify(connection: Connection, facilities: Iterable[str]) -> None:
    """Tell the dashboards, at commit, whose figures or feeds to read again ('' is the cluster; no list means all)."""
    await db.notify(connection, "figures", facilities)


async def pulse(connection: Connection, now: datetime) -> None:
    """Say that everything that was due is computed as of `now`."""
    await connection.execute(_PULSE, now)


async def pulsed(connection: Connection) -> datetime | None:
    """When analytics last said that everything that was due is computed."""
    at: datetime | None = await connection.fetchval("SELECT computed_at FROM pulse")
    return at


async def waiting(connection: Connection) -> list[str]:
    """Facilities with events that no figure includes yet."""
    return [row["facility"] for row in await connection.fetch("SELECT DISTINCT facility FROM unmeasured")]


@dataclass(slots=True)
class _Sample:
    samples: int = 0
    largest: float = 0.0
    origins: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, slots=True)
class Measured:
    """Events that a pass took out of the outbox: how many, and the longest wait from receipt to figure in seconds."""

    events: int
    longest_lag: float


class Taken(NamedTuple):
    """An event that a pass took out of the outbox."""

    feed_id: int
    sent_at: datetime
    received_at: datetime


async def take(connection: Connection, codes: Sequence[str]) -> list[Taken]:
    """Take the waiting events of `codes` out of the outbox.

    Whatever it takes was committed together with its facts; facts read after this, in the same transaction or later,
    include it.
    """
    rows = await connection.fetch(
        "DELETE FROM unmeasured WHERE facility = ANY ($1)"
        " RETURNING feed_id, coalesce(sent_at, event_at) AS sent_at, received_at",
        list(codes),
    )
    return [Taken(*row) for row in rows]


async def measure(
    connection: Connection, taken: Sequence[Taken], shown: datetime, objective_seconds: float
) -> Measured:
    """Write `taken` into the freshness histogram, each with its age when its figures were `shown`."""
    samples: Mapping[tuple[int, float], _Sample] = defaultdict(_Sample)
    longest = 0.0
    for event in taken:
        seconds, origin = freshness.age(event.sent_at, event.received_at, shown, objective_seconds)
        sample = samples[event.feed_id, freshness.bound(seconds)]
        sample.samples += 1
        sample.largest = max(sample.largest, seconds)
        sample.origins[origin] += 1
        longest = max(longest, (shown - event.received_at).total_seconds())
    minute = shown.replace(second=0, microsecond=0)
    await connection.executemany(
        _SAMPLE,
        [
            (feed, minute, upper, each.samples, each.largest, each.origins["backfill"], each.origins["skewed"])
            for (feed, upper), each in sorted(samples.items())
        ],
    )
    return Measured(len(taken), longest)


async def forget(connection: Connection, now: datetime) -> None:
    """Delete freshness samples that no window reaches any more."""
    await connection.execute("DELETE FROM freshness WHERE minute < $1", now - KEEP_SAMPLES)
