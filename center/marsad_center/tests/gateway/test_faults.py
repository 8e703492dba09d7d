"""Nothing acknowledged is lost and nothing is stored twice, whatever breaks."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from e2e.ports import free_port
from marsad_center.gateway import metrics, mllp
from marsad_center.gateway.inbound import Inbound
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.service import Ports, run
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.gateway.playing import adt, code, gateway, sending

KIB = 1024


async def stubborn(ports: Ports, name: str, count: int, progress: asyncio.Semaphore) -> list[str]:
    """A sender that sends each message until it is positively acknowledged, as interface engines do."""
    acknowledged: list[str] = []
    while len(acknowledged) < count:
        with contextlib.suppress(OSError):
            async with sending(ports) as sender:
                while len(acknowledged) < count:
                    number = len(acknowledged)
                    answer = code(await sender.ask(adt("A04", f"{name}-{number}", f"{name}-{number}")))
                    if not answer:
                        break
                    assert answer == "AA"
                    acknowledged.append(f"{name}-{number}")
                    progress.release()
        await asyncio.sleep(0.02)  # not a wait for anything: a refused sender must not spin
    return acknowledged


async def stored(database: Database) -> list[str]:
    async with database.connect("postgres") as connection:
        return [row[0] for row in await connection.fetch("SELECT control_id FROM message")]


async def test_a_killed_database_loses_nothing_that_was_acknowledged(durable_database: Database) -> None:
    server, progress = durable_database.server, asyncio.Semaphore(0)
    async with gateway(durable_database) as ports:
        senders = [asyncio.create_task(stubborn(ports, f"s{number}", 60, progress)) for number in range(4)]
        for _kill in range(3):
            for _message in range(40):  # kill it in the middle of traffic
                await progress.acquire()
            server.kill()
            server.start()
        acknowledged = [id_ for ids in await asyncio.gather(*senders) for id_ in ids]
    await server.wait()
    found = await stored(durable_database)
    assert sorted(found) == sorted(acknowledged)
    assert len(set(found)) == len(found) == 240
    async with durable_database.connect("postgres") as connection:
        assert await connection.fetchval("SELECT count(*) FROM movement") == 240
        assert await connection.fetchval("SELECT count(*) FROM encounter WHERE state = 'present'") == 240
        accepted = "SELECT accepted FROM feed_counter JOIN feed ON id = feed_id WHERE facility = 'KAMC'"
        assert await connection.fetchval(accepted) == 240


async def test_two_gateways_on_one_database_store_each_message_once(database: Database) -> None:
    """domain.md: key MSH-3, MSH-4, MSH-10 and a hash of the bytes; same bytes: same ACK, one record."""
    messages = [adt("A04" if number % 3 else "A08", f"m{number}", f"V{number % 20}") for number in range(200)]

    async def play(ports: Ports, texts: list[str]) -> list[str]:
        async with sending(ports) as sender:
            await sender.send(*texts)
            return [await sender.receive() for _ in texts]

    async with gateway(database) as one, gateway(database) as two:
        first, second, third = await asyncio.gather(
            play(one, messages), play(two, list(reversed(messages))), play(two, messages)
        )
    assert {code(answer) for answer in first} == {"AA"}
    assert sorted(await stored(database)) == sorted(f"m{number}" for number in range(200))
    async with database.connect("postgres") as connection:
        counted = (
            "SELECT received, accepted, duplicate FROM feed_counter JOIN feed ON id = feed_id WHERE facility = 'KAMC'"
        )
        assert tuple(await connection.fetchrow(counted)) == (600, 200, 400)
        assert await connection.fetchval("SELECT count(*) FROM movement") == 200
        acks = {bytes(row[0]).decode()[1:-2] for row in await connection.fetch("SELECT ack FROM message")}
    assert set(first) == set(second) == set(third) == acks  # whoever answers says the same


async def test_two_gateways_derive_one_visit_together(database: Database) -> None:
    async with gateway(database) as one, gateway(database) as two, sending(one) as left, sending(two) as right:
        for number in range(20):
            visit, minute = f"V{number}", f"2026112310{number:02}00+0300"
            answers = await asyncio.gather(
                left.code(adt("A04", f"a{number}", visit, at="20261123090000+0300")),
                right.code(adt("A03", f"b{number}", visit, at=minute)),
            )
            assert list(answers) == ["AA", "AA"]
    async with database.connect("postgres") as connection:
        assert await connection.fetchval("SELECT count(*) FROM encounter WHERE state = 'departed'") == 20


@pytest.mark.parametrize("reached", [True, False])
async def test_a_commit_whose_answer_is_lost_is_looked_up_before_anything_is_said(
    database: Database, monkeypatch: pytest.MonkeyPatch, reached: bool
) -> None:
    """The connection breaks during COMMIT: once after the server has done it, once before it has heard of it."""
    real = asyncpg.transaction.Transaction.commit
    broken: list[Any] = []

    async def commit(transaction: Any) -> None:
        if broken or transaction._connection.get_settings().application_name != "gateway":
            await real(transaction)
            return
        broken.append(transaction)
        if reached:
            await real(transaction)
        transaction._connection.terminate()
        raise ConnectionResetError("cut by the test")

    async with gateway(database) as ports, sending(ports) as sender:
        monkeypatch.setattr(asyncpg.transaction.Transaction, "commit", commit)
        assert await sender.code(adt("A04", "doubt")) == "AA"
    assert broken
    assert await stored(database) == ["doubt"]
    async with database.connect("postgres") as connection:
        counted = (
            "SELECT received, accepted, duplicate FROM feed_counter JOIN feed ON id = feed_id WHERE facility = 'KAMC'"
        )
        assert tuple(await connection.fetchrow(counted)) == (1, 1, 0)


async def test_while_the_database_is_away_nothing_is_answered_and_senders_are_let_go(
    durable_database: Database,
) -> None:
    limits = Limits(hold_seconds=0.5)
    async with gateway(durable_database, limits) as ports:
        async with sending(ports) as sender:
            assert await sender.code(adt("A04", "before")) == "AA"
            durable_database.server.kill()
            assert await sender.ask(adt("A04", "during")) == ""  # closed, so it will be sent again
        durable_database.server.start()
        await durable_database.server.wait()
        acknowledged = await stubborn(ports, "after", 1, asyncio.Semaphore(0))
    assert set(await stored(durable_database)) >= {"before", *acknowledged}


async def test_one_message_that_the_database_refuses_hurts_only_itself(database: Database) -> None:
    async with database.connect("postgres") as connection:
        await connection.execute("ALTER TABLE movement ADD CHECK (visit_key <> 'poison')")
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.send(*(adt("A04", f"m{n}", "poison" if n == 3 else f"V{n}") for n in range(6)))
        answers = [code(await sender.receive()) for _ in range(6)]
        assert answers == ["AA", "AA", "AA", "AE", "AA", "AA"]
    async with database.connect("postgres") as connection:
        rows = await connection.fetch("SELECT control_id, reason, detail FROM quarantine")
    assert [tuple(row) for row in rows] == [("m3", "not-processed", "storing failed: CheckViolationError")]
    assert "m3" not in await stored(database)


async def test_an_administrator_who_ends_the_connection_is_not_noticed_by_senders(database: Database) -> None:
    async with gateway(database) as ports, sending(ports) as sender, database.connect("postgres") as connection:
        for number in range(10):
            if number % 3 == 2:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'gateway' AND datname = current_database()"
                )
            assert await sender.code(adt("A04", f"m{number}")) == "AA"


async def test_a_sender_that_never_reads_is_let_go_and_others_are_served(database: Database) -> None:
    limits = Limits(write_seconds=0.3)
    text = (
        b"\x0b" + adt("A04", "flood").encode() + b"\x1c\r"
    )  # again and again: each gets its answer, nobody reads them
    async with gateway(database, limits) as ports:
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or megabytes of answers fit into the kernel
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", ports.mllp))
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(240):
                    while True:
                        await asyncio.get_running_loop().sock_sendall(raw, text * 50)
        async with sending(ports) as sender:
            assert await sender.code(adt("A04", "other")) == "AA"


async def test_a_frame_that_stalls_is_quarantined_and_closed_while_an_idle_connection_stays(database: Database) -> None:
    limits = Limits(partial_seconds=0.3)
    async with gateway(database, limits) as ports, sending(ports) as idle:
        async with sending(ports) as stalled:
            stalled.writer.write(b"\x0bMSH|^~\\&|HIS")
            assert await stalled.receive() == ""
        assert await idle.code(adt("A04", "late")) == "AA"
    async with database.connect("postgres") as connection:
        assert [row[0] for row in await connection.fetch("SELECT reason FROM quarantine")] == ["truncated"]


async def test_at_the_limit_of_connections_the_one_that_is_silent_longest_makes_place(database: Database) -> None:
    async with (
        gateway(database, Limits(connections=2)) as ports,
        sending(ports) as silent,
        sending(ports) as heard,
    ):
        assert await silent.code(adt("A04", "1")) == "AA"
        assert await heard.code(adt("A04", "2")) == "AA"
        async with sending(ports) as new:
            assert await new.code(adt("A04", "3")) == "AA"
            assert await silent.receive() == ""
            assert await heard.code(adt("A04", "4")) == "AA"


async def test_at_the_limit_of_connections_nobody_is_cut_within_a_message(database: Database, eventually: Any) -> None:
    async with gateway(database, Limits(connections=1)) as ports, sending(ports) as first:
        first.writer.write(b"\x0b" + adt("A04", "1").encode()[:50])
        await first.writer.drain()

        async def refused() -> bool:
            async with sending(ports) as second:
                try:
                    return await asyncio.wait_for(second.receive(), 0.2) == ""
                except TimeoutError:
                    return False

        await eventually(refused)
        first.writer.write(adt("A04", "1").encode()[50:] + b"\x1c\r")
        assert code(await first.receive()) == "AA"


async def test_more_large_frames_than_there_is_room_for_all_come_through_and_small_ones_pass_them(
    database: Database,
) -> None:
    limits = Limits(small=2 * KIB, room=100 * KIB)
    whole = [adt("A04", f"large-{n}", f"L{n}", more=(f"NTE|1||{'x' * 400 * KIB}",)).encode() for n in range(6)]
    async with gateway(database, limits) as ports, contextlib.AsyncExitStack() as stack:
        senders = [await stack.enter_async_context(sending(ports)) for _ in whole]
        for sender, text in zip(senders, whole, strict=True):  # each is half there, more than the room holds
            sender.writer.write(b"\x0b" + text[: 200 * KIB])
        async with sending(ports) as quick:
            assert await quick.code(adt("A04", "small")) == "AA"
        for sender, text in zip(senders, whole, strict=True):
            sender.writer.write(text[200 * KIB :] + b"\x1c\r")
        assert [code(await sender.receive()) for sender in senders] == ["AA"] * 6


async def test_a_large_frame_for_which_no_room_comes_is_let_go_unanswered(database: Database) -> None:
    limits = Limits(small=2 * KIB, room=10 * KIB, room_seconds=0.3)
    text = adt("A04", "late", more=(f"NTE|1||{'x' * 200 * KIB}",)).encode()
    async with gateway(database, limits) as ports, sending(ports) as one, sending(ports) as other:
        for sender in (one, other):  # whichever is read first keeps its place, however slow it is
            sender.writer.write(b"\x0b" + text[: 100 * KIB])
        left = {asyncio.create_task(sender.receive()): sender for sender in (one, other)}
        (let_go,), _ = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        assert let_go.result() == ""
        del left[let_go]
        ((answer, sender),) = left.items()
        sender.writer.write(text[100 * KIB :] + b"\x1c\r")
        assert code(await answer) == "AA"


async def test_a_connection_that_waits_holds_nothing_of_the_message_before(database: Database, eventually: Any) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(adt("A04", "before")) == "AA"

        async def nothing_is_held() -> bool:
            return not any(isinstance(found, Inbound | mllp.Frame) for found in gc.get_objects())

        await eventually(nothing_is_held)


async def test_what_was_read_before_the_end_is_committed_and_answered(database: Database) -> None:
    async with contextlib.AsyncExitStack() as stack:
        ports = await stack.enter_async_context(gateway(database))
        sender = await stack.enter_async_context(sending(ports))
        await sender.send(*(adt("A04", f"m{number}", f"V{number}") for number in range(100)))
        first = await sender.receive()
        closing = asyncio.create_task(stack.pop_all().aclose())
        answers = [first]
        with contextlib.suppress(OSError):
            while answer := await sender.receive():
                answers.append(answer)
        await closing
    acknowledged = [answer.split("\r")[1].split("|")[2] for answer in answers]
    assert set(acknowledged) <= set(await stored(database))


async def test_a_gateway_waits_for_the_schema_and_its_readiness_says_so(database: Database, eventually: Any) -> None:
    port = free_port()
    started: asyncio.Future[Ports] = asyncio.get_running_loop().create_future()
    settings = replace(database.settings("gateway"), metrics_port=port)

    async def readiness() -> Any:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            return int(head.split()[1]), json.loads(body)["needs"]

    async def says_what_it_waits_for() -> bool:
        found = await readiness()
        return found is not None and found[0] == 503 and "this release needs" in found[1]["schema"]

    async with database.connect("owner") as owner:
        await owner.execute("ALTER TABLE schema_version RENAME TO later")
        task = asyncio.create_task(run(settings, None, started.set_result))
        await eventually(says_what_it_waits_for)
        assert not started.done()
        await owner.execute("ALTER TABLE later RENAME TO schema_version")
    await asyncio.wait_for(started, 120)

    async def ready() -> bool:
        return bool(await readiness() == (200, {"schema": "met", "database": "met", "registry": "met"}))

    await eventually(ready)
    task.cancel()
    await asyncio.wait({task})


def declare(database: Database, **capacity: Any) -> None:
    """KAMC with another capacity, as kubelet swaps the file: another inode, never a half-written file."""
    new = json.loads(json.dumps(CENTER))
    new["facilities"][0]["capacity"] |= capacity
    path = database.folder / "center.json"
    path.with_suffix(".new").write_text(json.dumps(new))
    path.with_suffix(".new").replace(path)


async def test_a_registry_that_the_database_refuses_stops_neither_a_gateway_nor_the_start_of_one(
    database: Database, eventually: Any
) -> None:
    def refused() -> bool:
        return bool(metrics.REGISTRY_REFUSED._value.get())

    async def is_refused() -> bool:
        return refused()

    async def is_taken() -> bool:
        return not refused()

    async with gateway(database) as ports, sending(ports) as sender:
        declare(database, edSpaces=2**31)
        await eventually(is_refused)
        assert await sender.code(adt("A04", "1")) == "AA"
        async with gateway(database) as another, sending(another) as other:
            assert await other.code(adt("A04", "2")) == "AA"
        declare(database, edSpaces=7)
        await eventually(is_taken)
        assert await sender.code(adt("A04", "3")) == "AA"
    async with database.connect("postgres") as connection:
        assert await connection.fetchval("SELECT ed_spaces FROM facility WHERE code = 'KAMC'") == 7


async def test_a_gateway_whose_first_registry_is_refused_takes_no_messages_and_says_why(
    database: Database, eventually: Any, caplog: pytest.LogCaptureFixture
) -> None:
    declare(database, edSpaces=2**31)

    async def told() -> bool:
        return any("NumericValueOutOfRange" in getattr(record, "reason", "") for record in caplog.records)

    started: asyncio.Future[Ports] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run(database.settings("gateway"), None, started.set_result))
    await eventually(told)
    assert not started.done()
    assert not task.done()
    declare(database, edSpaces=7)
    await asyncio.wait_for(started, 120)
    task.cancel()
    await asyncio.wait({task})


async def test_a_feed_that_is_declared_later_is_served_without_a_restart(database: Database, eventually: Any) -> None:
    path = database.folder / "center.json"
    new = json.loads(json.dumps(CENTER))
    new["facilities"][0]["feeds"].append({"name": "ed", "sendingApplication": "EDIS", "sendingFacility": "KAMC"})
    text = adt("A04", "new", sender="EDIS|KAMC")
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(text) == "AR"
        path.with_suffix(".new").write_text(json.dumps(new))
        path.with_suffix(".new").replace(path)  # as kubelet does: another inode, never a half-written file

        async def accepted() -> bool:
            return await sender.code(text) == "AA"

        await eventually(accepted)
