"""What the page shows beside figures, as rows: their history, forecasts, and recommendations with people's answers."""

from __future__ import annotations

import json
import math
import random
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from marsad_center.forecast import store
from marsad_center.forecast.outlook import ARRIVALS, BEDS, Forecast, Point, Quality
from marsad_center.indicators import history
from marsad_center.registry import Retention

QUALITY = {"hour": ("ensemble", 52, 0.121, 0.163, 0.74, 1.0), "day": ("ensemble", 52, 0.078, 0.098, 0.71, 0.93)}


async def remembered(owner: asyncpg.Connection, facility: str, id_: str, now: datetime, value: float) -> None:
    """The last 24 hours of a figure, a minute apart, with a pause of two hours; it ends at `value`."""
    dice = random.Random(id_ + facility)
    for days in range(3):
        await history.keep(owner, now - timedelta(days=days), Retention())
    minute = now.replace(second=0, microsecond=0)
    rows = []
    for ago in range(1, 1440, 5):
        if not 700 < ago < 820:
            shown = value * (1 - 0.25 * math.sin(ago / 230)) * dice.uniform(0.97, 1.03)
            rows.append((id_, facility, minute - timedelta(minutes=ago), shown))
    await owner.executemany("INSERT INTO series_minute (id, facility, at, value) VALUES ($1, $2, $3, $4)", rows)


async def of_parts(
    owner: asyncpg.Connection, facility: str, id_: str, now: datetime, parts: dict[tuple[str, str], float]
) -> None:
    """A day of parts (dimension and member) of a figure, by the hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    for days in (1, 0):
        await history.keep(owner, now - timedelta(days=days), Retention())
    rows = [
        (history.part_id(id_, *part), facility, hour - timedelta(hours=ago), value)
        for part, value in parts.items()
        for ago in range(1, 25)
    ]
    await owner.executemany(
        "INSERT INTO series_hour (id, facility, at, value, low, high, mean, samples)"
        " VALUES ($1, $2, $3, $4, $4, $4, $4, 1)",
        rows,
    )
    await owner.execute("INSERT INTO series_rolled (series, until) VALUES ('hour', $1) ON CONFLICT DO NOTHING", hour)


async def expected(owner: asyncpg.Connection, facility: str, now: datetime, arrivals: float, beds: float) -> None:
    """Forecasts of arrivals (an hour) and of occupied beds around these numbers."""
    made = []
    hour = now.replace(minute=0, second=0, microsecond=0)
    for id_, level in ((ARRIVALS, arrivals), (BEDS, beds)):
        swing = 0.6 if id_ == ARRIVALS else 0.04
        points = [
            Point(
                hour + timedelta(hours=ahead),
                value := level * (1 + swing * math.sin((ahead + hour.hour - 9) / 24 * 2 * math.pi)),
                max(0.0, value - 0.25 * swing * level - math.sqrt(value) * (id_ == ARRIVALS)),
                value + 0.25 * swing * level + math.sqrt(value) * (id_ == ARRIVALS),
                value * (1 + swing * 0.2 * math.cos(ahead)),
            )
            for ahead in range(48)
        ]
        day = [sum(getattr(each, name) for each in points[:24]) for name in ("value", "low", "high", "naive")]
        grains = QUALITY if id_ == ARRIVALS else {"hour": QUALITY["hour"]}
        made.append(
            Forecast(
                id_, facility, "ok", None, 400.0, 28.0, hour, now,
                hours=tuple(points),
                total=Point(hour, *day) if id_ == ARRIVALS else None,
                quality={grain: Quality(*fields, coverage=0.81, trained_at=now) for grain, fields in grains.items()},
            )
        )  # fmt: skip
    await store.write(owner, made)


async def unforeseen(owner: asyncpg.Connection, facility: str, now: datetime) -> None:
    """Too short a history to forecast anything from."""
    nothing = {"state": "no-data", "reason": "history", "history_days": 9.4, "required_days": 28.0}
    both: list[Any] = [Forecast(id_, facility, known_until=None, made_at=now, **nothing) for id_ in (ARRIVALS, BEDS)]  # type: ignore[arg-type]
    await store.write(owner, both)


async def advised(
    owner: asyncpg.Connection, facility: str, rule: str, opened_at: datetime, causes: list[tuple[Any, ...]]
) -> int:
    """An open recommendation; `causes` of (figure, part, is, threshold, release, value, holds)."""
    names = ("figure", "part", "is", "threshold", "release", "value", "holds")
    fields = [{**dict(zip(names, cause, strict=True)), "sourceAt": opened_at.isoformat()} for cause in causes]
    number: int = await owner.fetchval(
        "INSERT INTO recommendation (facility, rule, opened_at, figures) VALUES ($1, $2, $3, $4) RETURNING id",
        facility,
        rule,
        opened_at,
        json.dumps(fields),
    )
    return number


async def close(owner: asyncpg.Connection, number: int, at: datetime) -> None:
    """The figures came back."""
    await owner.execute("UPDATE recommendation SET closed_at = $2, outcome = 'released' WHERE id = $1", number, at)


async def answered(owner: asyncpg.Connection, number: int, decision: str, by: str, note: str = "") -> None:
    """A person's answer."""
    await owner.execute("SELECT answer_recommendation($1, $2, $3, NULL, $4)", number, decision, by, note)
