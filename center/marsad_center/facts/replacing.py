"""What stored messages say, said anew: their facts are compared with what is there and replaced where they differ, and
all that they touch is derived again. The same mapping gives the same rows, one that was put right gives the right ones.

Visits, merges and other things are derived from logs that name the message of each line. An order has no log, so it is
made anew from all the messages that named it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from marsad_center import db
from marsad_center.facts import kinds
from marsad_center.facts.code_maps import count_unmapped, used
from marsad_center.facts.events import Fact, Identified, Merge, Movement, OrderEvent, Statement
from marsad_center.facts.merging import Merged, derive_merges, write_merges
from marsad_center.facts.order_writing import write_orders
from marsad_center.facts.person_writing import write_links
from marsad_center.facts.statement_writing import Said, derive_things, statement_of, write_statements
from marsad_center.facts.telling import said_again
from marsad_center.facts.writing import Stated, derive_visits, insert_movements, links, lock, movement_of, ordered

Tell = Callable[[Sequence[int]], Awaitable[Mapping[int, Sequence[Stated]]]]
"""What messages say as they are read today, by their numbers, in the order of their receipt. A message that cannot be
read any more is left out: its facts stay as they are."""

_ONE_AT_A_TIME = 0x7265_706C_6163_65  # "replace": two would have to lock what they do not know yet
_UNNOTED = 0  # in clinical_order.message_ids: other messages named the order, too


@dataclass(slots=True)
class Replaced:
    """`changed`: messages of which another thing is known now; `unread`: those that could not be read."""

    changed: set[int] = field(default_factory=set)
    unread: set[int] = field(default_factory=set)
    facilities: set[str] = field(default_factory=set)


async def replace_facts(connection: db.Connection, ids: Sequence[int], tell: Tell, *, whole: bool = False) -> Replaced:
    """Bring the facts of the messages `ids` to what `tell` says of them, within the caller's transaction.

    `whole`: all messages there are will be read, so that nothing else can have named an order. Raises asyncpg's errors;
    a deadlock with a gateway is one that passes.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
    told = await tell(ids)
    before = await _said_before(connection, list(told))
    said = [each for lines in told.values() for each in lines]
    await lock(connection, [*said, *(each for lines in before.values() for each in lines)])
    result = Replaced(unread=set(ids) - told.keys(), facilities={each.facility for each in said})
    result.facilities |= {each.facility for lines in before.values() for each in lines}
    result.changed = {id_ for id_ in told if _lines(told[id_]) != _lines(before[id_])}
    new = [each for each in said if each.message_id in result.changed]
    touched = [*said, *(each for lines in before.values() for each in lines)]
    await _delete(connection, sorted(result.changed))
    await _insert(connection, new, touched)
    result.changed |= await _replace_links(connection, told)
    result.changed |= await _replace_orders(connection, told, tell, whole=whole)
    fresh = [each for each in new if not before[each.message_id] and not isinstance(each.fact, OrderEvent)]
    await count_unmapped(connection, [use for each in fresh for use in used(each.facility, each.fact)])
    await said_again(connection, {id_: kinds.told(each.fact for each in lines) for id_, lines in told.items() if lines})
    if result.facilities:
        await db.notify(connection, "facts", result.facilities)
    return result


def _lines(said: Iterable[Stated]) -> dict[str, list[Fact]]:
    """The lines of the logs, comparable: those of one log in their order, without the numbers of their rows."""
    logs: dict[str, list[Fact]] = defaultdict(list)
    for _facility, _message_id, fact in said:
        match fact:
            case Movement():
                logs["movement"].append(replace(fact, id=0))
            case Merge():
                logs["merge"].append(fact)
            case Identified():
                pass  # see _replace_links
            case Statement():
                logs["statement"].append(replace(fact, id=0))
    return logs


