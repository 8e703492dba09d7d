"""The MLLP ports, without and with TLS: accepts connections up to a limit, and ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

from marsad_center.gateway import metrics
from marsad_center.gateway.certificate import shown
from marsad_center.gateway.conversation import Conversation
from marsad_center.gateway.credentials import Credentials
from marsad_center.gateway.handshakes import Handshakes
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.room import Room, Shared, Shares
from marsad_center.gateway.route import Road, Routes
from marsad_center.gateway.writer import Writer

log = logging.getLogger(__name__)

_KERNEL = 32 * 1024  # bytes of a connection that wait in the kernel, while its share is not less
_TELL_SECONDS = 60.0


class Listening:
    """All MLLP connections of the process. `routes` is replaced when the registry changes."""

    def __init__(self, writer: Writer, limits: Limits) -> None:
        self._writer, self._limits = writer, limits
        self._shared = Shared(
            Room(limits.room),
            Shares(limits.reads, limits.least_read, limits.most_read),
            asyncio.Semaphore(limits.judging),
        )
        self._told = float("-inf")
        self._conversations: dict[Conversation, asyncio.Task[None]] = {}
        self.routes = Routes()

    @contextlib.asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[int]:
        """Accept for the length of the block; yields the port. At the end: accept and read no more, answer what was
        read (for at most `stop_seconds`), close."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: asyncio.StreamReaderProtocol(self._reader(), self._accept), host, port, backlog=256
        )
        for listener in server.sockets:  # whom it accepts inherits it; what the kernel holds counts as the pod's, too
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            await self._finish()

    @contextlib.asynccontextmanager
    async def serving_tls(self, host: str, port: int, credentials: Credentials) -> AsyncIterator[int]:
        """The same over TLS, within a block of `serving`, which ends these connections, too."""

        def stream() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(self._reader(), self._accept)

        async with Handshakes(credentials, self._limits, stream, "mllps").serving(host, port, _KERNEL) as bound:
            yield bound

    def _reader(self) -> asyncio.StreamReader:
        """It stops to read at twice its limit: so no connection has more than its share unread here."""
        return asyncio.StreamReader(limit=self._shared.shares.each // 2, loop=asyncio.get_running_loop())

    async def _accept(self, reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        if len(self._conversations) >= self._limits.connections and not self._make_place():
            metrics.REFUSED.inc()
            log.warning("connection refused: the limit is reached", extra={"limit": self._limits.connections})
            stream.transport.abort()
            return
        _keep_alive(stream)
        _narrow(stream, self._shared.shares.each)
        stream.transport.set_write_buffer_limits(high=64 * 1024)
        conversation = Conversation(
            reader,
            stream,
            routes=lambda: self.routes,
            writer=self._writer,
            limits=self._limits,
            shared=self._shared,
            road=Road("MLLP", shown(stream.get_extra_info("ssl_object"))),
        )
        task = asyncio.current_task()
        assert task is not None
        self._conversations[conversation] = task
        self._counted()
        try:
            await conversation.run()
        finally:
            del self._conversations[conversation]
            self._counted()

    def _counted(self) -> None:
        self._shared.shares.open = len(self._conversations)
        metrics.CONNECTIONS.set(len(self._conversations))

    def _make_place(self) -> bool:
        """End the connection that is silent longest, if any is between messages: some senders open one a message and
        never close, and one that is cut while it is silent just connects again."""
        quiet = [conversation for conversation in self._conversations if conversation.quiet]
        if not quiet:
            return False
        min(quiet, key=lambda conversation: conversation.heard).stop()
        metrics.CLOSED.labels("idle").inc()
        now = asyncio.get_running_loop().time()
        if now - self._told >= _TELL_SECONDS:  # a sender that never closes does this with each message
            self._told = now
            extra = {"limit": self._limits.connections}
            log.warning("the limit of connections is reached, the one that is silent longest makes place", extra=extra)
        return True

    async def _finish(self) -> None:
        tasks = list(self._conversations.values())
        for conversation in list(self._conversations):
            conversation.stop()
        if tasks:
            _done, late = await asyncio.wait(tasks, timeout=self._limits.stop_seconds)
            for task in late:
                task.cancel()
            if late:
                log.warning("connections ended with messages unanswered", extra={"connections": len(late)})
                await asyncio.wait(late, timeout=1)


def _narrow(stream: asyncio.StreamWriter, share: int) -> None:
    """Let no more wait in the kernel, which counts as the pod's, than here; and none to speak of in TLS, which would
    keep another 256 KiB of what nobody reads yet."""
    if stream.get_extra_info("ssl_object") is not None:
        stream.transport.set_read_buffer_limits(high=min(share, _KERNEL))  # type: ignore[attr-defined]
    raw = stream.get_extra_info("socket")
    if share < _KERNEL and raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, share)


def _keep_alive(stream: asyncio.StreamWriter) -> None:
    """Idle connections are normal and stay; dead ones are found by TCP within about two minutes."""
    raw = stream.get_extra_info("socket")
    if raw is None or raw.family not in (socket.AF_INET, socket.AF_INET6):
        return
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
