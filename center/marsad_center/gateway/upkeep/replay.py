"""Refused messages taken after all: judged again with the registry and the mapping of today, stored where they pass.

A message is stored once, whoever replays it and however often: its key decides, as for one that comes in. Nothing is
counted for its feed, and its freshness is not measured: both tell of what came in and when. Up to when the facts of its
feed are known is moved on, where it is newer than what was taken before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marsad_center import db
from marsad_center.facts.replacing import replace_facts
from marsad_center.gateway.again import judge_again, protocol
from marsad_center.gateway.fhir.senders import Sender
from marsad_center.gateway.fhir.versions import versions
from marsad_center.gateway.inbound import Inbound
from marsad_center.gateway.reprocess import Reader
from marsad_center.gateway.route import Road, Routes
from marsad_center.gateway.sealed import open_refused
from marsad_center.gateway.storing import insert_messages
from marsad_center.keys import CannotOpen, Keys

STORED, PRESENT, REFUSED = "stored", "present", "refused"
TAKEN = (STORED, PRESENT)


_PARTS = frozenset({"too-long", "truncated", "no-start", "junk"})
_CUT = "only its beginning was kept: have its sender send it again"
_NEVER_WHOLE = "it never came as a whole message: have its sender send it again"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row. `outcome`: stored, present (it was a message already, and its facts are what it says now)
    or refused; `said`: why, in words."""

    id: int
    outcome: str
    reason: str = ""
    said: str = ""


async def replay(
    connection: db.Connection, ids: Sequence[int], keys: Keys, routes: Routes, read: Reader
) -> list[Outcome]:
    """Judge the rows `ids` again, in one transaction; an outcome for each that is there and not yet replayed."""
    async with connection.transaction():
        rows = await connection.fetch(
            "SELECT * FROM quarantine WHERE id = ANY($1::bigint[]) AND replayed_at IS NULL ORDER BY id FOR UPDATE",
            list(ids),
        )
        judged = [(row["id"], _judged(row, keys, routes)) for row in rows]
        passed = {id_: inbound for id_, inbound in judged if isinstance(inbound, Inbound)}
        outcomes = {id_: each for id_, each in judged if isinstance(each, Outcome)}
        messages: dict[int, int] = {}
        told = await versions(connection, list(passed.values()), keys)
        new: set[tuple[str, str, str]] = set()
        for id_, inbound in zip(passed, told.batch, strict=True):
            outcomes[id_], message = await _stored(connection, id_, inbound, keys)
            if message is not None:
                messages[message] = id_
            if outcomes[id_].outcome == STORED:
                new.add(inbound.key)
        await told.move(connection, new)
        if messages:
            await replace_facts(connection, sorted(messages), read.on(connection))
        taken = [each for each in outcomes.values() if each.outcome in TAKEN]
        await connection.execute(
            "UPDATE quarantine q SET replayed_at = now(), outcome = n.outcome"
            " FROM unnest($1::bigint[], $2::text[]) AS n (id, outcome) WHERE q.id = n.id",
            [each.id for each in taken],
            [each.outcome for each in taken],
        )
    return [outcomes[row["id"]] for row in rows]


def _judged(row: Any, keys: Keys, routes: Routes) -> Inbound | Outcome:
    if row["cut"] or row["reason"] in _PARTS:
        said = _CUT if row["cut"] or row["reason"] == "too-long" else _NEVER_WHOLE
        return Outcome(row["id"], REFUSED, row["reason"], said)
    try:
        raw = open_refused(row, keys)
    except CannotOpen as error:
        return Outcome(row["id"], REFUSED, row["reason"], str(error))
    sender = Sender(row["sending_application"] or "", row["sending_facility"] or "")
    way = row["control_id"] or ""
    # A row of a feed was admitted when it came. Of others it is not known whether they came over TLS.
    seen = routes.over(Road(protocol(raw)) if row["feed_id"] is None else None)
    inbound = judge_again(raw, way, sender, seen, peer=row["peer"], at=row["received_at"])
    if inbound.verdict != "accept":
        return Outcome(row["id"], REFUSED, inbound.reason, inbound.detail)
    return inbound


async def _stored(connection: db.Connection, id_: int, inbound: Inbound, keys: Keys) -> tuple[Outcome, int | None]:
    """The outcome, and the number of the message whose facts are to be read."""
    ids, known = await insert_messages(connection, [inbound], keys, measured=False)
    if inbound.key in ids:
        return Outcome(id_, STORED), ids[inbound.key]
    if known[inbound.key].sha256 != inbound.sha256:
        said = "MSH-10 was used before by this sender for other content: the first message counts"
        return Outcome(id_, REFUSED, "conflict", said), None
    number = await connection.fetchval(
        "SELECT id FROM message WHERE (sending_application, sending_facility, control_id) = ($1, $2, $3)", *inbound.key
    )
    return Outcome(id_, PRESENT), number
