"""What is kept beside the messages: counters of feeds, the number of the batch, the quarantine."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from marsad_center import db
from marsad_center.facts import kinds
from marsad_center.facts.columns import Columns
from marsad_center.gateway.inbound import Inbound
from marsad_center.gateway.sealed import seal_refused
from marsad_center.keys import Keys

UNKNOWN_ROWS = 500  # times inbound.UNKNOWN_BYTES: 32 MiB for each of about a dozen reasons, at the very most

Result = Literal["accepted", "rejected", "duplicate"]


class OtherFeeds(Exception):
    """The database has other feeds under the ids that a batch was judged with: nothing of it may be committed."""


class Mark(NamedTuple):
    """The number of a batch among those of its writer: by it a commit in doubt is looked up."""

    instance: uuid.UUID
    number: int


@dataclass(slots=True)
class _Counts:
    """What a batch adds to a feed. Times: newest of their kind. `tells`: what was accepted (facts/kinds.py)."""

    received_at: datetime
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    quarantined: int = 0
    event_at: datetime | None = None
    sent_at: datetime | None = None
    accepted_at: datetime | None = None
    tells: int | None = None


_COUNTER = Columns(
    {
        "feed_id": "integer",
        "accepted": "bigint",
        "rejected": "bigint",
        "duplicate": "bigint",
        "quarantined": "bigint",
        "last_event_at": "timestamptz",
        "last_received_at": "timestamptz",
        "last_sent_at": "timestamptz",
        "last_accepted_at": "timestamptz",
        "tells": "integer",
    }
)
# The last statement of a batch, for it waits for whoever counts for the same feed until he has committed.
_COUNT = f"""
    INSERT INTO feed_counter AS c (received, {_COUNTER.names})
    SELECT accepted + rejected + duplicate, n.* FROM (SELECT {_COUNTER.source}) AS n
    ON CONFLICT (feed_id) DO UPDATE SET
        received = c.received + excluded.received, accepted = c.accepted + excluded.accepted,
        rejected = c.rejected + excluded.rejected, duplicate = c.duplicate + excluded.duplicate,
        quarantined = c.quarantined + excluded.quarantined,
        last_event_at = greatest(c.last_event_at, excluded.last_event_at),
        last_received_at = greatest(c.last_received_at, excluded.last_received_at),
        last_sent_at = greatest(c.last_sent_at, excluded.last_sent_at),
        last_accepted_at = greatest(c.last_accepted_at, excluded.last_accepted_at),
        tells = coalesce(c.tells | excluded.tells, c.tells, excluded.tells)
"""  # noqa: S608 - constants
_MARK = """
    INSERT INTO gateway_commit VALUES (${}, ${}, now())
    ON CONFLICT (instance) DO UPDATE SET batch = excluded.batch, committed_at = excluded.committed_at
"""
# Hot tables have no foreign keys: a database that was restored or made anew must not get rows under foreign ids.
_FEEDS = (
    "SELECT count(*) FROM feed JOIN unnest(${}::int[], ${}::text[], ${}::text[]) AS n (id, facility, name)"
    " USING (id, facility, name)"
)
_COUNT_AND_MARK = f"""
    WITH marked AS ({_MARK.format(11, 12)}), counted AS ({_COUNT})
    SELECT ({_FEEDS.format(14, 15, 16)}), pg_notify('facts', $13)
