"""A fake gateway for tests of the sender only: it answers as it is told, and remembers every byte.

The real gateway is played to in e2e/test_simulate.py; this one exists because a real one does not break on demand.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

Script = Callable[["FakeGateway", bytes], bytes | None]
"""From (gateway, message) to the answer's bytes without frame; None closes the connection without an answer."""


def acknowledgement(message: bytes, code: str) -> bytes:
    control_id = message.split(b"\r")[0].split(b"|")[9]
    return b"MSH|^~\\&|MARSAD|CENTER|||||ACK|1|P|2.5.1\rMSA|%s|%s\r" % (code.encode(), control_id)


def accept(_gateway: FakeGateway, message: bytes) -> bytes | None:
    return acknowledgement(message, "AA")


@dataclass
class FakeGateway:
    """`received` in order of arrival over all connections; `connections` counts how many were opened."""

    script: Script = accept
    port: int = 0
    connections: int = 0
    received: list[bytes] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[FakeGateway]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await reader.readuntil(b"\x1c\r")
                assert frame.startswith(b"\x0b")
                message = frame[1:-2]
                self.received.append(message)
                answer = self.script(self, message)
                if answer is None:
                    break
                for part in answer.split(b"\x1c\r"):  # a script may answer with several frames
                    if part:
                        writer.write(b"\x0b" + part.strip(b"\x0b") + b"\x1c\r")
                await writer.drain()
        writer.close()
