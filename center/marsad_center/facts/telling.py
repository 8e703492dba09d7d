"""What is kept of a feed whose messages are read again: not what came in and when, but what is known by it."""

from __future__ import annotations

from collections.abc import Mapping

from marsad_center import db

# In the order of the feeds, as the gateway counts for them. Never later than receipt: what a clock that is ahead says
# lies in the future.
_SAID = """
    INSERT INTO feed_counter AS c (feed_id, last_sent_at, tells)
    SELECT feed_id, max(least(coalesce(sent_at, event_at, received_at), received_at)), bit_or(n.tells)
      FROM unnest($1::bigint[], $2::integer[]) AS n (id, tells) JOIN message USING (id)
     GROUP BY feed_id ORDER BY feed_id
    ON CONFLICT (feed_id) DO UPDATE SET
        last_sent_at = greatest(c.last_sent_at, excluded.last_sent_at), tells = coalesce(c.tells, 0) | excluded.tells
     WHERE c.last_sent_at IS NULL OR c.last_sent_at < excluded.last_sent_at
        OR c.tells IS NULL OR c.tells <> c.tells | excluded.tells"""


async def said_again(connection: db.Connection, messages: Mapping[int, int]) -> None:
    """The facts of `messages` (what they tell, by their numbers) are known now: their feeds tell that, and are known up
    to the newest of these. The last of a transaction, for it waits for whoever counts for the same feed."""
    if messages:
        await connection.execute(_SAID, list(messages), list(messages.values()))
