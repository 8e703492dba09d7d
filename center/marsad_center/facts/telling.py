"""What is kept of a feed whose messages are read again: not what came in and when, but what is known by it."""

from __future__ import annotations

from collections.abc import Sequence

from marsad_center import db

# In the order of the feeds, as the gateway counts for them. Never later than receipt: what a clock that is ahead says
# lies in the future.
_SAID = """
    INSERT INTO feed_counter AS c (feed_id, last_sent_at)
    SELECT feed_id, max(least(coalesce(sent_at, event_at, received_at), received_at)) FROM message
     WHERE id = ANY ($1::bigint[]) GROUP BY feed_id ORDER BY feed_id
    ON CONFLICT (feed_id) DO UPDATE SET last_sent_at = excluded.last_sent_at
     WHERE c.last_sent_at IS NULL OR c.last_sent_at < excluded.last_sent_at"""


async def said_again(connection: db.Connection, messages: Sequence[int]) -> None:
    """The facts of `messages` (numbers) are known now: their feeds' are known up to the newest of these. To be the last
    of a transaction that takes long, for it waits for whoever counts for the same feed."""
    if messages:
        await connection.execute(_SAID, list(messages))
