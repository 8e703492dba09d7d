"""Every message is answered, or the account says that it was not: the sender against a fake gateway that misbehaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest

from e2e.ports import free_port
from marsad.cli.simulate.account import Account
from marsad.cli.simulate.envelope import Outgoing, envelope
from marsad.cli.simulate.player import Player
from marsad.tests.cli.fake_gateway import FakeGateway, acknowledgement

OPERATOR = Path(__file__).resolve().parents[3]


def message(number: int, *, patient: str = "P1", conditions: str = "|") -> bytes:
    header = f"MSH|^~\\&|HIS|KFH|||20260301||ADT^A08|C{number}|P|2.5.1|||{conditions}||UNICODE UTF-8"
    return f"{header}\rPID|1||{patient}||الغامدي^محمد\r".encode()


async def source(messages: Iterable[bytes]) -> AsyncIterator[Outgoing]:
    for data in messages:
        yield envelope(data)


async def play(gateway: FakeGateway, messages: list[bytes], **options) -> Account:
    account = Account()
    player = Player("127.0.0.1", gateway.port, account, **{"patience": 10.0, **options})
    await player.play(source(messages), asyncio.Event())
    return account


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in code that knows no Event
            await asyncio.sleep(0.01)


class TestFaults:
    async def test_a_lost_connection_brings_the_same_bytes_again(self):
        def dies_twice(gateway: FakeGateway, data: bytes) -> bytes | None:
            return None if gateway.received.count(data) <= 2 else acknowledgement(data, "AA")

        async with FakeGateway(dies_twice).serving() as gateway:
            account = await play(gateway, [message(1), message(2)])
        assert gateway.received == [message(1)] * 3 + [message(2)] * 3
        assert account.answers == {"AA": 2}
        assert (account.resent, account.faults, account.unanswered) == (2, 4, 0)

    async def test_a_slow_answer_is_overdue_and_the_message_goes_again(self):
        async def unanswered(reader, writer):
            opened.append(writer)
            await reader.read()
            writer.close()

        opened: list[asyncio.StreamWriter] = []
        slow = await asyncio.start_server(unanswered, "127.0.0.1", 0)
        account = Account()
        player = Player("127.0.0.1", slow.sockets[0].getsockname()[1], account, patience=0.2, attempts=2)
        await player.play(source([message(1)]), asyncio.Event())
        slow.close()
        assert len(opened) == 2
        assert (account.given_up, account.unanswered, account.fault) == (1, 1, "")

    async def test_a_gateway_that_comes_late_gets_everything_in_order(self):
        port = free_port()
        messages = [message(number) for number in range(20)]
        account, gateway = Account(), FakeGateway(port=port)
        playing = asyncio.create_task(Player("127.0.0.1", port, account).play(source(messages), asyncio.Event()))
        await until(lambda: account.faults)
        assert account.fault == "connection refused"
        async with gateway.serving():
            await playing
        assert gateway.received == messages
        assert account.unanswered == 0

    async def test_a_late_answer_to_another_message_is_not_taken_for_this_one(self):
        def two_answers(_gateway: FakeGateway, data: bytes) -> bytes:
            return acknowledgement(message(99), "AE") + b"\x1c\r" + acknowledgement(data, "AA")

        async with FakeGateway(two_answers).serving() as gateway:
            account = await play(gateway, [message(1)])
        assert account.answers == {"AA": 1}


class TestAnswers:
    @pytest.mark.parametrize("code", ["AE", "AR"])
    async def test_a_negative_answer_is_an_answer(self, code):
        async with FakeGateway(lambda _, data: acknowledgement(data, code)).serving() as gateway:
            account = await play(gateway, [message(1)])
        assert gateway.received == [message(1)]
        assert (account.answers, account.refused, account.unanswered) == ({code: 1}, 1, 0)

    async def test_both_answers_are_waited_for_when_both_were_asked_for(self):
        def both(_gateway: FakeGateway, data: bytes) -> bytes:
            return acknowledgement(data, "CA") + b"\x1c\r" + acknowledgement(data, "AA")

        async with FakeGateway(both).serving() as gateway:
            account = await play(gateway, [message(1, conditions="AL|AL"), message(2, conditions="AL|AL")])
        assert account.answers == {"CA+AA": 2}

    async def test_after_a_refusal_no_application_answer_is_waited_for(self):
        async with FakeGateway(lambda _, data: acknowledgement(data, "CR")).serving() as gateway:
            account = await play(gateway, [message(1, conditions="AL|AL")])
        assert account.answers == {"CR": 1}

    async def test_nothing_is_waited_for_when_no_answer_was_asked_for(self):
        received = asyncio.Event()

        def silent(gateway: FakeGateway, _data: bytes) -> bytes:
            received.set()
            return b""

        async with FakeGateway(silent).serving() as gateway:
            account = await play(gateway, [message(1, conditions="NE|NE")])
            await asyncio.wait_for(received.wait(), 30)
        assert account.answers == {"not asked for": 1}


class TestConnections:
    async def test_messages_of_one_patient_keep_their_order_over_many_connections(self):
        messages = [message(number, patient=f"P{number % 7}") for number in range(140)]
        async with FakeGateway().serving() as gateway:
            account = await play(gateway, messages, connections=4)
        assert account.answers == {"AA": 140}
        assert 1 < gateway.connections <= 4
        for patient in range(7):
            mine = [data for data in gateway.received if envelope(data).lane == f"P{patient}"]
            assert mine == messages[patient::7]


class TestCommand:
    async def run(self, *arguments: str) -> asyncio.subprocess.Process:
        environment = {**os.environ, "PYTHONPATH": str(OPERATOR)}
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "marsad.cli", "simulate", *arguments, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def test_an_interrupt_ends_it_with_the_account(self):
        async with FakeGateway().serving() as gateway:
            target = f"127.0.0.1:{gateway.port}"
            process = await self.run("--to", target, "--facility", "KFH=HIS/KFH:8:20", "--rate", "50", "--json")
            await until(lambda: gateway.received)
            process.send_signal(signal.SIGTERM)
            stdout, _ = await process.communicate()
        account = json.loads(stdout)
        assert process.returncode == 0
        assert account["answers"] == {"AA": len(gateway.received)}
        assert account["unanswered"] == 0

    async def test_what_is_left_unanswered_fails_it(self, tmp_path):
        (tmp_path / "one.hl7").write_bytes(message(1))
        async with FakeGateway(lambda *_: None).serving() as gateway:
            process = await self.run("--to", f"127.0.0.1:{gateway.port}", "--file", f"{tmp_path}/one.hl7",
                                     "--attempts", "2", "--json")  # fmt: skip
            stdout, _ = await process.communicate()
        assert process.returncode == 1
        assert json.loads(stdout)["unanswered"] == 1
        assert gateway.received == [message(1)] * 2

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--to", "nowhere"], "write host:port"),
            ([], "say what to play"),
            (["--facility", "KFH"], "write CODE=APPLICATION/FACILITY"),
            (["--file", "/nowhere/at-all.hl7"], "cannot be read"),
            (["--center", "/nowhere/at-all.yaml"], "cannot be read"),
            (["--facility", "K=A/F", "--duration", "soon"], "write seconds"),
            (["--facility", "K=A/F", "--timezone", "Mars/Olympus"], "is not known"),
            (["--facility", "K=A/F", "--rate", "1", "--speed", "2"], "give one"),
        ],
    )
    def test_what_cannot_be_played_is_said_in_a_sentence(self, arguments, sentence):
        from typer.testing import CliRunner

        from marsad.cli import app

        result = CliRunner().invoke(app, ["simulate", *arguments])
        assert result.exit_code == 2
        assert sentence in result.stderr
