"""What a gateway's process takes of memory and what replicas make of the same messages, with real processes.

Source: issue B, section 3: memory stays bounded with 1,000 idle connections and with 100 connections that send and
never read acknowledgements; two replicas on one database keep every rule. The smallest gateway's pod has 384 MiB.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from e2e.usage import peak_mib
from marsad_center.gateway.service import Ports
from marsad_center.tests.conftest import Database
from marsad_center.tests.environment import environment
from marsad_center.tests.gateway.certificates import Authority
from marsad_center.tests.gateway.playing import Sender, adt, code, sending
from marsad_center.tests.gateway.test_tls import Tls, metric

POD_MIB = 384
IDLE, DEAF = 1000, 100
NOTE = (f"NTE|1||{'x' * 4000}",)


pytestmark = pytest.mark.filterwarnings("ignore:Overriding the")  # the other way is for whole folders only


@pytest.fixture(scope="module")
def event_loop_policy() -> uvloop.EventLoopPolicy:
    """For the senders: a thousand over TLS would take 256 MiB of buffers in asyncio's own loop."""
    return uvloop.EventLoopPolicy()


class Process:
    """A gateway of its own, as Kubernetes starts it."""

    def __init__(self, process: asyncio.subprocess.Process, ports: Ports) -> None:
        self._process, self.ports = process, ports

    def mib(self) -> float:
        """The most memory that it ever had resident."""
        return peak_mib(self._process.pid)


@contextlib.asynccontextmanager
async def process(database: Database, tls: Path | None = None) -> AsyncIterator[Process]:
    """`python -m marsad_center gateway` on free ports, ended by SIGTERM; over TLS, too, with the files of `tls`."""
    told = environment(replace(database.settings("gateway"), tls=tls))
    # As few open files as some container runtimes give a process that does not ask for more.
    command = ("sh", "-c", 'ulimit -Sn 1024 && exec "$0" -m marsad_center gateway', sys.executable)
    child = await asyncio.create_subprocess_exec(
        *command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | told, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    reading: asyncio.Task[bytes] | None = None
    try:
        async for line in child.stdout:
            said = json.loads(line)
            if said["message"] == "serving":
                reading = asyncio.create_task(child.stdout.read())  # or it would block on a full pipe one day
                yield Process(child, Ports(said["mllp"], said["http"], said["metrics"], said["mllps"]))
                break
    finally:
        child.terminate()
        await child.wait()
        if reading is not None:
            await reading


async def test_a_thousand_idle_connections_and_a_thousand_over_tls_are_held_and_fit_the_smallest_pod_whatever_they_send(
    sealed_database: Database, tmp_path: Path, eventually: Callable[..., Awaitable[Any]]
) -> None:
    """First nobody sends, then all send at once, then all begin a frame that they never end."""
    facilities, center = Authority("Facilities"), Authority("Center")
    tls = Tls(tmp_path / "tls", tmp_path, sealed_database, facilities, center)
    tls.folder.mkdir()
    tls.install()
    context = tls.showing(facilities.sign("an engine"))
    async with process(sealed_database, tls.folder) as gateway, contextlib.AsyncExitStack() as stack:
        ports = gateway.ports

        async def opened(over: ssl.SSLContext | None) -> Sender:
            return await stack.enter_async_context(sending(ports, over))

        plain = [await opened(None) for _connection in range(IDLE)]
        secret = [await opened(context) for _connection in range(IDLE)]

        async def held() -> bool:  # a connection is made before the gateway has heard of it
            return await metric(ports, "marsad_gateway_connections") == 2 * IDLE

        await eventually(held)
        assert gateway.mib() < POD_MIB / 2

        async def ask(number: int, sender: Sender) -> str:
            return await sender.code(adt("A04", f"all-{number}", f"V{number % 50}", more=NOTE))

        codes = await asyncio.gather(*(ask(number, sender) for number, sender in enumerate(plain + secret)))
        assert Counter(codes) == {"AA": 2 * IDLE}
        assert await metric(ports, "marsad_gateway_connections") == 2 * IDLE, "none was cut"

        for sender in plain + secret:
            sender.writer.write(b"\x0b" + b"x" * 200_000)
        async with sending(ports) as sender:
            assert await sender.code(adt("A04", "beside")) == "AA"
        assert gateway.mib() < POD_MIB * 7 / 8
        for sender in plain + secret:
            sender.writer.transport.abort()


async def test_a_hundred_senders_that_never_read_fit_the_smallest_pod_and_others_are_served_beside_them(
    sealed_database: Database,
) -> None:
    """Each sends until the gateway takes no more from it, which is what bounds the memory."""
    text = b"\x0b" + adt("A04", "again", more=(f"NTE|1||{'x' * 1000}",)).encode() + b"\x1c\r"

    async def flood(ports: Ports) -> None:
        _reader, writer = await asyncio.open_connection("127.0.0.1", ports.mllp, limit=1024)  # reads 2 KiB and no more
        with contextlib.suppress(OSError, TimeoutError):
            while True:
                writer.write(text * 50)
                async with asyncio.timeout(3):
                    await writer.drain()
        writer.transport.abort()

    async with process(sealed_database) as gateway:
        floods = [asyncio.create_task(flood(gateway.ports)) for _sender in range(DEAF)]
        async with sending(gateway.ports) as sender:
            for number in range(20):
                assert await sender.code(adt("A04", f"beside-{number}", f"V{number}")) == "AA"
        await asyncio.gather(*floods)
        assert gateway.mib() < POD_MIB * 3 / 4


async def test_replicas_agree_on_duplicates_and_on_conflicts_whoever_gets_the_message_first(
    sealed_database: Database,
) -> None:
    """Every message goes to both at once; of every tenth one replica gets other bytes under the same key."""
    count = 300
    one_way = [adt("A04", f"m{n}", f"V{n}") for n in range(count)]
    other_way = [adt("A04", f"m{n}", f"V{n}-other" if n % 10 == 0 else f"V{n}") for n in range(count)]

    async def play(ports: Ports, texts: list[str]) -> list[str]:
        async with sending(ports) as sender:
            for start in range(0, count, 50):
                await sender.send(*texts[start : start + 50])
            return [code(await sender.receive()) for _ in texts]

    async with process(sealed_database) as one, process(sealed_database) as two:
        left, right = await asyncio.gather(play(one.ports, one_way), play(two.ports, other_way))
    for number, codes in enumerate(zip(left, right, strict=True)):
        assert sorted(codes) == (["AA", "AE"] if number % 10 == 0 else ["AA", "AA"]), number
    async with sealed_database.connect("postgres") as connection:
        stored = [row[0] for row in await connection.fetch("SELECT control_id FROM message")]
        visits = await connection.fetchval("SELECT count(*) FROM encounter WHERE state = 'present'")
        counted = await connection.fetchrow(
            "SELECT received, accepted, duplicate, rejected, quarantined FROM feed_counter WHERE received > 0"
        )
        reasons = [row[0] for row in await connection.fetch("SELECT reason FROM quarantine")]
    assert Counter(stored) == Counter(f"m{number}" for number in range(count))
    assert visits == count
    assert tuple(counted) == (2 * count, count, count - count // 10, count // 10, count // 10)
    assert Counter(reasons) == {"conflict": count // 10}
