"""What is kept beside the messages: counters of feeds, the quarantine, events whose freshness is unmeasured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from marsad_center import db
from marsad_center.gateway.inbound import Inbound

UNKNOWN_ROWS = 500  # times inbound.UNKNOWN_BYTES: 32 MiB for each of about a dozen reasons, at the very most

Result = Literal["accepted", "rejected", "duplicate"]


async def insert_unmeasured(connection: db.Connection, accepted: Sequence[Inbound]) -> None:
    """One row an accepted message: analytics takes it when a figure includes it."""
    rows = [
        [
            inbound.route.feed_id,
            inbound.route.facility,
            inbound.event_at or inbound.received_at,
            inbound.received_at,
            inbound.own_time,
        ]
        for inbound in accepted
        if inbound.route is not None
    ]
    if rows:
        await connection.execute(
            "INSERT INTO unmeasured (feed_id, facility, event_at, received_at, sent_at)"
            " SELECT * FROM unnest($1::int[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])",
            *(list(column) for column in zip(*rows, strict=True)),
        )


async def count(connection: db.Connection, final: Sequence[tuple[Inbound, Result]]) -> None:
    """Add what became of each message to its feed; messages of unknown senders have none, and what is no whole message
    (no header) counts for none."""
    counts: Counter[tuple[int, str]] = Counter()
    last_event: dict[int, datetime | None] = {}
    last_received: dict[int, datetime] = {}
    last_sent: dict[int, datetime | None] = {}
    last_accepted: dict[int, datetime | None] = {}
    for inbound, result in final:
        if inbound.route is None or inbound.header is None:
            continue
        feed = inbound.route.feed_id
        counts[feed, result] += 1
        counts[feed, "quarantined"] += result == "rejected" and bool(inbound.reason)
        last_received[feed] = max(last_received.get(feed, inbound.received_at), inbound.received_at)
        last_event.setdefault(feed, None)
        last_sent.setdefault(feed, None)
        last_accepted.setdefault(feed, None)
        if inbound.verdict == "accept" and result != "rejected":
            last_accepted[feed] = max(last_accepted[feed] or inbound.received_at, inbound.received_at)
        if result != "accepted":
            continue
        if inbound.event_at is not None:
            last_event[feed] = max(last_event[feed] or inbound.event_at, inbound.event_at)
        sent = min(inbound.own_time, inbound.received_at)  # what a clock that is ahead says lies in the future
        last_sent[feed] = max(last_sent[feed] or sent, sent)
    rows = [
        [
            feed,
            *(counts[feed, name] for name in ("accepted", "rejected", "duplicate", "quarantined")),
            last_event[feed],
            last_received[feed],
            last_sent[feed],
            last_accepted[feed],
        ]
        for feed in sorted(last_received)
    ]
    if rows:
        await connection.execute(
            """
            INSERT INTO feed_counter AS c
                (feed_id, received, accepted, rejected, duplicate, quarantined, last_event_at, last_received_at,
                last_sent_at, last_accepted_at)
            SELECT feed, accepted + rejected + duplicate, accepted, rejected, duplicate, quarantined, event, received,
                sent, taken
            FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[],
                $7::timestamptz[], $8::timestamptz[], $9::timestamptz[])
                AS n (feed, accepted, rejected, duplicate, quarantined, event, received, sent, taken)
            ON CONFLICT (feed_id) DO UPDATE SET
                received = c.received + excluded.received, accepted = c.accepted + excluded.accepted,
                rejected = c.rejected + excluded.rejected, duplicate = c.duplicate + excluded.duplicate,
                quarantined = c.quarantined + excluded.quarantined,
                last_event_at = greatest(c.last_event_at, excluded.last_event_at),
                last_received_at = greatest(c.last_received_at, excluded.last_received_at),
                last_sent_at = greatest(c.last_sent_at, excluded.last_sent_at),
                last_accepted_at = greatest(c.last_accepted_at, excluded.last_accepted_at)
            """,
            *(list(column) for column in zip(*rows, strict=True)),
        )


async def quarantine(connection: db.Connection, refused: Sequence[Inbound]) -> None:
    """Keep what was refused, with the reason; the same bytes for the same reason are counted, not kept again.

    Of what no declared feed sent, the newest UNKNOWN_ROWS of a reason stay.
    """
    groups: dict[tuple[bytes, str], list[Inbound]] = {}
    for inbound in refused:
        groups.setdefault((inbound.sha256, inbound.reason), []).append(inbound)
    rows = [_quarantine_row(group) for _key, group in sorted(groups.items())]
    if rows:
        await connection.execute(
            """
            INSERT INTO quarantine AS q (received_at, last_received_at, times, feed_id, sending_application,
                sending_facility, control_id, reason, detail, sha256, raw, size, ack_code, peer, cut)
            SELECT * FROM unnest($1::timestamptz[], $2::timestamptz[], $3::bigint[], $4::int[], $5::text[], $6::text[],
                $7::text[], $8::text[], $9::text[], $10::bytea[], $11::bytea[], $12::bigint[], $13::text[], $14::text[],
                $15::boolean[])
            ON CONFLICT (reason, sha256) DO UPDATE SET times = q.times + excluded.times,
                last_received_at = greatest(q.last_received_at, excluded.last_received_at), peer = excluded.peer,
                feed_id = coalesce(q.feed_id, excluded.feed_id), cut = q.cut AND excluded.cut,
                raw = CASE WHEN q.cut AND NOT excluded.cut THEN excluded.raw ELSE q.raw END
            """,
            *(list(column) for column in zip(*rows, strict=True)),
        )
    if unknown := sorted({inbound.reason for inbound in refused if inbound.route is None}):
        await connection.execute("SELECT forget_unknown($1::text[], $2)", unknown, UNKNOWN_ROWS)


def _quarantine_row(group: Sequence[Inbound]) -> list[Any]:
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
        first.raw,
        first.size,
        first.code,
        last.peer,
        first.cut,
    ]
