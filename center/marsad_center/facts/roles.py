"""The roles of the center in a database that CloudNativePG does not manage: made by its owner, who needs CREATEROLE.

Roles belong to the server and not to a database, and ours have names that others may have taken: two centers on one
server would set each other's passwords, and then read each other's data. So a role carries a mark, and only ours is
changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
from collections.abc import Mapping

from marsad_center import db

log = logging.getLogger(__name__)

_ITERATIONS = 4096  # PostgreSQL's own default


class RoleTaken(RuntimeError):
    """A role of this name is on the server and is not this database's."""


# A role without a mark is ours, too, if this database's schema was granted to it: earlier releases set no mark.
_FOUND = """
    SELECT r.rolname, coalesce(shobj_description(r.oid, 'pg_authid'), '') AS mark, EXISTS (
        SELECT FROM pg_namespace AS n, aclexplode(n.nspacl) AS granted
        WHERE n.nspname = 'center' AND granted.grantee = r.oid) AS served
    FROM pg_roles AS r WHERE r.rolname = ANY($1::text[])
"""


async def make_roles(connection: db.Connection, passwords: Mapping[str, str]) -> None:
    """Make each role of `passwords` that is missing, and set the password of all. Raises RoleTaken, and changes nothing
    then."""
    async with connection.transaction():
        mark = "marsad: roles of the center in database " + await connection.fetchval("SELECT current_database()")
        found = {row["rolname"]: row for row in await connection.fetch(_FOUND, list(passwords))}
        for role, row in found.items():
            if row["mark"] != mark and (row["mark"] or not row["served"]):
                raise RoleTaken(
                    f"the role {role} of this server is not this database's: a center needs a PostgreSQL server without"
                    " another center and without roles named " + ", ".join(passwords)
                )
        for role, password in passwords.items():
            verb = "ALTER" if role in found else "CREATE"
            # DDL takes no parameters; a verifier holds no quotes, and the server's log never sees the password itself.
            await connection.execute(f"{verb} ROLE \"{role}\" LOGIN PASSWORD '{verifier(password)}'")
            await connection.execute(
                await connection.fetchval("SELECT format('COMMENT ON ROLE %I IS %L', $1::text, $2::text)", role, mark)
            )
            if verb == "CREATE":
                log.info("role made", extra={"role": role})


def verifier(password: str, salt: bytes | None = None) -> str:
    """What PostgreSQL stores for `password` (RFC 5803, SCRAM-SHA-256). ASCII passwords only: no SASLprep is applied."""
    salt = salt if salt is not None else os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_, stored_, server_ = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt_}${stored_}:{server_}"
