"""A wire to the database that can be cut, refuse, stall, go half dead and be slow."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field


@dataclass
class Wire:
    """Forwards a port of the loopback to `target`. `delay` is in seconds for each direction.

    While `broken`, new connections are refused, which `refused` counts; while `open` is cleared nothing passes, while
    `answers` is, only what goes to the target does. Nobody is told, and what waited is delivered late.
    """

    target: int
    delay: float = 0.0
    broken: bool = False
    open: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    refused: int = 0
    port: int = 0
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __aenter__(self) -> Wire:
        self.open.set()
        self.answers.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection at once, as a switch that dies does."""
        for end in self._ends:
            end.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.broken:
            self.refused += 1
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer, self.answers))
        self._ends -= {writer, back}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, also: asyncio.Event | None = None
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await asyncio.sleep(self.delay)
                await self.open.wait()
                if also is not None:
                    await also.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
