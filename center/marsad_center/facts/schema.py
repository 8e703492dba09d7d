"""Which schema this release brings and which it can work with.

A migration is a file `migrations/NNNN_name.sql`. A line `-- breaks-before: N` in it says that releases whose newest
migration is older than N can no longer work with the result; without it, older releases go on (an expanding change), so
that a center can be rolled forward pod by pod, and back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_BREAKS = re.compile(r"^-- breaks-before: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. `breaks_before`: the oldest release (by its newest migration) that still works after it."""

    version: int
    name: str
    sql: str
    sha256: str
    breaks_before: int


@dataclass(frozen=True, slots=True)
class Applied:
    """A row of schema_version."""

    version: int
    sha256: str
    breaks_before: int


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """All migrations in order. Raises ValueError when a file is misnamed or a number is missing or doubled."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name} is not named NNNN_name.sql")
        sql = path.read_text(encoding="utf-8")
        breaks = _BREAKS.search(sql)
        found.append(
            Migration(
                version=int(match[1]),
                name=match[2],
                sql=sql,
                sha256=hashlib.sha256(sql.encode()).hexdigest(),
                breaks_before=int(breaks[1]) if breaks else 0,
            )
        )
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations must be numbered 1, 2, 3...: {[migration.version for migration in found]}")
    return tuple(found)


CODE_VERSION = len(migrations())


async def applied(connection: asyncpg.Connection) -> tuple[Applied, ...]:
    """The steps the database has had; empty when it is new (or when the role may not look yet)."""
    try:
        rows: Sequence[Any] = await connection.fetch(
            "SELECT version, sha256, breaks_before FROM center.schema_version ORDER BY version"
        )
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InsufficientPrivilegeError):
        return ()
    return tuple(Applied(row["version"], row["sha256"], row["breaks_before"]) for row in rows)


def fault(steps: Sequence[Applied], code_version: int = CODE_VERSION) -> str | None:
    """Why a release whose newest migration is `code_version` cannot work with a schema of `steps`; None when it can."""
    newest = max((step.version for step in steps), default=0)
    needed = max((step.breaks_before for step in steps), default=0)
    if newest < code_version:
        return f"the schema is at version {newest}, this release needs {code_version}: the migrate Job has not finished"
    if needed > code_version:
        return (
            f"the schema is at version {newest} and works only with releases from schema version {needed} on, "
            f"not {code_version}"
        )
    return None
