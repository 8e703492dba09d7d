"""A busy afternoon in a health cluster, as rows: what screenshots and browser tests look at."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from marsad_center.indicators.freshness import bound
from marsad_center.tests.conftest import CENTER
from marsad_center.tests.indicators.rows import Rows


def _facility(code: str, kind: str, level: str, arabic: str, english: str, spaces: int, beds: int, feeds: Any) -> Any:
    return {
        "code": code,
        "kind": kind,
        "level": level,
        "displayNames": {"ar": arabic, "en": english},
        "capacity": {"edSpaces": spaces, "beds": {"general": beds} if beds else {}},
        "feeds": [
            {"name": name, "sendingApplication": application, "sendingFacility": code, "transport": "MLLP"}
            for name, application in feeds
        ],
        "platforms": [],
    }


BUSY_CENTER: dict[str, Any] = {
    **CENTER,
    "facilities": [
        _facility(
            "KAMC",
            "Hospital",
            "City",
            "مدينة الملك عبدالله الطبية",
            "King Abdullah Medical City",
            64,
            420,
            [("his", "KAMCHIS"), ("lis", "KAMCLIS")],
        ),
        _facility(
            "NOOR",
            "Specialised",
            "City",
            "مستشفى النور التخصصي",
            "Al-Noor Specialist Hospital",
            44,
            360,
            [("his", "NOORHIS")],
        ),
        _facility(
            "KFH", "Hospital", "City", "مستشفى الملك فيصل", "King Faisal Hospital", 40, 300, [("his", "SIMHOSP")]
        ),
        _facility(
            "HERA", "Hospital", "County", "مستشفى حراء العام", "Hera General Hospital", 30, 220, [("his", "HERAHIS")]
        ),
        _facility(
            "AJYD", "Hospital", "City", "مستشفى أجياد", "Ajyad Emergency Hospital", 24, 50, [("his", "AJYADHIS")]
        ),
        _facility(
            "SHRQ",
            "PrimaryCare",
            "Township",
            "مركز الشرائع الصحي",
            "Al-Sharaie Health Center",
            4,
            0,
            [("emr", "PHCEMR")],
        ),
    ],
}

# code: in the ED, share seen, inpatients, median laboratory seconds, feed quiet for seconds
_PICTURE = {
    "KAMC": (51, 0.62, 352, 2300, 3),
    "NOOR": (47, 0.45, 318, 3100, 6),
    "KFH": (28, 0.70, 231, 2000, 2),
    "HERA": (21, 0.60, 207, 2600, 45),
    "AJYD": (14, 0.55, 31, 1800, 2700),
}
_DAY = (2, 2, 1, 1, 1, 2, 3, 5, 8, 9, 10, 9, 8, 8, 7, 8, 9, 10, 11, 11, 9, 7, 5, 3)  # arrivals by hour of the day


_VISIT = """
INSERT INTO encounter (visit_key, facility, class, state, in_ed, triage_level, bed, ed_arrived_at, seen_at, source_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
_ORDER = """
INSERT INTO clinical_order (order_key, facility, kind, ordered_at, resulted_at, source_at)
VALUES ($1, $2, $3, $4, $5, $5)"""


async def busy(rows: Rows, now: datetime | None = None, *, seed: int = 7) -> None:
    """Fill the database with the picture as of `now`; `rows` must be the owner's."""
    dice = random.Random(seed)
    now = now or datetime.now(UTC)
    await rows.registry(BUSY_CENTER)
    visits: list[tuple[Any, ...]] = []
    orders: list[tuple[Any, ...]] = []
    for code, (census, seen, inpatients, laboratory, quiet) in _PICTURE.items():
        for _ in range(census):
            arrived = now - timedelta(minutes=dice.uniform(2, 55 if dice.random() < 0.25 else 400))
            level = dice.choices([1, 2, 3, 4, 5, None], [2, 12, 40, 30, 12, 4])[0]
            seen_at = arrived + timedelta(minutes=20) if dice.random() < seen else None
            visits.append((code, "E", "present", True, level, None, arrived, seen_at, arrived))
        visits += [(code, "I", "present", False, None, "B", None, None, now - timedelta(days=1))] * inpatients
        for hours in range(1, 24):
            for _ in range(round(_DAY[(now.hour - hours) % 24] * dice.uniform(0.5, 1.3))):
                at = now - timedelta(hours=hours, minutes=dice.uniform(0, 59))
                visits.append((code, "E", "departed", False, None, None, at, None, at))
        for kind, count, median in (("lab", 120, laboratory), ("radiology", 30, laboratory * 4)):
            for _ in range(count):
                at = now - timedelta(hours=dice.uniform(0, 23))
                took = timedelta(seconds=median * dice.lognormvariate(0, 0.35))
                orders.append((code, kind, at - took, at))
        await rows.event(code, now - timedelta(seconds=quiet), count=dice.randint(900, 4000), outbox=False)
        for minutes in range(int(quiet // 60) + 1, 60):
            await _measured(rows.connection, rows.feeds[code], now - timedelta(minutes=minutes), dice.uniform(0.3, 4))
    await rows.connection.executemany(_VISIT, [(f"V{number}", *visit) for number, visit in enumerate(visits)])
    await rows.connection.executemany(_ORDER, [(f"O{number}", *order) for number, order in enumerate(orders)])
    await rows.connection.execute(
        "UPDATE feed_counter SET received = received + 14, rejected = 11, quarantined = 2, duplicate = 3 "
        "WHERE feed_id = $1",
        rows.feeds["KFH"],
    )
    await rows.connection.execute(
        "UPDATE freshness SET backfilled = 5, skewed = 2 WHERE feed_id = $1 AND minute ="
        " (SELECT max(minute) FROM freshness WHERE feed_id = $1)",
        rows.feeds["HERA"],
    )
    await rows.connection.execute(
        "UPDATE feed_counter SET last_event_at = last_event_at + interval '40 days' WHERE feed_id = $1",
        rows.feeds["HERA"],
    )


async def _measured(connection: asyncpg.Connection, feed: int, at: datetime, seconds: float) -> None:
    await connection.execute(
        "INSERT INTO freshness (feed_id, minute, upper_seconds, samples, max_seconds) VALUES ($1, $2, $3, 20, $4)",
        feed,
        at.replace(second=0, microsecond=0),
        bound(seconds),
        seconds,
    )
