"""A busy region for ten minutes: 500 messages a second into a whole center, and how long each change takes to the page.

Half the messages are arrivals in the emergency department, half results. Each arrival raises the census by one, so the
stream's event that tells of census n is the one that shows the n-th arrival: the time between is measured for each.
Seconds and rate can be set (MARSAD_SOAK_SECONDS, MARSAD_SOAK_RATE).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.center import FACILITY, SENDER, Measured, running
from bench.samples import Report, Samples
from e2e.mllp import END, START, code

SECONDS = float(os.environ.get("MARSAD_SOAK_SECONDS", "600"))
RATE = float(os.environ.get("MARSAD_SOAK_RATE", "500"))
CONNECTIONS = 8
FILLER = "NTE|1||" + "x" * 560 + "\r"  # to the 1.1 KB of a real message
GOAL = 2.0  # seconds, P99


@dataclass
class Seen:
    """Times on one clock: when each arrival was sent, and when the stream told of each census."""

    sent: list[float] = field(default_factory=list)
    shown: dict[int, float] = field(default_factory=dict)
    acknowledged: int = 0

    def waits(self) -> list[float]:
        """Seconds from sending to showing, in order of size; a census that was passed over is shown by the next."""
        told = sorted(self.shown.items())
        result, place = [], 0
        for number, sent in enumerate(sorted(self.sent), start=1):
            while place < len(told) and told[place][0] < number:
                place += 1
            if place == len(told):
                break
            result.append(told[place][1] - sent)
        return sorted(result)


async def measure(_rounds: int) -> Report:
    """One run, however many rounds are asked for: ten minutes say enough."""
    async with running() as center:
        seen, size = Seen(), await center.size()
        watching = asyncio.create_task(_watch(center, seen))
        await asyncio.sleep(1)  # the stream is open
        cpu, begun = center.cpu(), time.monotonic()
        memory = await _play(center, seen)
        seconds = time.monotonic() - begun
        await _shown(seen)
        used = {name: now - cpu[name] for name, now in center.cpu().items()}
        grown = await center.size() - size
        stored = await center.value("SELECT count(*) FROM center.message")
        watching.cancel()
        assert stored == seen.acknowledged, f"{seen.acknowledged} acknowledged, {stored:.0f} stored"
        return _report(seen, seconds, used, grown / stored, memory)


def _report(
    seen: Seen, seconds: float, used: dict[str, float], stored: float, memory: list[dict[str, float]]
) -> Report:
    waits = seen.waits()
    at = {share: waits[min(int(share * len(waits)), len(waits) - 1)] for share in (0.5, 0.95, 0.99)}
    samples = [Samples("messages a second", "", (seen.acknowledged / seconds,))]
    samples += [Samples(f"change to server-sent event, P{share * 100:.0f}", "s", (wait,)) for share, wait in at.items()]
    samples += [Samples("the same, longest", "s", (waits[-1],)), Samples("bytes stored a message", "", (stored,))]
    for name, cpu in used.items():
        samples.append(Samples(f"{name}: processor time a message", "ms", (1000 * cpu / seen.acknowledged,)))
    for name in memory[0]:
        samples.append(Samples(f"{name}: resident after a tenth, and at the end", "MiB", _ends(memory, name)))
    verdict = "reached" if at[0.99] <= GOAL else "not reached"
    conclusion = (
        f"Goal: P99 from change to server-sent event under {GOAL:.0f} s. Measured: {at[0.99]:.2f} s: {verdict}.",
        f"{len(waits)} changes were followed; {seen.acknowledged} messages acknowledged, each found in the database.",
    )
    return Report(f"A whole center at {RATE:.0f} messages a second for {seconds:.0f} s", samples, conclusion)


def _ends(memory: list[dict[str, float]], name: str) -> tuple[float, float]:
    return memory[len(memory) // 10][name], memory[-1][name]


async def _play(center: Measured, seen: Seen) -> list[dict[str, float]]:
    """Send for SECONDS; resident memory every few seconds."""
    memory: list[dict[str, float]] = []

    async def sample() -> None:
        while True:
            memory.append(center.memory())
            await asyncio.sleep(max(SECONDS / 100, 0.5))

    port = center.parts.gateways[0].settings.mllp_port
    sampling = asyncio.create_task(sample())
    async with asyncio.TaskGroup() as group:
        for number in range(CONNECTIONS):
            group.create_task(_send(port, number, seen))
    sampling.cancel()
    return memory


async def _send(port: int, number: int, seen: Seen) -> None:
    """One connection's share, at an even pace; what it is late it makes up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun, count = time.monotonic(), int(SECONDS * RATE / CONNECTIONS)
    reading = asyncio.create_task(_read(reader, count, seen))
    for turn in range(count):
        due = begun + turn * CONNECTIONS / RATE
        if (left := due - time.monotonic()) > 0:
            await asyncio.sleep(left)
        writer.write(START + _message(f"{number}-{turn}", arrival=turn % 2 == 0) + END)
        if turn % 2 == 0:
            seen.sent.append(time.monotonic())
        await writer.drain()
    await reading
    writer.close()


async def _read(reader: asyncio.StreamReader, count: int, seen: Seen) -> None:
    for _ in range(count):
        answer = await asyncio.wait_for(reader.readuntil(END), 60)
        assert code(answer) == "AA", answer
        seen.acknowledged += 1


def _message(name: str, *, arrival: bool) -> bytes:
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S.%f")[:18] + "+0000"
    kind = "ADT^A04" if arrival else "ORU^R01"
    head = f"MSH|^~\\&|{SENDER}|MARSAD|C|{now}||{kind}|{name}|P|2.5.1||||||UNICODE UTF-8\r"
    if arrival:
        stay = "|".join(["PV1", "1", "E", "ED^R1", *[""] * 15, f"V{name}"])
        return f"{head}EVN|A04|{now}\rPID|1||P{name}^^^MRN||نورة^Test\r{stay}\r{FILLER}".encode()
    result = f"OBR|1|O{name}||24331-1^Lipids^LN||{now}" + "|" * 16 + f"{now}||LAB|F"
    return f"{head}PID|1||P{name}^^^MRN\r{result}\rOBX|1|NM|2093-3^Cholesterol^LN||5.1\r{FILLER}".encode()


async def _watch(center: Measured, seen: Seen) -> None:
    """Read the dashboard's stream as a page does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", center.parts.dashboard.settings.http_port)
    writer.write(b"GET /api/v1/stream HTTP/1.0\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            line = await reader.readuntil(b"\n")
            if line.startswith(b"data:"):
                told = json.loads(line[5:])
                if told.get("id") == "ed.census" and told.get("facility") == FACILITY and told["value"]:
                    seen.shown.setdefault(int(told["value"]), time.monotonic())


async def _shown(seen: Seen, seconds: float = 60) -> None:
    """Wait until the last arrival is on the page."""
    end = time.monotonic() + seconds
    while max(seen.shown, default=0) < len(seen.sent):
        assert time.monotonic() < end, f"{len(seen.sent)} sent, {max(seen.shown, default=0)} shown"
        await asyncio.sleep(0.1)
