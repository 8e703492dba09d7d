"""The registry of center.json into the tables facility and feed. What left it becomes inactive, never deleted."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from marsad_center import db
from marsad_center.facts.code_maps import sync_code_maps
from marsad_center.registry import Center, Feed

log = logging.getLogger(__name__)
_LOCK = 0x7265_6769_7374  # "regist": replicas of the gateway sync one after the other


@dataclass(frozen=True, slots=True)
class ActiveFeed:
    """A feed as the gateway needs it to recognise a sender and to read it. `time_zone`: IANA name; `declared`: all that
    was said of it."""

    id: int
    facility: str
    sending_application: str
    sending_facility: str
    time_zone: str
    declared: Feed


async def sync(connection: db.Connection, center: Center) -> list[ActiveFeed]:
    """Make the tables say what `center` says, writing only what differs; the active feeds.

    A sender that two feeds claim goes to the first of them (in the order of the file); this is logged.
    """
    feeds = _feeds(center)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        written = await _sync_facilities(connection, center)
        written += await _sync_feeds(connection, feeds)
        written += await sync_code_maps(connection, center)
        if written:
            await db.notify(connection, "facts", None)  # anything: the database may be another than it was
            extra = {"facilities": len(center.facilities), "feeds": len(feeds), "written": written}
            log.info("registry synchronised", extra=extra)
    return await known(connection, center)


async def known(connection: db.Connection, center: Center) -> list[ActiveFeed]:
    """The feeds of `center` that are in the tables: all of them after a sync; those of the last good registry when this
    one was refused."""
    rows = await connection.fetch("SELECT id, facility, name FROM feed WHERE active")
    declared = {(facility.code, feed.name): feed for facility in center.facilities for feed in facility.feeds}
    ids = {(row["facility"], row["name"]): row["id"] for row in rows}
    return [
        ActiveFeed(ids[facility, name], facility, application, sender, feed.time_zone or center.time_zone, feed)
        for facility, name, application, sender, _transport in _feeds(center)
        if (facility, name) in ids and (feed := declared[facility, name])
    ]


def names(feeds: Iterable[ActiveFeed]) -> dict[str, str]:
    """The code of each facility by its code and by the names that its feeds send (MSH-4). A name that two facilities
    send means neither, and one that is a code means that facility."""
    feeds = list(feeds)
    senders: dict[str, set[str]] = defaultdict(set)
    for feed in feeds:
        senders[feed.sending_facility].add(feed.facility)
    known = {name: min(facilities) for name, facilities in senders.items() if len(facilities) == 1}
    return known | {code: code for code in {feed.facility for feed in feeds}}


def _feeds(center: Center) -> list[tuple[str, str, str, str, str]]:
    """(facility, name, sending application, sending facility, transport) of every feed whose sender is its own."""
    result = []
    taken: dict[tuple[str, str], str] = {}
    for facility in center.facilities:
        for feed in facility.feeds:
            sender = (feed.sending_application, feed.sending_facility)
            if sender in taken:
                extra = {"facility": facility.code, "feed": feed.name, "taken_by": taken[sender]}
                log.error("two feeds claim one sender, the second is left out", extra=extra)
                continue
            taken[sender] = f"{facility.code}/{feed.name}"
            result.append((facility.code, feed.name, *sender, feed.transport))
    return result


async def _sync_facilities(connection: db.Connection, center: Center) -> int:
    rows = [
        {
            "code": facility.code,
            "kind": facility.kind,
            "level": facility.level,
            "display_names": dict(facility.display_names),
            "latitude": facility.location.latitude if facility.location else None,
            "longitude": facility.location.longitude if facility.location else None,
            "ed_spaces": facility.capacity.ed_spaces,
            "beds": dict(facility.capacity.beds),
            "platforms": list(facility.platforms),
            "vaccination": [group.model_dump() for group in facility.vaccination],
            "active": True,
        }
        for facility in center.facilities
    ]
    wanted = json.dumps(rows)
    columns = "kind, level, display_names, latitude, longitude, ed_spaces, beds, platforms, vaccination, active"
    status = await connection.execute(
        f"""
        INSERT INTO facility AS f (code, {columns})
        SELECT code, {columns} FROM jsonb_populate_recordset(NULL::facility, $1::jsonb) ORDER BY code
        ON CONFLICT (code) DO UPDATE SET ({columns}, updated_at) = ROW (
            excluded.kind, excluded.level, excluded.display_names, excluded.latitude, excluded.longitude,
            excluded.ed_spaces, excluded.beds, excluded.platforms, excluded.vaccination, excluded.active, now())
        WHERE (f.kind, f.level, f.display_names, f.latitude, f.longitude, f.ed_spaces, f.beds, f.platforms,
            f.vaccination, f.active) IS DISTINCT FROM (excluded.kind, excluded.level, excluded.display_names,
            excluded.latitude, excluded.longitude, excluded.ed_spaces, excluded.beds, excluded.platforms,
            excluded.vaccination, excluded.active)
        """,  # noqa: S608 - column names are constants
        wanted,
    )
    gone = await connection.execute(
        "UPDATE facility SET active = false, updated_at = now() WHERE active AND NOT code = ANY($1::text[])",
        [row["code"] for row in rows],
    )
    return _count(status) + _count(gone)


async def _sync_feeds(connection: db.Connection, feeds: list[tuple[str, str, str, str, str]]) -> int:
    columns = [list(column) for column in zip(*feeds, strict=True)] if feeds else [[], [], [], [], []]
    # First let go of senders, then give them: a sender may move from one feed to another.
    gone = await connection.execute(
        """
        UPDATE feed SET active = false, updated_at = now()
        WHERE active AND (facility, name, sending_application, sending_facility) NOT IN (
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]))
        """,
        *columns[:4],
    )
    status = await connection.execute(
        """
        INSERT INTO feed AS f (facility, name, sending_application, sending_facility, transport)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
        ON CONFLICT (facility, name) DO UPDATE
            SET (sending_application, sending_facility, transport, active, updated_at)
            = ROW (excluded.sending_application, excluded.sending_facility, excluded.transport, true, now())
        WHERE (f.sending_application, f.sending_facility, f.transport, f.active) IS DISTINCT FROM
            (excluded.sending_application, excluded.sending_facility, excluded.transport, true)
        """,
        *columns,
    )
    await connection.execute("INSERT INTO feed_counter (feed_id) SELECT id FROM feed ON CONFLICT DO NOTHING")
    return _count(gone) + _count(status)


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])
