"""Playing a facility: frames over a real socket, and a running gateway to send them to."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from marsad_center.gateway import mllp
from marsad_center.gateway.fhir.limits import FhirLimits
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.service import Ports, run
from marsad_center.settings import PIPELINES, Pipeline
from marsad_center.tests.conftest import Database


def message(
    trigger: str,
    control_id: str,
    *segments: str,
    sender: str = "HIS|KAMC",
    at: str = "20261123100000+0300",
    conditions: str = "|",
    charset: str = "UNICODE UTF-8",
    version: str = "2.5.1",
) -> str:
    """A message of `trigger` (ADT^A04); `conditions` is MSH-15|MSH-16."""
    header = f"MSH|^~\\&|{sender}|MARSAD|MKH|{at}||{trigger}|{control_id}|P|{version}|||{conditions}||{charset}"
    return "\r".join([header, *segments]) + "\r"


def adt(
    event: str,
    control_id: str,
    visit: str = "V1",
    *,
    at: str = "20261123100000+0300",
    patient_class: str = "E",
    place: str = "ED^R1^B1",
    pv1_44: str = "",
    pv1_45: str = "",
    more: tuple[str, ...] = (),
    conditions: str = "|",
    sender: str = "HIS|KAMC",
) -> str:
    """An ADT message about `visit`, at the event time `at` (EVN-2)."""
    pv1 = ["PV1", "1", patient_class, place, *[""] * 15, visit, *[""] * 24, pv1_44, pv1_45]
    segments = (f"EVN|{event}|{at}", f"PID|1||P-{visit}^^^MRN||Test^Patient", "|".join(pv1), *more)
    return message(f"ADT^{event}", control_id, *segments, at=at, conditions=conditions, sender=sender)


@dataclass
class Sender:
    """One MLLP connection of a facility."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *messages: str | bytes) -> None:
        """Write each as a frame, all at once."""
        frames = (mllp.wrap(text.encode() if isinstance(text, str) else text) for text in messages)
        self.writer.write(b"".join(frames))
        await self.writer.drain()

    async def receive(self) -> str:
        """The next acknowledgement; '' when the connection was closed."""
        try:
            frame = await asyncio.wait_for(self.reader.readuntil(mllp.END), 120)
        except (asyncio.IncompleteReadError, ConnectionError):
            return ""
        return frame[1:-2].decode()

    async def ask(self, text: str | bytes) -> str:
        """Send one and receive one."""
        await self.send(text)
        return await self.receive()

    async def code(self, text: str | bytes) -> str:
        """The code of the acknowledgement (MSA-1), '' for a closed connection."""
        return code(await self.ask(text))


def code(ack: str) -> str:
    """MSA-1 of an acknowledgement."""
    return next((line.split("|")[1] for line in ack.split("\r") if line.startswith("MSA|")), "")


@contextlib.asynccontextmanager
async def sending(ports: Ports, tls: ssl.SSLContext | None = None) -> AsyncIterator[Sender]:
    """A connection to a gateway, over TLS where it is given with what."""
    port = ports.mllps if tls else ports.mllp
    name = "gateway.makkah.svc" if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name)
    try:
        yield Sender(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def gateway(
    database: Database,
    limits: Limits | None = None,
    tls: Path | None = None,
    fhir_limits: FhirLimits | None = None,
    pipelines: frozenset[Pipeline] = PIPELINES,
) -> AsyncIterator[Ports]:
    """A whole gateway on free ports, ended as SIGTERM ends it; over TLS, too, with the files of this folder."""
    loop = asyncio.get_running_loop()
    started: asyncio.Future[Ports] = loop.create_future()
    settings = replace(database.settings("gateway"), tls=tls, pipelines=pipelines)
    task = asyncio.create_task(run(settings, limits, started.set_result, fhir_limits))
    try:
        waiters: list[asyncio.Future[Any]] = [task, started]
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED, timeout=120)
        if task.done():
            task.result()
        yield started.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
