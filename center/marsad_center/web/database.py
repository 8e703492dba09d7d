"""The dashboard's connections for what a single reader asks: a few, made when needed. The snapshot has its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg

from marsad_center import db
from marsad_center.web.problems import Problem

PATIENCE_SECONDS = 5.0


class Database:
    """A pool whose faults are problem documents."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[db.Connection]:
        """One connection for the length of the block. Raises Problem 503 when there is none, or it is lost."""
        try:
            async with self._pool.acquire(timeout=PATIENCE_SECONDS) as connection:
                yield connection
        except db.TRANSIENT:
            raise Problem(503, "database", "Not available", "The database cannot be reached now. Try again.") from None
