"""Reads stored messages again, with the mapping and the registry of today, and brings their facts to what they say now.

A batch is one transaction, and the gateway goes on beside it. Nothing is taken away before what replaces it is there:
an interrupted run loses and doubles nothing, and is begun again or gone on with `after`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from marsad_center import db, registry
from marsad_center.facts.hiding import hidden
from marsad_center.facts.registry_sync import known, names
from marsad_center.facts.replacing import replace_facts, replace_stale_orders
from marsad_center.facts.writing import Stated
from marsad_center.gateway.again import judge_again, readable
from marsad_center.gateway.fhir.senders import Sender
from marsad_center.gateway.profile import Profile, profile
from marsad_center.gateway.route import Route, Routes, zone
from marsad_center.gateway.sealed import open_message
from marsad_center.keys import CannotOpen, Keys
from marsad_center.settings import Settings

log = logging.getLogger(__name__)

BATCH = 200


@dataclass(frozen=True, slots=True)
class Range:
    """Which messages: received from `since` to before `until`, of one facility, with a number above `after`."""

    since: datetime | None = None
    until: datetime | None = None
    facility: str | None = None
    after: int = 0

    @property
    def whole(self) -> bool:
        """Whether it is all there are."""
        return self.since is None and self.until is None and self.facility is None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `at` is the number of the last message, `until` the receipt of it."""

    messages: int = 0
    changed: int = 0
    unread: int = 0
    at: int = 0
    until: datetime | None = None
    finished: bool = False


class _Only(Routes):
    """The route of a message that is stored already: whose it is was settled when it came."""

    def __init__(self, route: Route) -> None:
        super().__init__()
        self._route = route

    def find(self, application: str, facility: str, separator: str) -> Route | None:  # noqa: ARG002 - whoever asks
        return self._route


class Reader:
    """What stored messages say, as they are read today."""

    def __init__(self, keys: Keys, profiles: Mapping[int, Profile], otherwise: Profile) -> None:
        self._keys, self._profiles, self._otherwise = keys, profiles, otherwise

    def on(self, connection: db.Connection) -> Callable[[Sequence[int]], Awaitable[dict[int, list[Stated]]]]:
        """`tell` with a connection."""
        return lambda ids: self.tell(connection, ids)

    async def tell(self, connection: db.Connection, ids: Sequence[int]) -> dict[int, list[Stated]]:
        """The facts of each message, in the order of receipt; without those that cannot be read (which is logged)."""
        rows = await connection.fetch(
            "SELECT id, feed_id, facility, sending_application, sending_facility, control_id, sha256, raw, sealed_with,"
            " trigger, received_at FROM message WHERE id = ANY($1::bigint[]) ORDER BY received_at, id",
            list(ids),
        )
        told: dict[int, list[Stated]] = {}
        for row in rows:
            try:
                raw = open_message(row, self._keys)
            except CannotOpen as error:
                log.error("a stored message cannot be read", extra={"id": row["id"], "reason": str(error)})
                continue
            if not readable(raw):
                log.warning("a stored message is in a format that is not read again", extra={"id": row["id"]})
                continue
            written = self._profiles.get(row["feed_id"]) or replace(self._otherwise, facility=row["facility"])
            route = Route(row["feed_id"], row["facility"], written)
            sender = Sender(row["sending_application"], row["sending_facility"])
            judged = judge_again(raw, row["trigger"], sender, _Only(route), peer="", at=row["received_at"])
            if judged.reason == "not-processed":  # a fault of the mapping is no reason to forget anything
                continue
            told[row["id"]] = [
                Stated(route.facility, row["id"], hidden(fact, route.facility, self._keys)) for fact in judged.facts
            ]
        return told


async def reader(connection: db.Connection, keys: Keys, center: registry.Center) -> Reader:
    """A reader that knows how the feeds write, by the registry; what is not declared any more is read by default."""
    feeds = await known(connection, center)
    declared = names(feeds)
    profiles = {
        feed.id: profile(feed.declared.profile, zone(feed.time_zone), feed.facility, declared) for feed in feeds
    }
    return Reader(keys, profiles, profile(None, zone(center.time_zone), declared=declared))


async def reprocess(
    settings: Settings, keys: Keys, chosen: Range, *, batch: int = BATCH
) -> AsyncGenerator[Progress, None]:
    """Read the messages of `chosen` again; yields how far it is after each batch. Waits for a database that is away."""
    center = registry.load(settings.center)
    run = _Run(
        chosen,
        batch,
        await db.steadily(settings.database, "gateway-reprocess", lambda connection: _bounds(connection, chosen)),
        await db.steadily(settings.database, "gateway-reprocess", lambda connection: reader(connection, keys, center)),
    )
    while await db.steadily(settings.database, "gateway-reprocess", run.go_on):
        yield run.progress
    while await db.steadily(settings.database, "gateway-reprocess", run.replace_stale_orders):
        pass
    yield replace(run.progress, finished=True)


class _Run:
    """Where a run stands."""

    def __init__(self, chosen: Range, batch: int, bounds: _Bounds, read: Reader) -> None:
        self._chosen, self._batch, self._bounds, self._read = chosen, batch, bounds, read
        self._order: tuple[str, str] = ("", "")
        self.progress = Progress(at=max(bounds.first - 1, chosen.after))

    async def go_on(self, connection: db.Connection) -> bool:
        """The next batch; False when there is none."""
        rows = await connection.fetch(
            """
            SELECT id, received_at FROM message WHERE id > $1 AND id <= $2 AND ($3::text IS NULL OR facility = $3)
                AND ($4::timestamptz IS NULL OR received_at >= $4) AND ($5::timestamptz IS NULL OR received_at < $5)
            ORDER BY id LIMIT $6
            """,
            self.progress.at,
            self._bounds.last,
            self._chosen.facility,
            self._chosen.since,
            self._chosen.until,
            self._batch,
        )
        if not rows:
            return False
        async with connection.transaction():
            ids = [row["id"] for row in rows]
            result = await replace_facts(connection, ids, self._read.on(connection), whole=self._chosen.whole)
        self.progress = Progress(
            messages=self.progress.messages + len(rows),
            changed=self.progress.changed + len(result.changed),
            unread=self.progress.unread + len(result.unread),
            at=rows[-1]["id"],
            until=rows[-1]["received_at"],
        )
        return True

    async def replace_stale_orders(self, connection: db.Connection) -> bool:
        """Some orders that are called something else now; False when none are left."""
        async with connection.transaction():
            place = await replace_stale_orders(
                connection,
                self._bounds.first,
                self._bounds.last,
                self._bounds.began,
                self._read.on(connection),
                after=self._order,
                whole=self._chosen.whole,
            )
        self._order = place or self._order
        return place is not None


class _Bounds(NamedTuple):
    """The first and last number of a range, and when a run began, by the database's clock."""

    first: int
    last: int
    began: datetime


async def _bounds(connection: db.Connection, chosen: Range) -> _Bounds:
    """Where to begin and end. An index knows in which megabytes a time is."""
    if chosen.since is None and chosen.until is None:
        row = await connection.fetchrow("SELECT min(id), max(id), now() FROM message")
    else:
        row = await connection.fetchrow(
            "SELECT min(id), max(id), now() FROM message WHERE received_at >= coalesce($1::timestamptz, '-infinity')"
            " AND received_at < coalesce($2::timestamptz, 'infinity')",
            chosen.since,
            chosen.until,
        )
    return _Bounds(row[0] or 0, row[1] or 0, row[2])
