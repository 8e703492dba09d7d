"""One MLLP connection that never gives up on a message: the same bytes again until they are answered."""

import asyncio
import contextlib
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from marsad.cli.simulate.envelope import Outgoing
from marsad.cli.simulate.tls import Tls

START, END = b"\x0b", b"\x1c\r"
_LIMIT = 1 << 20  # an acknowledgement is small; more is not one
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """MSA-1 of the accept and of the application acknowledgement, each empty if it was not waited for or did not come.

    `seconds` is from the last writing to the answer, `attempts` how often the message was written.
    """

    accept: str
    application: str
    seconds: float
    attempts: int

    @property
    def text(self) -> str:
        return "+".join(filter(None, (self.accept, self.application))) or "not asked for"


class Connection:
    """A connection to host:port, opened when first needed and again after any fault. One message at a time. It is over
    TLS where it is given with what."""

    def __init__(
        self, host: str, port: int, patience: float, on_fault: Callable[[str], None], tls: Tls | None = None
    ) -> None:
        self._address = (host, port)
        self._tls: dict[str, Any] = {"ssl": tls.context, "server_hostname": tls.server_name} if tls else {}
        self._patience = patience
        self._on_fault = on_fault
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def deliver(self, message: Outgoing, attempts: int = 0) -> Answer | None:
        """Sends until the message is answered, with growing pauses; None after `attempts` failures (0: without end).

        A lost connection, or no answer in time, leaves open whether the message was stored: so it is sent again with
        the same bytes, which the gateway recognises. A negative answer is an answer.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._exchange(message, attempt)
            except (OSError, EOFError, UnicodeError, asyncio.LimitOverrunError) as error:  # UnicodeError: no host name
                await self.close()
                self._on_fault(_reason(error, self._patience))
            if attempt == attempts:
                return None
            await asyncio.sleep(min(5.0, 0.1 * 2.0 ** min(attempt, 10)) * random.uniform(0.5, 1.0))

    async def _exchange(self, message: Outgoing, attempt: int) -> Answer:
        reader, writer = await self._open()
        if not message.accept and not message.application and reader.at_eof():
            raise ConnectionResetError("the gateway closed the connection")
        begun = time.perf_counter()
        writer.write(START + message.data + END)
        async with asyncio.timeout(self._patience):
            await writer.drain()
            accept = await self._answer(reader, message) if message.accept else ""
            refused = accept in ("CE", "CR")
            wanted = message.application and not refused
            # A refusal may come instead of the accept acknowledgement that was asked for, as AE or AR.
            if wanted and accept[:1] != "A":
                return Answer(accept, await self._answer(reader, message), time.perf_counter() - begun, attempt)
            return Answer(accept, "", time.perf_counter() - begun, attempt)

    async def _answer(self, reader: asyncio.StreamReader, message: Outgoing) -> str:
        """MSA-1 of the next acknowledgement of this message; late ones of earlier tries of others are passed over."""
        while True:
            frame = await reader.readuntil(END)
            code, control_id = _acknowledgement(frame)
            if control_id in (message.control_id, ""):
                return code

    async def close(self) -> None:
        """Closes the connection, if there is one; it is opened again when needed."""
        streams, self._streams = self._streams, None
        if streams:
            streams[1].close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await streams[1].wait_closed()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            async with asyncio.timeout(_CONNECT_SECONDS):
                self._streams = await asyncio.open_connection(*self._address, limit=_LIMIT, **self._tls)
        return self._streams


def _acknowledgement(frame: bytes) -> tuple[str, str]:
    """MSA-1 and MSA-2; both empty where there is no MSA."""
    body = frame.strip(START + END)
    for line in body.split(b"\r"):
        if line.startswith(b"MSA"):
            values = [value.decode("utf-8", "replace") for value in (*line.split(body[3:4]), b"", b"")]
            return values[1], values[2]
    return "no MSA", ""


def _reason(error: Exception, patience: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {patience:g} s"
    if isinstance(error, EOFError):
        return "connection closed without an answer"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the gateway's certificate is not valid here: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    return str(error) or type(error).__name__
