"""Whatever comes in, the gateway says no in the right way, keeps the bytes with the reason, and goes on serving."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.malformed import CLOSED, Malformed, cases
from marsad_center.tests.gateway.playing import Sender, adt, code, gateway, sending

CASES = cases("run")


async def play(sender: Sender, case: Malformed) -> list[str]:
    """Send the chunks and collect the codes, CLOSED at the end when the gateway hung up."""
    with contextlib.suppress(ConnectionError):  # it may close before it has read all
        for chunk in case.chunks:
            sender.writer.write(chunk)
            await sender.writer.drain()
        if case.hang_up:
            sender.writer.write_eof()
    codes: list[str] = []
    while len(codes) < len(case.answer):
        ack = await sender.receive()
        codes.append(code(ack) if ack else CLOSED)
        if not ack:
            break
    return codes


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_malformed_input_gets_its_answer_a_reason_and_a_gateway_that_serves(
    database: Database, case: Malformed
) -> None:
    async with gateway(database) as ports:
        async with sending(ports) as sender:
            assert await play(sender, case) == list(case.answer)
        async with sending(ports) as sender:
            assert await sender.code(adt("A04", "after")) == "AA"
    async with database.connect("postgres") as connection:
        rows = await connection.fetch("SELECT reason, detail, raw, size FROM quarantine")
    assert [row["reason"] for row in rows] == ([case.reason] * case.rows if case.reason else [])
    for row in rows:
        assert row["raw"].startswith(case.kept)
        assert len(row["detail"].split()) >= 3


def test_the_cases_are_many_and_their_names_are_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 30


async def test_the_same_bad_bytes_again_are_counted_and_not_kept_again(database: Database) -> None:
    bad = next(case for case in CASES if case.name == "missing MSH-10")
    async with gateway(database) as ports, sending(ports) as sender:
        for _ in range(3):
            sender.writer.write(bad.chunks[0])
            assert code(await sender.receive()) == "AE"
    async with database.connect("postgres") as connection:
        assert [tuple(row) for row in await connection.fetch("SELECT reason, times FROM quarantine")] == [
            ("missing-control-id", 3)
        ]
        counted = await connection.fetchrow(
            "SELECT received, accepted, rejected, quarantined FROM feed_counter JOIN feed ON id = feed_id"
            " WHERE facility = 'KAMC'"
        )
        assert tuple(counted) == (3, 0, 3, 3)


async def test_many_bad_senders_at_once_do_not_hurt_a_good_one(database: Database) -> None:
    quick = [case for case in CASES if sum(map(len, case.chunks)) < 100_000 and len(case.chunks) == 1]

    async with gateway(database) as ports:

        async def misbehave(case: Malformed) -> None:
            async with sending(ports) as sender:
                assert await play(sender, case) == list(case.answer)

        async def behave() -> list[str]:
            async with sending(ports) as sender:
                return [await sender.code(adt("A04", f"good-{number}", f"V{number}")) for number in range(50)]

        good, *_bad = await asyncio.gather(behave(), *(misbehave(case) for case in quick))
    assert good == ["AA"] * 50
