"""What happened, hour by hour: set-based SQL as role analytics, one facility at a time so that memory stays bounded.

A history ends with the last full hour before the newest message of a feed that tells of visits, by the message's own
time: what lies after it is not known yet. A silent feed is no quiet night, whatever the laboratory beside it says.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from marsad_center.db import Connection
from marsad_center.facts.kinds import bits
from marsad_center.forecast.series import HOUR, Hours

ARRIVALS_BACK = timedelta(days=800)  # two years: annual terms need that, and models use no more
BEDS_BACK = timedelta(days=120)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WARM_UP = timedelta(days=7)  # who lay there before the feed began is told of bit by bit

_KNOWN = """
SELECT max(coalesce(c.last_sent_at, c.last_accepted_at)) FROM feed f JOIN feed_counter c ON c.feed_id = f.id
 WHERE f.active AND f.facility = $1 AND (c.tells IS NULL OR c.tells & $2 <> 0)"""

# Answered from the index encounter_ed_arrived alone. Hours are counted from 1970. Two arrays and not 19,200 rows: those
# would keep the event loop, and with it the live figures, for ten times as long.
_ARRIVALS = """
SELECT array_agg(hour) AS hours, array_agg(visits) AS visits FROM (
    SELECT floor(extract(epoch FROM ed_arrived_at) / 3600)::bigint AS hour, count(*)::float8 AS visits FROM encounter
     WHERE facility = $1 AND ed_arrived_at >= $2 AND ed_arrived_at < $3 AND state <> 'cancelled'
     GROUP BY 1) AS counted"""

# Who is in a bed is as in the figure bed.occupancy; since when: admitted, and gone from the emergency department.
# A stay adds one at the first full hour in it, and takes it away at the first full hour after it.
_BEDS = """
WITH stay AS (
    SELECT coalesce(greatest(admitted_at, ed_departed_at), arrived_at) AS since, discharged_at AS until FROM encounter
     WHERE facility = $1 AND class = 'I' AND bed IS NOT NULL AND NOT in_ed AND state = 'present'
    UNION ALL
    SELECT coalesce(greatest(admitted_at, ed_departed_at), arrived_at), discharged_at FROM encounter
     WHERE facility = $1 AND class = 'I' AND bed IS NOT NULL AND state = 'departed' AND discharged_at > $2
), change AS (
    SELECT greatest(since, $2) AS at, 1 AS beds FROM stay WHERE since < $3 AND (until IS NULL OR until > since)
    UNION ALL
    SELECT until, -1 FROM stay WHERE until < $3 AND until > since
)
SELECT date_trunc('hour', at + interval '1 hour' - interval '1 microsecond', 'UTC') AS hour, sum(beds)::bigint AS beds
  FROM change GROUP BY 1 ORDER BY 1"""


async def known_until(connection: Connection, facility: str, now: datetime) -> datetime | None:
    """End of the last full hour that the facility's messages of visits cover; None before the first one."""
    newest: datetime | None = await connection.fetchval(_KNOWN, facility, bits(["visits"]))
    return None if newest is None else _full_hour(min(newest, now))


async def arrivals(connection: Connection, facility: str, now: datetime) -> Hours:
    """ED arrivals by the hour in which they came, from the hour of the first one that is known of."""
    until = await known_until(connection, facility, now)
    if until is None:
        return Hours(_full_hour(now), ())
    row = await connection.fetchrow(_ARRIVALS, facility, until - ARRIVALS_BACK, until)
    if row is None or not row["hours"]:
        return Hours(until, ())
    first = min(row["hours"])
    counts = [0.0] * ((until - _EPOCH) // HOUR - first)
    for hour, visits in zip(row["hours"], row["visits"], strict=True):
        counts[hour - first] = visits
    return Hours(_EPOCH + first * HOUR, tuple(counts))


async def beds(connection: Connection, facility: str, now: datetime) -> Hours:
    """Inpatients in a bed at the start of each hour, from a week after the first one that is known of."""
    until = await known_until(connection, facility, now)
    if until is None:
        return Hours(_full_hour(now), ())
    since = until - BEDS_BACK
    rows = await connection.fetch(_BEDS, facility, since, until)
    if not rows:
        return Hours(until, ())
    first: datetime = rows[0]["hour"].astimezone(UTC)
    changes = [0] * max(0, (until - first) // HOUR)
    for row in rows:
        index = (row["hour"] - first) // HOUR
        if index < len(changes):
            changes[index] += row["beds"]
    occupied, total = [], 0
    for change in changes:
        total += change
        occupied.append(float(total))
    skipped = 0 if first - since < HOUR else WARM_UP // HOUR
    return Hours(min(until, first + skipped * HOUR), tuple(occupied[skipped:]))


def _full_hour(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