"""
_ONLY_MARK = f"WITH marked AS ({_MARK.format(1, 2)}) {_FEEDS.format(3, 4, 5)}"


async def count(connection: db.Connection, final: Sequence[tuple[Inbound, Result]], mark: Mark) -> None:
    """Add what became of each message to its feed, leave `mark`, and tell analytics which facilities changed.

    Messages of unknown senders have no feed, and what is no whole message (no header) counts for none. Raises
    OtherFeeds.
    """
    feeds, named = _counted(final), _named(final)
    if feeds:
        rows = [
            (
                feed,
                each.accepted,
                each.rejected,
                each.duplicate,
                each.quarantined,
                each.event_at,
                each.received_at,
                each.sent_at,
                each.accepted_at,
                each.tells,
            )
            for feed, each in sorted(feeds.items())
        ]
        arguments = (*_COUNTER.arguments(rows), *mark, db.payload(set(named[1])))
        found = await connection.fetchval(_COUNT_AND_MARK, *arguments, *named)
    else:
        found = await connection.fetchval(_ONLY_MARK, *mark, *named)
    if found != len(named[0]):
        raise OtherFeeds


def _named(final: Sequence[tuple[Inbound, Result]]) -> tuple[list[int], list[str], list[str]]:
    """The feeds of a batch: ids, facilities, names."""
    routes = {route.feed_id: route for inbound, _result in final if (route := inbound.route) is not None}
    return list(routes), [each.facility for each in routes.values()], [each.feed for each in routes.values()]


def _counted(final: Sequence[tuple[Inbound, Result]]) -> dict[int, _Counts]:
    feeds: dict[int, _Counts] = {}
    for inbound, result in final:
        if inbound.route is None or not inbound.counted:
            continue
        at = inbound.received_at
        counts = feeds.get(inbound.route.feed_id)
        if counts is None:
            counts = feeds[inbound.route.feed_id] = _Counts(at)
        counts.received_at = max(counts.received_at, at)
        if inbound.verdict == "accept" and result != "rejected":
            counts.accepted_at = max(counts.accepted_at or at, at)
        if result == "accepted":
            counts.accepted += 1
            counts.tells = (counts.tells or 0) | kinds.told(inbound.facts)
            if inbound.event_at is not None:
                counts.event_at = max(counts.event_at or inbound.event_at, inbound.event_at)
            sent = min(inbound.own_time, at)  # what a clock that is ahead says lies in the future
            counts.sent_at = max(counts.sent_at or sent, sent)
        elif result == "duplicate":
            counts.duplicate += 1
        else:
            counts.rejected += 1
            counts.quarantined += bool(inbound.reason)
    return feeds


async def quarantine(connection: db.Connection, refused: Sequence[Inbound], keys: Keys) -> None:
    """Keep what was refused, with the reason; the same bytes for the same reason are counted, not kept again.

    Of what no declared feed sent, the newest UNKNOWN_ROWS of a reason stay.
    """
    groups: dict[tuple[bytes, str], list[Inbound]] = {}
    for inbound in refused:
        groups.setdefault((inbound.sha256, inbound.reason), []).append(inbound)
    rows = [_quarantine_row(group, keys) for _key, group in sorted(groups.items())]
    if rows:
        await connection.execute(
            """
            INSERT INTO quarantine AS q (received_at, last_received_at, times, feed_id, sending_application,
                sending_facility, control_id, reason, detail, sha256, raw, size, ack_code, peer, cut, sealed_with)
            SELECT * FROM unnest($1::timestamptz[], $2::timestamptz[], $3::bigint[], $4::int[], $5::text[], $6::text[],
                $7::text[], $8::text[], $9::text[], $10::bytea[], $11::bytea[], $12::bigint[], $13::text[], $14::text[],
                $15::boolean[], $16::smallint[])
            ON CONFLICT (reason, sha256) DO UPDATE SET times = q.times + excluded.times,
                last_received_at = greatest(q.last_received_at, excluded.last_received_at), peer = excluded.peer,
                feed_id = coalesce(q.feed_id, excluded.feed_id), cut = q.cut AND excluded.cut,
                raw = CASE WHEN q.cut AND NOT excluded.cut THEN excluded.raw ELSE q.raw END,
                sealed_with = CASE WHEN q.cut AND NOT excluded.cut THEN excluded.sealed_with ELSE q.sealed_with END
            """,
            *(list(column) for column in zip(*rows, strict=True)),
        )
    if unknown := sorted({inbound.reason for inbound in refused if inbound.route is None}):
        await connection.execute("SELECT forget_unknown($1::text[], $2)", unknown, UNKNOWN_ROWS)


def _quarantine_row(group: Sequence[Inbound], keys: Keys) -> list[Any]:
    first, last = group[0], group[-1]
    return [
        first.received_at,
        last.received_at,
        len(group),
        first.route.feed_id if first.route is not None else None,
        *(part[:250] or None for part in first.key),
        first.reason,
        first.detail,
        first.sha256,
        seal_refused(first, keys),
        first.size,
        first.code,
        last.peer,
        first.cut,
        keys.newest,
    ]
