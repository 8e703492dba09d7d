"""Advisory locks of a transaction, by name: who derives something keeps others from what it is derived of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from marsad_center import db
from marsad_center.facts.columns import Columns

_LOCKS = Columns({"number": "bigint"})
_TAKE = f"SELECT pg_advisory_xact_lock(number) FROM (SELECT {_LOCKS.source}) AS l"  # noqa: S608 - constants


async def take(connection: db.Connection, names: Iterable[str]) -> None:
    """Keep all others from `names` until the end of the transaction.

    One after the other in ascending order: two transactions can wait for each other, but never in a circle."""
    numbers = sorted({number_of(name) for name in names})
    if numbers:
        await connection.execute(_TAKE, *_LOCKS.arguments([(number,) for number in numbers]))


def number_of(name: str) -> int:
    """What the database calls the lock: 64 bits, signed."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
