"""The database's disk is full: the gateway acknowledges nothing that is not stored, and goes on once there is room."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from e2e.faults.conftest import settings_of
from e2e.faults.processes import Center
from e2e.faults.traffic import Engine, day
from e2e.faults.truth import holds, honest
from marsad_center.tests.conftest import _TEMPLATE, CENTER, Database, _prepare
from marsad_center.tests.server import PostgresServer

pytestmark = pytest.mark.postgres
MIB = 1024 * 1024


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 160 MiB, under a short path: sockets have room for little more than a hundred letters."""
    if os.geteuid():
        pytest.skip("only root may mount a file system that is small enough to be filled")
    folder = Path(tempfile.mkdtemp(prefix="marsad-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.fixture
async def cramped(small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A center's database on that disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    server = PostgresServer(durable=True)
    monkeypatch.undo()
    try:
        server.start({"max_wal_size": "32MB", "min_wal_size": "32MB"})
        await _prepare(server)
        (tmp_path / "center.json").write_text(json.dumps(CENTER))
        yield Database(server, _TEMPLATE, tmp_path)
    finally:
        server.close()


def fill(disk: Path) -> Path:
    """Leave no byte on the disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(b"\0" * MIB)
        except OSError:
            return filler


async def test_a_full_disk_makes_senders_wait_and_costs_nothing(
    cramped: Database, small_disk: Path, tmp_path: Path
) -> None:
    texts = day(11, 400, datetime.now(UTC))
    async with Center.of(settings_of(cramped), tmp_path) as center:
        engine = Engine([part.settings.mllp_port for part in center.gateways], texts, patience=15)
        playing = asyncio.create_task(engine.run())
        await engine.reached(len(texts) // 4)
        filler = fill(small_disk)
        before = -1
        while before != engine.acknowledged:  # until the room that the server has in hand is used up
            before = engine.acknowledged
            await asyncio.sleep(1)
        assert before < len(texts), "the disk was full before everything was sent"
        await honest(center, engine)
        filler.unlink()
        if cramped.server.died():  # a server that cannot write its log ends: it is started again, as it would be
            cramped.server.start()
        await playing
        assert not engine.refused
        await holds(cramped, center, texts, tmp_path)
