"""Rows for tests of figures, inserted as the superuser would: what the gateway writes, without a gateway."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from marsad_center.tests.conftest import CENTER

_numbers = itertools.count(1)


class Rows:
    """A center's registry and facts, written through one connection (as role gateway)."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.feeds: dict[str, int] = {}

    async def registry(self, center: dict[str, Any] = CENTER) -> Rows:
        """The facilities and feeds of center.json."""
        for facility in center["facilities"]:
            await self.connection.execute(
                "INSERT INTO facility (code, kind, level, display_names, ed_spaces, beds) VALUES ($1,$2,$3,$4,$5,$6)",
                facility["code"],
                facility["kind"],
                facility.get("level"),
                json.dumps(facility["displayNames"]),
                facility["capacity"]["edSpaces"],
                json.dumps(facility["capacity"]["beds"]),
            )
            for feed in facility["feeds"]:
                number = await self.connection.fetchval(
                    """INSERT INTO feed (facility, name, sending_application, sending_facility, transport)
                       VALUES ($1, $2, $3, $4, $5) RETURNING id""",
                    facility["code"],
                    feed["name"],
                    feed["sendingApplication"],
                    feed["sendingFacility"],
                    feed["transport"],
                )
                self.feeds.setdefault(facility["code"], number)
        return self

    async def second(self, facility: str, name: str) -> str:
        """Another feed of a facility, which has its name to be told by."""
        self.feeds[name] = await self.connection.fetchval(
            """INSERT INTO feed (facility, name, sending_application, sending_facility, transport)
               VALUES ($1, $2, $2, $1, 'MLLP') RETURNING id""",
            facility,
            name,
        )
        return name

    async def event(
        self,
        facility: str,
        event_at: datetime,
        received_at: datetime | None = None,
        count: int = 1,
        *,
        sent_at: datetime | None = None,
        outbox: bool = True,
        feed: str = "",
        tells: int | None = None,
    ) -> None:
        """`count` accepted messages (`sent_at` is MSH-7): counters and (unless they are measured already) outbox.

        Of the facility's first feed, or of the one that `second` named; `tells`: of what (facts/kinds.py), or None."""
        received, sent = received_at or event_at, sent_at or event_at
        number = self.feeds[feed or facility]
        await self.connection.execute(
            """INSERT INTO feed_counter (feed_id, received, accepted, last_event_at, last_received_at, last_sent_at,
               last_accepted_at, tells) VALUES ($1, $4, $4, $2, $3, $5, $3, $6) ON CONFLICT (feed_id) DO UPDATE SET
               received = feed_counter.received + $4, accepted = feed_counter.accepted + $4,
               last_event_at = greatest(feed_counter.last_event_at, $2),
               last_received_at = greatest(feed_counter.last_received_at, $3),
               last_sent_at = greatest(feed_counter.last_sent_at, $5),
               last_accepted_at = greatest(feed_counter.last_accepted_at, $3),
               tells = coalesce(feed_counter.tells | $6, feed_counter.tells, $6)""",
            number,
            event_at,
            received,
            count,
            min(sent, received),
            tells,
        )
        await self.connection.executemany(
            "INSERT INTO unmeasured (feed_id, facility, event_at, received_at, sent_at) VALUES ($1, $2, $3, $4, $5)",
            [(number, facility, event_at, received, sent)] * (count if outbox else 0),
        )

    async def refused(self, facility: str, received_at: datetime, count: int = 1) -> None:
        """`count` messages that went to quarantine."""
        await self.connection.execute(
            """INSERT INTO feed_counter (feed_id, received, rejected, quarantined, last_received_at)
               VALUES ($1, $3, $3, $3, $2) ON CONFLICT (feed_id) DO UPDATE SET
               received = feed_counter.received + $3, rejected = feed_counter.rejected + $3,
               quarantined = feed_counter.quarantined + $3,
               last_received_at = greatest(feed_counter.last_received_at, $2)""",
            self.feeds[facility],
            received_at,
            count,
        )

    async def visit(self, facility: str, key: str | None = None, **columns: Any) -> str:
        """Insert or replace an encounter; by default present in the ED since `arrived_at`."""
        key = key or f"V{next(_numbers)}"
        row: dict[str, Any] = {
            "class": "E",
            "state": "present",
            "in_ed": True,
            "triage_level": None,
            "seen_at": None,
            "ed_arrived_at": None,
            **columns,
        }
        row.setdefault("source_at", row["ed_arrived_at"] or datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
        names = list(row)
        values = ", ".join(f"${number}" for number in range(3, 3 + len(names)))
        await self.connection.execute(
            f"""INSERT INTO encounter (facility, visit_key, {", ".join(names)}) VALUES ($1, $2, {values})
                ON CONFLICT (facility, visit_key) DO UPDATE SET
                {", ".join(f"{name} = excluded.{name}" for name in names)}""",
            facility,
            key,
            *row.values(),
        )
        return key

    async def order(
        self, facility: str, kind: str, resulted_at: datetime, seconds: float, key: str = "", **asked: str
    ) -> None:
        """A resulted order; `asked`: its visit_key and specialty."""
        ordered_at = resulted_at - timedelta(seconds=seconds)
        await self.connection.execute(
            """INSERT INTO clinical_order (facility, order_key, kind, ordered_at, resulted_at, source_at, visit_key,
               specialty) VALUES ($1, $2, $3, $4, $5, $5, $6, $7) ON CONFLICT (facility, order_key) DO UPDATE SET
               kind = excluded.kind, ordered_at = excluded.ordered_at, resulted_at = excluded.resulted_at""",
            facility,
            key or f"O{next(_numbers)}",
            kind,
            ordered_at,
            resulted_at,
            asked.get("visit_key", ""),
            asked.get("specialty", ""),
        )

    async def hint(self, *facilities: str) -> None:
        """The gateway's notification."""
        await self.connection.execute("SELECT pg_notify('facts', $1)", json.dumps({"facilities": facilities}))
