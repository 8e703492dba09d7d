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
from marsad_center.indicators.facts import Facility, Feed, Present, Recent
from marsad_center.indicators.freshness import SKEW_SECONDS, WINDOW, Bucket

HOURS_SHOWN = 24
TURNAROUND = timedelta(hours=24)

_FACILITIES = "SELECT code, ed_spaces, beds FROM facility WHERE active ORDER BY code"

_FEEDS = """
SELECT f.id, f.facility, f.name, coalesce(c.received, 0) AS received, coalesce(c.accepted, 0) AS accepted,
       coalesce(c.rejected, 0) AS rejected, coalesce(c.duplicate, 0) AS duplicate,
       coalesce(c.quarantined, 0) AS quarantined, c.last_event_at, c.last_received_at,
       c.last_sent_at, c.last_accepted_at
  FROM feed f LEFT JOIN feed_counter c ON c.feed_id = f.id
 WHERE f.active AND f.facility = ANY ($1) ORDER BY f.facility, f.name"""

_FRESHNESS = """
SELECT feed_id, upper_seconds, sum(samples)::bigint AS samples, max(max_seconds) AS largest,
       sum(backfilled)::bigint AS backfilled, sum(skewed)::bigint AS skewed
  FROM freshness WHERE feed_id = ANY ($1) AND minute > $2 GROUP BY feed_id, upper_seconds"""

_PRESENT = """
SELECT facility, in_ed, seen_at IS NOT NULL AS seen, class = 'I' AND bed IS NOT NULL AS in_bed, triage_level,
       count(*) AS visits
  FROM encounter WHERE state = 'present' AND facility = ANY ($1) GROUP BY 1, 2, 3, 4, 5"""

_ARRIVALS = """
SELECT facility, date_trunc('hour', ed_arrived_at, 'UTC') AS hour, count(*) AS visits,
       count(*) FILTER (WHERE ed_arrived_at > $2) AS rolling
  FROM encounter
 WHERE facility = ANY ($1) AND state <> 'cancelled' AND ed_arrived_at >= $3 AND ed_arrived_at <= $4
 GROUP BY 1, 2"""

_TURNAROUND = """
SELECT facility, kind, array_agg(extract(epoch FROM resulted_at - ordered_at)::float8) AS seconds
  FROM clinical_order
 WHERE facility = ANY ($1) AND kind IN ('lab', 'radiology') AND resulted_at > $2 AND resulted_at <= $3
   AND ordered_at <= resulted_at AND cancelled_at IS NULL
 GROUP BY 1, 2"""


async def facilities(connection: Connection) -> dict[str, Facility]:
    """Every active facility with its capacity."""
    return {
        row["code"]: Facility(row["code"], row["ed_spaces"], sum(json.loads(row["beds"]).values()))
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
    census: dict[str, int] = dict.fromkeys(codes, 0)
    in_beds: dict[str, int] = dict.fromkeys(codes, 0)
    waiting: dict[str, dict[str, int]] = {code: {} for code in codes}
    for row in await connection.fetch(_PRESENT, list(codes)):
        code, visits = row["facility"], row["visits"]
        if row["in_ed"]:
            census[code] += visits
            if not row["seen"]:
                level = str(row["triage_level"] or "unknown")
                waiting[code][level] = waiting[code].get(level, 0) + visits
        elif row["in_bed"]:
            in_beds[code] += visits
    return {code: Present(census[code], waiting[code], in_beds[code]) for code in codes}


async def recent(connection: Connection, codes: Sequence[str], now: datetime) -> dict[str, Recent]:
    """What happened in the windows that end at `now` (a sender's clock may be ahead by SKEW_SECONDS)."""
    # Counters first: whatever commits in between is then in the facts and not yet in source_at, never the reverse.
    senders = await feeds(connection, codes, now)
    latest = now + timedelta(seconds=SKEW_SECONDS)
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first_hour = hour - timedelta(hours=HOURS_SHOWN - 1)
    rolling: dict[str, int] = dict.fromkeys(codes, 0)
    by_hour: dict[str, dict[str, int]] = {code: _empty_hours(first_hour) for code in codes}
    for row in await connection.fetch(_ARRIVALS, list(codes), now - timedelta(hours=1), first_hour, latest):
        rolling[row["facility"]] += row["rolling"]
        by_hour[row["facility"]][_hour(min(row["hour"], hour))] += row["visits"]
    durations: Mapping[tuple[str, str], tuple[float, ...]] = {
        (row["facility"], row["kind"]): tuple(sorted(row["seconds"]))
        for row in await connection.fetch(_TURNAROUND, list(codes), now - TURNAROUND, latest)
    }
    return {
        code: Recent(
            arrivals=rolling[code],
            arrivals_by_hour=by_hour[code],
            lab=durations.get((code, "lab"), ()),
            radiology=durations.get((code, "radiology"), ()),
            feeds=tuple(senders[code]),
        )
        for code in codes
    }


def _empty_hours(first: datetime) -> dict[str, int]:
    return {_hour(first + timedelta(hours=number)): 0 for number in range(HOURS_SHOWN)}


def _hour(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:00:00Z")
