"""Forecasts in the database: written by analytics, read by analytics and by the dashboard (role reader)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from marsad_center.db import Connection
from marsad_center.forecast.outlook import Forecast, Point, Quality, together

# One statement, hence one snapshot: a forecast is never read half old and half new.
_READ = """
SELECT s.*,
       (SELECT json_agg(p ORDER BY p.at) FROM forecast p WHERE p.facility = s.facility AND p.id = s.id) AS points,
       (SELECT json_agg(q) FROM forecast_quality q WHERE q.facility = s.facility AND q.id = s.id) AS quality
  FROM forecast_state s JOIN facility f ON f.code = s.facility
 WHERE f.active AND ($1::text[] IS NULL OR s.facility = ANY ($1)) AND ($2::text IS NULL OR s.id = $2)
 ORDER BY s.facility, s.id"""

_OLDEST = "SELECT min(s.made_at) FROM forecast_state s JOIN facility f ON f.code = s.facility WHERE f.active"
_REPLACE = "DELETE FROM forecast_state WHERE facility = $1 AND id = $2"  # points and quality go with it
_STATE = """
INSERT INTO forecast_state (facility, id, state, reason, history_days, required_days, known_until, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""
_POINT = """
INSERT INTO forecast (facility, id, grain, at, value, low, high, naive) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""
_MEASURED = """
INSERT INTO forecast_quality (facility, id, grain, model, origins, wape, naive_wape, mase, naive_mase, coverage,
                              trained_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""

_QUALITY_FIELDS = ("model", "origins", "wape", "naive_wape", "mase", "naive_mase", "coverage")


async def latest(connection: Connection, facility: str, id: str, now: datetime) -> Forecast | None:
    """The newest forecast `id` of `facility`, or of the whole cluster ("": the sum of its facilities), as of `now`.

    None when none was ever tried; a forecast in state "no-data" when there is too little to say anything, or when it
    was not renewed.
    """
    found = await read(connection, now, [facility] if facility else None, id)
    if facility:
        return found.get((facility, id))
    return together(list(found.values()))


async def read(
    connection: Connection, now: datetime, facilities: Sequence[str] | None = None, id: str | None = None
) -> dict[tuple[str, str], Forecast]:
    """The newest forecasts by facility and id, of active `facilities` (None: all), as of `now`."""
    rows = await connection.fetch(_READ, None if facilities is None else list(facilities), id)
    return {(row["facility"], row["id"]): _forecast(dict(row)).as_of(now) for row in rows}


async def oldest(connection: Connection) -> datetime | None:
    """When the forecast of an active facility that was renewed longest ago was made; None when there is none at all."""
    at: datetime | None = await connection.fetchval(_OLDEST)
    return at


def _forecast(row: dict[str, Any]) -> Forecast:
    grains: dict[str, list[Point]] = {"hour": [], "day": [], "total": []}
    for each in json.loads(row.pop("points") or "[]"):
        at = datetime.fromisoformat(each["at"]).astimezone(UTC)
        grains[each["grain"]].append(Point(at, each["value"], each["low"], each["high"], each["naive"]))
    quality = {}
    for each in json.loads(row.pop("quality") or "[]"):
        fields = {name: each[name] for name in _QUALITY_FIELDS}
        trained_at = datetime.fromisoformat(each["trained_at"]).astimezone(UTC)
        quality[each["grain"]] = Quality(**fields, trained_at=trained_at)
    return Forecast(
        **row,
        hours=tuple(grains["hour"]),
        days=tuple(grains["day"]),
        total=next(iter(grains["total"]), None),
        quality=quality,
    )


async def write(connection: Connection, forecasts: Sequence[Forecast]) -> None:
    """Replace what is stored under each forecast's facility and id, all in one transaction."""
    async with connection.transaction():
        for each in forecasts:
            key = each.facility, each.id
            await connection.execute(_REPLACE, *key)
            await connection.execute(
                _STATE,
                *key,
                each.state,
                each.reason,
                each.history_days,
                each.required_days,
                each.known_until,
                each.made_at,
            )
            await connection.executemany(_POINT, [(*key, *fields) for fields in _point_rows(each)])
            await connection.executemany(_MEASURED, [(*key, *fields) for fields in _quality_rows(each)])


def _point_rows(forecast: Forecast) -> list[tuple[Any, ...]]:
    grains = {"hour": forecast.hours, "day": forecast.days, "total": (forecast.total,) if forecast.total else ()}
    return [
        (grain, point.at, point.value, point.low, point.high, point.naive)
        for grain, points in grains.items()
        for point in points
    ]


def _quality_rows(forecast: Forecast) -> list[tuple[Any, ...]]:
    return [
        (grain, *(getattr(each, name) for name in _QUALITY_FIELDS), each.trained_at)
        for grain, each in forecast.quality.items()
    ]
