"""The quarantine as people see it: what lies there and why, and which senders nobody declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marsad_center import db
from marsad_center.gateway.sealed import open_refused
from marsad_center.keys import Keys

_WHERE = """
    LEFT JOIN feed f ON f.id = q.feed_id
    WHERE ($1::bigint[] IS NULL OR q.id = ANY($1)) AND ($2::text IS NULL OR q.reason = $2)
        AND ($3::text IS NULL OR f.facility || '/' || f.name = $3 OR f.facility = $3)
        AND ($4::timestamptz IS NULL OR q.last_received_at >= $4) AND ($5::boolean OR q.replayed_at IS NULL)
"""

_WHAT_TO_DO: Mapping[str, str] = {
    "unknown-sender": "Declare a feed with this sending application and facility in a Facility, and replay it two"
    " minutes later: until then the gateway may not know of it.",
    "wrong-transport": "Have it sent as the feed is declared, or declare a second feed for it. If the transport in the"
    " Facility is what is wrong, correct it and replay it.",
    "not-over-tls": "The sender must use port 2576 with its certificate. If the Facility should not ask for that,"
    " correct the feed's transport and replay it. Or whoever sends is not the facility.",
    "wrong-certificate": "Compare the feed's certificate in the Facility with the one that the sender shows; if the"
    " declaration is wrong, correct it and replay it. Or whoever sends is not the facility.",
    "unknown-trigger": "This release does not read this trigger. Replay it after an upgrade that does.",
    "conflict": "The sender used one MSH-10 for two messages: tell its interface team. The first one counts.",
    "not-processed": "A fault of the mapping or the database, which the gateway's log names. Replay it once mended.",
    "too-long": "The sender must send less at once. What was cut off cannot be replayed.",
    "junk": "No message: something else than HL7 v2 over MLLP, or bytes between messages. Look at the sender.",
    "no-start": "No message: its first byte, which begins a block, was lost. Look at the sender.",
    "truncated": "The connection ended or stalled within a message. Its sender sends it again.",
}
NOT_ADMITTED = ("unknown-sender", "wrong-transport", "not-over-tls", "wrong-certificate")
_OTHERWISE = (
    "Correct it at the source. If the sender is right, and the profile or time zone of its feed in the Facility is not,"
    " or this release reads it wrongly: replay it once that is corrected."
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows: by number, reason, feed ("KAMC/his" or "KAMC"), newest receipt; `replayed` ones too."""

    ids: tuple[int, ...] | None = None
    reason: str | None = None
    feed: str | None = None
    since: datetime | None = None
    replayed: bool = False

    @property
    def arguments(self) -> tuple[Any, ...]:
        """For the places of the queries."""
        return list(self.ids) if self.ids is not None else None, self.reason, self.feed, self.since, self.replayed


async def listed(connection: db.Connection, chosen: Chosen, limit: int) -> list[dict[str, Any]]:
    """The newest rows, without what was received."""
    rows = await connection.fetch(
        f"SELECT q.*, f.facility, f.name AS feed FROM quarantine q {_WHERE}"  # noqa: S608 - constants
        " ORDER BY q.last_received_at DESC, q.id DESC LIMIT $6",
        *chosen.arguments,
        limit,
    )
    return [_told(row) for row in rows]


async def totals(connection: db.Connection, chosen: Chosen) -> dict[str, int]:
    """Rows by reason."""
    rows = await connection.fetch(
        f"SELECT q.reason, count(*) FROM quarantine q {_WHERE} GROUP BY 1 ORDER BY 2 DESC, 1",  # noqa: S608
        *chosen.arguments,
    )
    return {row[0]: row[1] for row in rows}


async def numbers(connection: db.Connection, chosen: Chosen) -> list[int]:
    """The numbers of all rows that were chosen, oldest first."""
    rows = await connection.fetch(f"SELECT q.id FROM quarantine q {_WHERE} ORDER BY q.id", *chosen.arguments)  # noqa: S608
    return [row["id"] for row in rows]


async def with_content(connection: db.Connection, ids: Sequence[int], keys: Keys, pod: str) -> dict[int, bytes]:
    """What was received, by number. That it was looked at is committed first. Raises CannotOpen."""
    await connection.execute(
        "INSERT INTO content_access (quarantine_id, pod) SELECT id, $2 FROM quarantine WHERE id = ANY($1::bigint[])",
        list(ids),
        pod,
    )
    rows = await connection.fetch("SELECT * FROM quarantine WHERE id = ANY($1::bigint[])", list(ids))
    return {row["id"]: open_refused(row, keys) for row in rows}


async def senders(connection: db.Connection) -> list[dict[str, Any]]:
    """Senders that spoke for no feed when they sent, the latest first: none was declared, or one for another road or
    certificate (`reason`, and `detail` of the latest). `declared`: one is now. Of a reason only the newest rows are
    kept, so `messages` are those at least."""
    rows = await connection.fetch(
        """
        SELECT q.sending_application, q.sending_facility, q.reason,
            (array_agg(q.detail ORDER BY q.last_received_at DESC, q.id DESC))[1] AS detail,
            sum(q.times)::bigint AS messages,
            min(q.received_at) AS first, max(q.last_received_at) AS last, EXISTS (SELECT FROM feed f WHERE f.active AND
                (f.sending_application, f.sending_facility) = (q.sending_application, q.sending_facility)) AS declared
        FROM quarantine q WHERE q.reason = ANY($1::text[]) AND q.replayed_at IS NULL
        GROUP BY 1, 2, 3 ORDER BY last DESC, 1, 2, 3
        """,
        list(NOT_ADMITTED),
    )
    return [
        {
            "sendingApplication": row["sending_application"] or "",
            "sendingFacility": row["sending_facility"] or "",
            "reason": row["reason"],
            "detail": row["detail"],
            "messages": row["messages"],
            "firstAt": row["first"].isoformat(),
            "lastAt": row["last"].isoformat(),
            "declared": row["declared"],
        }
        for row in rows
    ]


def _told(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "receivedAt": row["received_at"].isoformat(),
        "lastReceivedAt": row["last_received_at"].isoformat(),
        "times": row["times"],
        "facility": row["facility"],
        "feed": row["feed"],
        "sendingApplication": row["sending_application"],
        "sendingFacility": row["sending_facility"],
        "controlId": row["control_id"],
        "reason": row["reason"],
        "detail": row["detail"],
        "whatToDo": _WHAT_TO_DO.get(row["reason"], _OTHERWISE),
        "size": row["size"],
        "cut": row["cut"],
        "answered": row["ack_code"],
        "peer": row["peer"],
        "replayedAt": row["replayed_at"].isoformat() if row["replayed_at"] else None,
        "outcome": row["outcome"],
    }
