"""What lies in clear, or under an older key, sealed with the newest one; and answers over FHIR forgotten, which earlier
releases kept in clear. May be interrupted and begun again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from marsad_center import db
from marsad_center.gateway.sealed import open_message, open_refused
from marsad_center.keys import CannotOpen, Keys
from marsad_center.settings import DatabaseSettings

BATCH = 500


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many rows were sealed anew, and which do not open (and stay as they are), by table."""

    rows: int = 0
    unread: tuple[str, ...] = ()


async def reseal(settings: DatabaseSettings, keys: Keys) -> AsyncGenerator[Resealed, None]:
    """Seal message and quarantine anew, and forget those answers; yields how far it is after each batch."""
    done = Resealed()
    for table in (_Messages(keys), _Refused(keys), _Answers(keys)):
        while await db.steadily(settings, "gateway-reseal", table.go_on):
            yield _with(done, table)
        done = _with(done, table)
    yield done


def _with(done: Resealed, table: _Table) -> Resealed:
    return Resealed(done.rows + table.rows, (*done.unread, *table.unread))


class _Table:
    """Where the walk through one table stands."""

    name: str
    read: str

    def __init__(self, keys: Keys) -> None:
        self.keys, self.at, self.rows = keys, 0, 0
        self.unread: tuple[str, ...] = ()

    async def go_on(self, connection: db.Connection) -> bool:
        """The next rows; False when none are left."""
        async with connection.transaction():
            rows = await self.fetch(connection)
            sealed: dict[int, bytes] = {}
            unread: list[str] = []
            for row in rows:
                try:
                    sealed[row["id"]] = self.seal(row)
                except CannotOpen as error:
                    unread.append(f"{self.name} {row['id']}: {error}")
            await self.write(connection, sealed)
        if rows:  # only what is committed counts
            self.at = rows[-1]["id"]
            self.rows += len(sealed)
            self.unread = (*self.unread, *unread)
        return bool(rows)

    async def fetch(self, connection: db.Connection) -> Sequence[db.Connection]:
        """The next rows that are not as they should be."""
        return list(await connection.fetch(self.read, self.at, self.keys.newest, BATCH))

    def seal(self, row: db.Connection) -> bytes:
        """The row's bytes under the newest key. Raises CannotOpen."""
        raise NotImplementedError

    async def write(self, connection: db.Connection, sealed: dict[int, bytes]) -> None:
        """Put them there."""
        raise NotImplementedError


class _Messages(_Table):
    name = "message"
    read = "SELECT * FROM message WHERE id > $1 AND sealed_with IS DISTINCT FROM $2 ORDER BY id LIMIT $3"

    def seal(self, row: db.Connection) -> bytes:
        key = row["sending_application"], row["sending_facility"], row["control_id"]
        return self.keys.seal(open_message(row, self.keys), "message", *key)

    async def write(self, connection: db.Connection, sealed: dict[int, bytes]) -> None:
        await connection.execute(
            "SELECT reseal($1::bigint[], $2::bytea[], $3)", list(sealed), list(sealed.values()), self.keys.newest
        )


class _Refused(_Table):
    name = "quarantine"
    # A gateway may count these up or make one whole meanwhile.
    read = "SELECT * FROM quarantine WHERE id > $1 AND sealed_with IS DISTINCT FROM $2 ORDER BY id LIMIT $3 FOR UPDATE"

    def seal(self, row: db.Connection) -> bytes:
        return self.keys.seal(open_refused(row, self.keys), "quarantine", row["reason"], row["sha256"])

    async def write(self, connection: db.Connection, sealed: dict[int, bytes]) -> None:
        await connection.execute(
            "UPDATE quarantine q SET raw = n.raw, sealed_with = $3"
            " FROM unnest($1::bigint[], $2::bytea[]) AS n (id, raw) WHERE q.id = n.id",
            list(sealed),
            list(sealed.values()),
            self.keys.newest,
        )


class _Answers(_Table):
    """What was answered over FHIR names patients and visits, and follows from the bytes of the message (ADR 0031)."""

    name = "message"

    async def fetch(self, connection: db.Connection) -> Sequence[db.Connection]:
        return list(
            await connection.fetch(
                "SELECT id FROM message WHERE id > $1 AND ack_code IN ('200', '201') AND ack IS NOT NULL"
                " ORDER BY id LIMIT $2",
                self.at,
                BATCH,
            )
        )

    def seal(self, _row: db.Connection) -> bytes:
        return b""

    async def write(self, connection: db.Connection, sealed: dict[int, bytes]) -> None:
        await connection.execute("SELECT forget_answers($1::bigint[])", list(sealed))
