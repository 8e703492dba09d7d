"""How many messages a second one gateway takes, with fsync on: `python -m marsad_center.tests.gateway.measure`.

Two loads: senders that wait for each acknowledgement (as most do), and senders that keep 50 in flight.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from marsad_center.facts.migrate import migrate
from marsad_center.gateway.service import Ports
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.gateway.playing import adt, code, gateway, sending
from marsad_center.tests.server import PostgresServer

CONNECTIONS, MESSAGES = 14, 300


async def play(ports: Ports, load: str, number: int, window: int) -> list[float]:
    """Seconds from sending to acknowledgement of each message of one connection."""
    texts = [
        adt("A04" if n % 4 == 0 else "A08", f"{load}-{number}-{n}", f"{load}-{number}-{n // 4}")
        for n in range(MESSAGES)
    ]
    seconds: list[float] = []
    async with sending(ports) as sender:
        for start in range(0, MESSAGES, window):
            began = time.perf_counter()
            batch = texts[start : start + window]
            await sender.send(*batch)
            for _ in batch:
                assert code(await sender.receive()) == "AA"
                seconds.append(time.perf_counter() - began)
    return seconds


async def measure() -> None:
    """Print one line a load."""
    server = PostgresServer(durable=True)
    try:
        server.start()
        await server.wait()
        await server.make_roles()
        connection = await server.superuser("postgres")
        await connection.execute("CREATE DATABASE center OWNER owner")
        await connection.close()
        await migrate(server.settings("owner", "center"))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "center.json").write_text(json.dumps(CENTER))
            async with gateway(Database(server, "center", Path(folder))) as ports:
                for load, window in (("waiting", 1), ("in-flight", 50)):
                    began = time.perf_counter()
                    played = await asyncio.gather(*(play(ports, load, n, window) for n in range(CONNECTIONS)))
                    seconds = sorted(itertools.chain.from_iterable(played))
                    rate = len(seconds) / (time.perf_counter() - began)
                    p50, p99 = (1000 * seconds[int(len(seconds) * share)] for share in (0.5, 0.99))
                    told = f"{rate:.0f} messages/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms"
                    sys.stdout.write(f"{load}: {CONNECTIONS} connections, {told}\n")
    finally:
        server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure())
