"""Connections: rotated credentials are taken up, and a listener outlives its connection."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from marsad_center import db
from marsad_center.tests.conftest import Database


async def test_a_rotated_password_is_used_by_the_next_connection(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "username").write_text("rotating\n")
    (folder / "password").write_text("old\n")
    settings = replace(database.access("reader"), credentials=folder)
    async with database.connect("postgres") as superuser:
        await superuser.execute("CREATE ROLE rotating LOGIN PASSWORD 'new' IN ROLE reader")
        try:
            with pytest.raises(db.TRANSIENT):
                await db.connect(settings, "test")
            (folder / "password").write_text("new\n")
            async with db.connected(settings, "test") as connection:
                assert await connection.fetchval("SELECT count(*) FROM indicator_value") == 0
        finally:
            await superuser.execute("DROP ROLE rotating")


async def test_a_pool_is_made_before_its_database_and_works_when_it_is_there(database: Database) -> None:
    async with db.create_pool(database.access("analytics"), "test", size=2) as pool:
        counts = await asyncio.gather(*(pool.fetchval("SELECT count(*) FROM facility") for _ in range(4)))
    assert counts == [0] * 4


async def test_a_listener_reloads_after_every_connection_and_hears_what_is_said_then(
    database: Database, eventually: Any
) -> None:
    loads: list[int] = []
    heard: list[tuple[str, str]] = []
    lost: list[str] = []

    async def load() -> None:
        loads.append(len(heard))

    listener = db.Listener(
        database.access("reader"),
        "test-listener",
        ["figures", "facts"],
        load,
        lambda channel, payload: heard.append((channel, payload)),
        on_lost=lost.append,
        check_seconds=0.2,
    )
    task = asyncio.create_task(listener.run())

    async def connected() -> bool:
        return listener.connected

    async with database.connect("postgres") as connection:
        await eventually(connected)
        await connection.execute("NOTIFY figures, 'one'")

        async def heard_one() -> bool:
            return heard == [("figures", "one")]

        await eventually(heard_one)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'test-listener' AND datname = current_database()"
        )

        async def reloaded() -> bool:
            return len(loads) == 2 and listener.connected

        await eventually(reloaded)
        await connection.execute("NOTIFY facts, 'two'")

        async def heard_two() -> bool:
            return heard[1:] == [("facts", "two")]

        await eventually(heard_two)
    assert len(lost) == 1
    task.cancel()
    await asyncio.wait({task})