async def _said_before(connection: db.Connection, ids: list[int]) -> dict[int, list[Stated]]:
    """What the logs hold of each message."""
    found: dict[int, list[Stated]] = {id_: [] for id_ in ids}

    async def read(table: str, fact: Callable[[Any], Fact]) -> None:
        rows = await connection.fetch(
            f"SELECT * FROM {table} WHERE message_id = ANY($1::bigint[]) ORDER BY id",  # noqa: S608 - constants
            ids,
        )
        for row in rows:
            found[row["message_id"]].append(Stated(row["facility"], row["message_id"], fact(row)))

    await read("movement", movement_of)
    await read("statement", statement_of)
    await read("patient_merge_log", lambda row: Merge(row["merged"], row["survivor"], row["event_at"]))
    return found


async def _delete(connection: db.Connection, ids: list[int]) -> None:
    if not ids:
        return
    for table in ("movement", "statement", "patient_merge_log"):
        await connection.execute(f"DELETE FROM {table} WHERE message_id = ANY($1::bigint[])", ids)  # noqa: S608


async def _insert(connection: db.Connection, new: Sequence[Stated], touched: Sequence[Stated]) -> None:
    """Put `new` into the logs and derive all that `touched` names."""
    merges = [Merged(each.facility, each.message_id, each.fact) for each in new if isinstance(each.fact, Merge)]
    await write_merges(connection, merges)
    patients = {
        (each.facility, key)
        for each in touched
        if isinstance(each.fact, Merge)
        for key in (each.fact.merged, each.fact.survivor)
    }
    await derive_merges(connection, patients)
    movements = [(each, each.fact) for each in new if isinstance(each.fact, Movement)]
    if movements:
        await insert_movements(connection, movements)
    visits = {(each.facility, each.fact.visit_key) for each in touched if isinstance(each.fact, Movement)}
    if visits:
        await derive_visits(connection, visits)
    said = [Said(each.facility, each.message_id, each.fact) for each in new if isinstance(each.fact, Statement)]
    await write_statements(connection, said)
    facts = ((each.facility, each.fact) for each in touched)
    things = {(facility, fact.KIND, fact.key) for facility, fact in facts if isinstance(fact, Statement)}
    await derive_things(connection, dict.fromkeys(things))


async def _replace_links(connection: db.Connection, told: Mapping[int, Sequence[Stated]]) -> set[int]:
    """A link keeps the message that said it first: it goes when that one does not say it any more, and comes again with
    the next that does. The messages that said one and do not."""
    said = links(each for lines in told.values() for each in lines)
    kept = {(each.message_id, each.facility, each.fact.patient_key, each.fact.identifier) for each in said}
    rows = await connection.fetch(
        "SELECT message_id, facility, patient_key, identifier FROM person_link WHERE message_id = ANY($1::bigint[])",
        list(told),
    )
    gone = sorted(tuple(row) for row in rows if tuple(row) not in kept)
    if gone:
        await connection.execute(
            "DELETE FROM person_link l USING unnest($1::bigint[], $2::text[], $3::text[], $4::text[])"
            " AS g (message_id, facility, patient_key, identifier) WHERE (l.message_id, l.facility, l.patient_key,"
            " l.identifier) = (g.message_id, g.facility, g.patient_key, g.identifier)",
            *(list(column) for column in zip(*gone, strict=True)),
        )
    await write_links(connection, said)
    return {row[0] for row in gone}


