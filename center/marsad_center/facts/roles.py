"""The roles of the center in a database that CloudNativePG does not manage: made by its owner, who needs CREATEROLE."""

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


async def make_roles(connection: db.Connection, passwords: Mapping[str, str]) -> None:
    """Make each role of `passwords` that is missing, and set the password of all."""
    existing = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    for role, password in passwords.items():
        verb = "ALTER" if role in existing else "CREATE"
        # DDL takes no parameters; a verifier holds no quotes, and the server's log never sees the password itself.
        await connection.execute(f"{verb} ROLE \"{role}\" LOGIN PASSWORD '{verifier(password)}'")
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
