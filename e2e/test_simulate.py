"""`marsad simulate` and the real gateway with a real PostgreSQL: what is played is what the center knows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from marsad_center.gateway.service import Ports, run
from marsad_center.tests.conftest import Database, database, postgres_server

__all__ = ["database", "postgres_server"]  # fixtures of the center's own tests

pytestmark = pytest.mark.postgres
REPOSITORY = Path(__file__).resolve().parents[1]


@contextlib.asynccontextmanager
async def gateway(database: Database) -> AsyncIterator[int]:
    """A running gateway; its MLLP port."""
    started: asyncio.Future[Ports] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run(database.settings("gateway"), started=started.set_result))
    try:
        yield (await asyncio.wait_for(started, 120)).mllp or 0
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def start(port: int, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "marsad.cli", "simulate", "--to", f"127.0.0.1:{port}", "--json", *arguments,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def play(port: int, *arguments: str) -> dict[str, Any]:
    process = await start(port, *arguments)
    stdout, _ = await process.communicate()
    assert process.returncode == 0
    account: dict[str, Any] = json.loads(stdout)
    return account


async def test_everything_that_facilities_say_is_accepted_and_known(database: Database) -> None:
    async with gateway(database) as port:
        account = await play(port, "--facility", "KAMC=HIS/KAMC:40:140", "--facility", "ALNOOR=HIS/ALNOOR:30:90",
                             "--warm-start", "--rate", "200", "--count", "3000", "--connections", "2")  # fmt: skip
        async with database.connect("gateway") as connection:
            stored = await connection.fetchval("SELECT count(*) FROM message WHERE ack_code = 'AA'")
            quarantined = await connection.fetchval("SELECT count(*) FROM quarantine")
            rows = await connection.fetch("""
                SELECT facility, count(*) FILTER (WHERE in_ed) AS ed, count(triage_level) AS triaged,
                       count(seen_at) AS seen,
                       count(DISTINCT (point_of_care, room, bed)) FILTER (WHERE class = 'I' AND NOT in_ed) AS beds
                FROM encounter WHERE state = 'present' GROUP BY facility""")
            lasted = await connection.fetchval(
                "SELECT count(*) FROM clinical_order WHERE resulted_at > ordered_at AND kind IN ('lab', 'radiology')"
            )
    assert account["answers"] == {"AA": 3000} == {"AA": stored}
    assert quarantined == 0
    assert {row["facility"] for row in rows} == {"KAMC", "ALNOOR"}
    for row in rows:
        assert row["ed"] > 0
        assert row["triaged"] > 0
        assert row["seen"] > 0
        assert 0 < row["beds"] <= {"KAMC": 140, "ALNOOR": 90}[row["facility"]]
    assert lasted > 20


async def test_the_figures_beside_visits_and_orders_have_something_to_count(database: Database) -> None:
    async with gateway(database) as port:
        account = await play(port, "--facility", "KAMC=HIS/KAMC:40:140", "--facility", "ALNOOR=HIS/ALNOOR:30:90",
                             "--rate", "300", "--count", "4000", "--connections", "2")  # fmt: skip
        async with database.connect("postgres") as connection:
            counted = {
                name: await connection.fetchval(f"SELECT count(*) FROM {name}")
                for name in (
                    "appointment WHERE status = 'completed' AND NOT virtual", "appointment WHERE virtual",
                    "appointment WHERE status = 'no_show'", "referral WHERE accepted_at IS NOT NULL",
                    "prescription WHERE dispensed_at IS NOT NULL", "vaccination WHERE status = 'given'",
                    "bed WHERE status = 'occupied'", "encounter WHERE offloaded_at IS NOT NULL",
                    "encounter WHERE bedded_at IS NOT NULL", "encounter WHERE decided_at IS NOT NULL",
                    "encounter WHERE disposition = 'LWBS'",
                )
            }  # fmt: skip
            answered = await connection.fetch(
                "SELECT r.counted, s.counted AS also, r.status = s.status AS alike, r.facility = r.origin AS sent"
                " FROM referral r JOIN referral s ON r.known_as && s.known_as AND r.facility < s.facility"
            )
            unmapped = await connection.fetch("SELECT DISTINCT kind FROM unmapped_code")
    assert account["answers"] == {"AA": 4000}
    assert all(counted.values()), counted
    assert answered
    assert all(row["counted"] != row["also"] and row["counted"] == row["sent"] for row in answered)
    assert all(row["alike"] for row in answered), "both sides' rows say what both told"
    assert [row["kind"] for row in unmapped] == ["encounter"], "PV1-10 has no system; all else is everybody's"


async def test_nobody_is_left_when_everybody_is_sent_home(database: Database) -> None:
    async with gateway(database) as port:
        await play(port, "--facility", "KAMC=HIS/KAMC:10:20", "--warm-start", "--empty-at-end",
                   "--rate", "100", "--count", "400")  # fmt: skip
        async with database.connect("gateway") as connection:
            inside = await connection.fetchval("SELECT count(*) FROM encounter WHERE state = 'present'")
            known = await connection.fetchval("SELECT count(*) FROM encounter")
    assert inside == 0
    assert known > 20


async def test_whom_a_killed_play_left_behind_the_next_one_sends_home(database: Database, tmp_path: Path) -> None:
    small = ("--facility", "KAMC=HIS/KAMC:10:20", "--warm-start", "--remember", str(tmp_path / "open"))

    async def inside() -> set[str]:
        async with database.connect("gateway") as connection:
            rows = await connection.fetch("SELECT visit_key FROM encounter WHERE state = 'present'")
        return {row["visit_key"] for row in rows}

    async with gateway(database) as port:
        killed = await start(port, *small, "--rate", "50", "--forever")
        async with asyncio.timeout(120):
            while len(await inside()) < 10:  # noqa: ASYNC110 - the database is what is asked
                await asyncio.sleep(0.05)
        killed.kill()
        await killed.wait()
    # This gateway has ended in order, so that nothing of what was sent is on its way any more.
    assert (ghosts := await inside()), "some were left behind, or nothing is proved"
    async with gateway(database) as port:
        await play(port, *small, "--rate", "200", "--count", "400")
    assert ghosts.isdisjoint(new := await inside())
    assert new, "those of the second play are there"


async def test_a_file_played_twice_is_answered_twice_and_stored_once(database: Database, tmp_path: Path) -> None:
    header = "MSH|^~\\&|HIS|KAMC|||20260301100000+0300||ADT^A04|C{0}|P|2.5.1||||||UNICODE UTF-8\r"
    body = "EVN|A04|20260301100000+0300\rPID|1||P{0}\rPV1|1|E|ED||||||||||||||||V{0}\r"
    file = tmp_path / "ten.hl7"
    file.write_bytes("\n".join((header + body).format(number) for number in range(10)).encode())
    async with gateway(database) as port:
        account = await play(port, "--file", str(file), "--repeat", "2")
        async with database.connect("gateway") as connection:
            stored = await connection.fetchval("SELECT count(*) FROM message")
    assert (account["answers"], account["repeated"]) == ({"AA": 20}, 10)
    assert stored == 10
