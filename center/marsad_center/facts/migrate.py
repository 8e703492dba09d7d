"""`python -m marsad_center migrate`: bring the schema to this release's version, or say why it cannot be.

Safe to run at any time and by several at once: it waits for the database and for the roles that CloudNativePG makes
after the database, takes an advisory lock, and gives each migration one transaction. A second run changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from marsad_center import db
from marsad_center.facts import schema
from marsad_center.facts.roles import make_roles
from marsad_center.settings import DatabaseSettings, Settings

log = logging.getLogger(__name__)

ROLES = ("gateway", "analytics", "reader")
_LOCK = 0x6D61_7273_6164  # "marsad": any two migrates of one database meet at this number


class SchemaTooNew(RuntimeError):
    """The database was migrated by a later release that this one cannot work with."""


async def run(settings: Settings) -> None:
    """Wait for the database, migrate, return. Raises SchemaTooNew, RoleTaken; other errors of SQL come out as they
    are."""
    attempt = 0
    while True:
        try:
            await migrate(settings.database, settings.roles)
            return
        except db.TRANSIENT as error:
            log.info("waiting for the database", extra={"reason": db.describe(error)})
        await asyncio.sleep(db.backoff(attempt))
        attempt += 1


async def migrate(database: DatabaseSettings, role_passwords: Path | None = None) -> int:
    """Apply what is missing; the number of migrations applied. `role_passwords`: see Settings.roles.

    Raises db.TRANSIENT when the database goes away, RoleTaken when the server's roles are somebody else's.
    """
    async with db.connected(database, "migrate") as connection:
        if role_passwords is not None:
            await make_roles(connection, {role: (role_passwords / role).read_text().strip() for role in ROLES})
        await _wait_for_roles(connection)
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=None)
        try:
            return await _apply(connection)
        finally:
            if not connection.is_closed():
                await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _apply(connection: db.Connection) -> int:
    done = {step.version: step for step in await schema.applied(connection)}
    newest = max(done, default=0)
    if newest > schema.CODE_VERSION:
        if sentence := schema.fault(tuple(done.values())):
            raise SchemaTooNew(sentence)
        log.info("the schema is newer and compatible, nothing to do", extra={"version": newest})
        return 0
    count = 0
    for migration in schema.migrations():
        if step := done.get(migration.version):
            if step.sha256 != migration.sha256:
                log.warning("a migration was edited after it was applied", extra={"version": migration.version})
            continue
        async with connection.transaction():
            await connection.execute(migration.sql, timeout=600)
            await connection.execute(
                "INSERT INTO center.schema_version (version, name, sha256, breaks_before) VALUES ($1, $2, $3, $4)",
                migration.version,
                migration.name,
                migration.sha256,
                migration.breaks_before,
            )
        log.info("migrated", extra={"version": migration.version, "migration": migration.name})
        count += 1
    if not count:
        log.info("the schema is up to date", extra={"version": newest})
    return count


async def _wait_for_roles(connection: db.Connection) -> None:
    """CloudNativePG reconciles managed roles after initdb: grants to a role that does not exist would fail."""
    attempt = 0
    while True:
        missing = await connection.fetch(
            "SELECT name FROM unnest($1::text[]) AS name WHERE name NOT IN (SELECT rolname FROM pg_roles)", list(ROLES)
        )
        if not missing:
            return
        log.info("waiting for roles", extra={"roles": [row["name"] for row in missing]})
        await asyncio.sleep(db.backoff(attempt))
        attempt += 1