async def replace_stale_orders(
    connection: db.Connection,
    first: int,
    last: int,
    since: datetime,
    tell: Tell,
    *,
    after: tuple[str, str] = ("", ""),
    whole: bool = False,
) -> tuple[str, str] | None:
    """Make anew, within the caller's transaction, some orders that a message of `first` to `last` named once, and that
    nothing has written since `since`, when these messages began to be said anew: they are called something else now.

    The last of them, to go on `after`; None when none are left.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
    rows = await connection.fetch(
        "SELECT * FROM clinical_order WHERE updated_at < $3 AND (facility, order_key) > ($4, $5) AND EXISTS ("
        " SELECT FROM unnest(message_ids) AS m (id) WHERE id BETWEEN $1 AND $2)"
        " ORDER BY facility, order_key LIMIT 100",
        0 if whole else first,
        last,
        since,
        *after,
    )
    if not rows:
        return None
    told = await tell(sorted({id_ for row in rows for id_ in row["message_ids"]} - {_UNNOTED}))
    await _replace_orders(connection, told, tell, whole=whole, more=rows)
    await db.notify(connection, "facts", {row["facility"] for row in rows})
    return rows[-1]["facility"], rows[-1]["order_key"]


async def _replace_orders(
    connection: db.Connection,
    told: Mapping[int, Sequence[Stated]],
    tell: Tell,
    *,
    whole: bool,
    more: Iterable[Any] = (),
) -> set[int]:
    """Make anew `more` and every order that the messages `told` name. Those of which another thing is known now."""
    known = dict(told)
    rows = {(row["facility"], row["order_key"]): row for row in more}
    unread: set[int] = set()
    while True:  # an order leads to other messages, and these to other orders
        rows |= await _orders_of(connection, known)
        named = {id_ for row in rows.values() for id_ in row["message_ids"]} - {_UNNOTED}
        if not (missing := sorted(named - known.keys() - unread)):
            break
        found = await tell(missing)
        known |= found
        unread |= set(missing) - found.keys()
    receipt = await connection.fetch(
        "SELECT id FROM message WHERE id = ANY($1::bigint[]) ORDER BY received_at, id", list(known)
    )
    events = ordered(each for row in receipt for each in known[row["id"]])
    await lock(connection, [Stated(*each) for each in events])
    # Whatever a message said that cannot be read now, or was not noted, stays; what is known is written over it.
    gone = [
        key
        for key, row in rows.items()
        if unread.isdisjoint(row["message_ids"]) and (whole or _UNNOTED not in row["message_ids"])
    ]
    if gone:
        await connection.execute(
            "DELETE FROM clinical_order o USING unnest($1::text[], $2::text[]) AS k (facility, order_key)"
            " WHERE (o.facility, o.order_key) = (k.facility, k.order_key)",
            *(list(column) for column in zip(*gone, strict=True)),
        )
    if events:
        await write_orders(connection, events)
    after = await _orders_of(connection, known)
    differing = {key for key in rows.keys() | after.keys() if _essence(rows.get(key)) != _essence(after.get(key))}
    changed = {id_ for key in differing for row in (rows.get(key), after.get(key)) if row for id_ in row["message_ids"]}
    return changed & told.keys()


async def _orders_of(connection: db.Connection, said: Mapping[int, Sequence[Stated]]) -> dict[tuple[str, str], Any]:
    """The orders that these messages name by one of their numbers."""
    events = ordered(each for lines in said.values() for each in lines)
    numbers = {
        (each.facility, number) for each in events for number in (each.event.placer, each.event.filler) if number
    }
    if not numbers:
        return {}
    rows = await connection.fetch(
        """
        SELECT o.* FROM clinical_order o JOIN unnest($1::text[], $2::text[]) AS k (facility, number)
            ON o.facility = k.facility AND o.order_key = k.number
        UNION SELECT o.* FROM clinical_order o JOIN unnest($1::text[], $2::text[]) AS k (facility, number)
            ON o.facility = k.facility AND o.filler = k.number AND o.filler <> ''
        """,
        *(list(column) for column in zip(*sorted(numbers), strict=True)),
    )
    return {(row["facility"], row["order_key"]): row for row in rows}


def _essence(row: Any) -> dict[str, Any] | None:
    """What is known of an order: not when it was written, nor in which order its messages were."""
    if row is None:
        return None
    return {name: value for name, value in row.items() if name not in ("id", "updated_at", "message_ids")}
