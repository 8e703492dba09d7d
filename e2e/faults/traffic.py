"""A day of a hospital, sent as interface engines send: each message again until it is acknowledged, whoever dies."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from e2e.test_agreement import visit_story
from marsad_center.gateway import mllp
from marsad_center.tests.gateway.playing import code

_STAMP = re.compile(r"20261123(\d\d)(\d\d)00\+0300")


def day(seed: int, visits: int, now: datetime) -> list[str]:
    """Stories of so many visits, message after message of each, within the last 24 hours; control ids are numbers."""
    chance = random.Random(seed)
    begin = (now - timedelta(hours=20)).replace(minute=0, second=0, microsecond=0)

    def shifted(match: re.Match[str]) -> str:
        at = begin + timedelta(hours=int(match[1]) % 20, minutes=int(match[2]))
        return at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")

    texts = [text for visit in range(visits) for text in (*visit_story(chance, visit), *_order(chance, visit))]
    return [_STAMP.sub(shifted, text).replace("|CONTROL|", f"|{number}|", 1) for number, text in enumerate(texts)]


def _order(chance: random.Random, visit: int) -> list[str]:
    """Now and then a laboratory order and its result, the result sometimes without the order before it."""
    minute = chance.randrange(600)
    ordered, resulted = (f"20261123{at // 60:02}{at % 60:02}00+0300" for at in (minute, minute + chance.randint(5, 90)))
    header = "MSH|^~\\&|HIS|KAMC|||{at}||{kind}|CONTROL|P|2.5.1||||||UNICODE UTF-8\r"
    order = f"ORC|{{control}}|P{visit}|F{visit}||||||{{at}}\rOBR|1|P{visit}|F{visit}|24331-1^Lipids^LN||{ordered}"
    asked = header.format(at=ordered, kind="ORM^O01") + order.format(control="NW", at=ordered) + "\r"
    told = header.format(at=resulted, kind="ORU^R01") + order.format(control="RE", at=resulted)
    told += "|" * 16 + f"{resulted}||LAB|F\r"
    return chance.choice([[], [asked], [told], [asked, told]])


def stamped(text: str, now: datetime) -> str:
    """The message as if its sender had written it now: MSH-7 is the time of writing, its events stay where they are."""
    fields = text.split("|")
    fields[6] = now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")
    return "|".join(fields)


def write(file: Path, texts: Sequence[str]) -> Path:
    """A file for the second reader."""
    file.write_bytes("\r\n\n".join(texts).encode())
    return file


@dataclass
class Engine:
    """Interface engines that send `texts`, each its share in order, to whichever gateway answers.

    Each is written with the time of its first sending, unless `stamp` is False. `acknowledged` counts up with each
    positive answer; `refused` must stay empty.
    """

    ports: Sequence[int]
    texts: Sequence[str]
    engines: int = 4
    stamp: bool = True
    patience: float = 5.0  # seconds until an engine takes a silent gateway for dead and sends again
    acknowledged: int = 0
    refused: list[str] = field(default_factory=list)
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        """Send everything; returns when every message was acknowledged."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.engines):
                group.create_task(self._engine(number))

    async def reached(self, count: int) -> None:
        """Wait until so many were acknowledged."""
        async with self.progress:
            await self.progress.wait_for(lambda: self.acknowledged >= count)

    async def _engine(self, number: int) -> None:
        waiting = list(self.texts[number :: self.engines])
        written: str | None = None  # the first message as it was first sent: it is sent again byte for byte
        turn = number
        while waiting:
            turn += 1
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[turn % len(self.ports)])
                try:
                    while waiting:
                        written = written or self._written(waiting[0])
                        writer.write(mllp.wrap(written.encode()))
                        answer = await asyncio.wait_for(reader.readuntil(mllp.END), self.patience)
                        await self._heard(answer[1:-2].decode(), waiting.pop(0))
                        written = None
                finally:
                    writer.close()
            await asyncio.sleep(0.02)  # not a wait for anything: a refused engine must not spin

    def _written(self, text: str) -> str:
        return stamped(text, datetime.now(UTC)) if self.stamp else text

    async def _heard(self, answer: str, text: str) -> None:
        if code(answer) not in ("AA", "CA"):
            self.refused.append(f"{answer!r} to {text!r}")
        async with self.progress:
            self.acknowledged += 1
            self.progress.notify_all()
