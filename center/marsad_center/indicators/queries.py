"""The thin shell: indexed SQL from the center's tables to frozen facts. Every query names the facilities it reads.

Roles: `feeds` runs as analytics and as reader; the others as analytics, which cannot read who a patient is.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from marsad_center.db import Connection
from marsad_center.indicators import windows
from marsad_center.indicators.cleaning import Told, turns
from marsad_center.indicators.facts import Facility, Feed, Present, Recent
from marsad_center.indicators.freshness import SKEW_SECONDS, WINDOW, Bucket
from marsad_center.indicators.tally import SPECIALTY, TIER, TRIAGE, UNKNOWN, WHOLE, Cell, Tally
from marsad_center.indicators.windows import Query

HOURS_SHOWN = 24
_SKEW = timedelta(seconds=SKEW_SECONDS)
_LONGEST = 60  # characters of a specialty, which is a sender's word
_KEYS = frozenset(
    {
        *("facility", "triage_level", "tier", "boarding_since", "meaning"),
        *("specialty", "specialty_system", "specialty_code", "specialty_display"),
    }
)

_FACILITIES = "SELECT code, ed_spaces, beds, platforms, kind, vaccination FROM facility WHERE active ORDER BY code"

_FEEDS = """
SELECT f.id, f.facility, f.name, coalesce(c.received, 0) AS received, coalesce(c.accepted, 0) AS accepted,
       coalesce(c.rejected, 0) AS rejected, coalesce(c.duplicate, 0) AS duplicate,
       coalesce(c.quarantined, 0) AS quarantined, c.last_event_at, c.last_received_at,
       c.last_sent_at, c.last_accepted_at, c.tells
  FROM feed f LEFT JOIN feed_counter c ON c.feed_id = f.id
 WHERE f.active AND f.facility = ANY ($1) ORDER BY f.facility, f.name"""

_FRESHNESS = """
SELECT feed_id, upper_seconds, sum(samples)::bigint AS samples, max(max_seconds) AS largest,
       sum(backfilled)::bigint AS backfilled, sum(skewed)::bigint AS skewed
  FROM freshness WHERE feed_id = ANY ($1) AND minute > $2 GROUP BY feed_id, upper_seconds"""


async def facilities(connection: Connection) -> dict[str, Facility]:
    """Every active facility with its capacity, platforms, kind and groups of vaccinations."""
    return {
        row["code"]: Facility(
            row["code"],
            row["ed_spaces"],
            sum(json.loads(row["beds"]).values()),
            tuple(sorted(json.loads(row["platforms"]))),
            row["kind"],
            tuple((group["name"], group["population"]) for group in json.loads(row["vaccination"])),
        )
        for row in await connection.fetch(_FACILITIES)
    }


async def feeds(connection: Connection, codes: Sequence[str], now: datetime) -> dict[str, list[Feed]]:
    """Active feeds of each of the facilities `codes`, with counters and the last hour's freshness."""
    rows = await connection.fetch(_FEEDS, list(codes))
    samples: dict[int, list[Any]] = defaultdict(list)
    for row in await connection.fetch(_FRESHNESS, [row["id"] for row in rows], now - WINDOW):
        samples[row["feed_id"]].append(row)
    result: dict[str, list[Feed]] = {code: [] for code in codes}
    for row in rows:
        mine = samples[row["id"]]
        result[row["facility"]].append(
            Feed(
                **row,
                buckets=tuple(
                    sorted(
                        (Bucket(each["upper_seconds"], each["samples"], each["largest"]) for each in mine),
                        key=lambda bucket: bucket.upper,
                    )
                ),
                backfilled=sum(each["backfilled"] for each in mine),
                skewed=sum(each["skewed"] for each in mine),
            )
        )
    return result


async def present(connection: Connection, codes: Sequence[str]) -> dict[str, Present]:
    """Who is in each facility now, however old the visit."""
    tallies = {code: Tally() for code in codes}
    boarding: dict[str, datetime] = {}
    for row in await connection.fetch(windows.PRESENT.meant, list(codes)):
        code, since = row["facility"], row["boarding_since"]
        _add(tallies[code], windows.PRESENT, row)
        if since is not None:
            boarding[code] = min(since, boarding.get(code, since))
    return {code: Present(tally.counts, boarding.get(code)) for code, tally in tallies.items()}


async def recent(connection: Connection, codes: Sequence[str], now: datetime) -> dict[str, Recent]:
    """What happened in the windows that end at `now` (a sender's clock may be ahead by SKEW_SECONDS)."""
    # Counters first: whatever commits in between is then in the facts and not yet in source_at, never the reverse.
    senders = await feeds(connection, codes, now)
    tallies = {code: Tally() for code in codes}
    for query in windows.WINDOWS:
        for row in await _fetch(connection, query, codes, now):
            _add(tallies[row["facility"]], query, row)
    await _cleaned(connection, tallies, now)
    by_hour = await _hours(connection, codes, now)
    waits = {row["facility"]: row["seconds"] for row in await _fetch(connection, windows.BEDDED, codes, now)}
    return {
        code: Recent(tally.counts, tally.ordered(), by_hour[code], waits.get(code), tuple(senders[code]))
        for code, tally in tallies.items()
    }


async def _fetch(connection: Connection, query: Query, codes: Sequence[str], now: datetime) -> list[Any]:
    arguments = [now - query.span, now + _SKEW] if query.span else []
    rows: list[Any] = await connection.fetch(query.meant, list(codes), *arguments, *([now] if query.clock else []))
    return rows


def _cells(query: Query, row: Any) -> list[Cell]:
    found = [WHOLE]
    if query.specialty:
        found.append(Cell(SPECIALTY, (row["meaning"] or UNKNOWN)[:_LONGEST]))
    if query.triage:
        found.append(Cell(TRIAGE, str(row["triage_level"] or UNKNOWN)))
    if query.tier:
        found.append(Cell(TIER, row["tier"] or UNKNOWN))
    return found


def _add(tally: Tally, query: Query, row: Any) -> None:
    where = _cells(query, row)
    for name, found in row.items():
        if name in _KEYS or not found:
            continue
        if isinstance(found, list):
            tally.spread(name, where, found)
        else:
            tally.count(name, where, found)


async def _cleaned(connection: Connection, tallies: Mapping[str, Tally], now: datetime) -> None:
    told: dict[str, list[Told]] = defaultdict(list)
    for row in await _fetch(connection, windows.CLEANED, list(tallies), now):
        told[row["facility"]].append(Told(row["bed"], row["at"], row["status"]))
    for code, statuses in told.items():
        for turn in turns(statuses):
            if turn.ended > now - windows.DAY:
                tallies[code].spread(turn.what, [WHOLE], [turn.seconds])


async def _hours(connection: Connection, codes: Sequence[str], now: datetime) -> dict[str, dict[str, int]]:
    """Arrivals by hour; those of a clock that is ahead count for the running one."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first_hour = hour - timedelta(hours=HOURS_SHOWN - 1)
    by_hour = {code: _empty_hours(first_hour) for code in codes}
    for row in await connection.fetch(windows.HOURS, list(codes), first_hour, now + _SKEW):
        by_hour[row["facility"]][_hour(min(row["hour"], hour))] += row["visits"]
    return by_hour


def _empty_hours(first: datetime) -> dict[str, int]:
    return {_hour(first + timedelta(hours=number)): 0 for number in range(HOURS_SHOWN)}


def _hour(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:00:00Z")
