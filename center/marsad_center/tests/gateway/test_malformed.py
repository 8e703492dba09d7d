"""Whatever comes in, the gateway says no in the right way, keeps the bytes with the reason, and goes on serving."""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg
import pytest

from marsad_center.gateway import bookkeeping
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


KIB = 1024
NOTE = ("NTE|1||" + "x" * 200 * KIB,)


async def kept(database: Database) -> list[tuple[object, ...]]:
    sql = "SELECT reason, facility, octet_length(raw), size, cut, times FROM quarantine q LEFT JOIN feed f"
    async with database.connect("postgres") as connection:
        rows = await connection.fetch(sql + " ON f.id = q.feed_id ORDER BY q.id")
    return [tuple(row) for row in rows]


async def test_of_an_unknown_sender_the_first_bytes_are_kept_and_of_a_declared_one_all(database: Database) -> None:
    unknown, declared = adt("A04", "1", sender="NO|BODY", more=NOTE), adt("Z01", "1", more=NOTE)
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(unknown) == "AR"
        assert await sender.code(declared) == "AR"
    assert await kept(database) == [
        ("unknown-sender", None, 64 * KIB, len(unknown), True, 1),
        ("unknown-trigger", "KAMC", len(declared), len(declared), False, 1),
    ]


async def test_a_frame_that_a_declared_feed_did_not_finish_is_kept_whole_and_counted_for_no_feed(
    database: Database,
) -> None:
    text = adt("A04", "1", more=NOTE)
    async with gateway(database) as ports, sending(ports) as sender:
        sender.writer.write(b"\x0b" + text.encode())
        sender.writer.write_eof()
        assert await sender.receive() == ""
    assert await kept(database) == [("truncated", "KAMC", len(text), len(text), False, 1)]
    async with database.connect("postgres") as connection:
        assert await connection.fetchval("SELECT sum(received) FROM feed_counter") == 0


async def test_of_unknown_senders_the_newest_rows_stay_and_of_declared_ones_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookkeeping, "UNKNOWN_ROWS", 3)
    async with gateway(database) as ports, sending(ports) as sender:
        for number in range(10):
            assert await sender.code(adt("A04", f"{number}", sender="NO|BODY")) == "AR"
            assert await sender.code(adt("Z01", f"{number}")) == "AR"
    async with database.connect("postgres") as connection:
        rows = await connection.fetch("SELECT reason, control_id FROM quarantine ORDER BY id")
    assert [row[1] for row in rows if row[0] == "unknown-sender"] == ["7", "8", "9"]
    assert [row[1] for row in rows if row[0] == "unknown-trigger"] == [f"{number}" for number in range(10)]


async def test_what_comes_again_once_its_sender_is_declared_is_the_feeds_from_then_on_and_whole(
    database: Database,
) -> None:
    center = database.folder / "center.json"
    declared, text = center.read_text(), adt("A04", "", more=NOTE)
    center.write_text(declared.replace('"HIS"', '"OTHER"'))
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(text) == "AE"
    assert await kept(database) == [("missing-control-id", None, 64 * KIB, len(text), True, 1)]
    center.write_text(declared)
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(text) == "AE"
    assert await kept(database) == [("missing-control-id", "KAMC", len(text), len(text), False, 2)]


async def test_the_gateway_may_delete_nothing_of_a_declared_feed(database: Database) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(adt("Z01", "1")) == "AR"
    async with database.connect("gateway") as connection:
        await connection.execute("SELECT forget_unknown(ARRAY['unknown-trigger'], 0)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM quarantine")
    async with database.connect("analytics") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT forget_unknown(ARRAY['unknown-trigger'], 0)")
    assert len(await kept(database)) == 1


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
