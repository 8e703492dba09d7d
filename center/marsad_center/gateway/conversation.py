"""One MLLP connection: read, judge, queue, and answer in the order of receipt, however the commits fall."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from marsad_center.gateway import inbound as judging
from marsad_center.gateway import metrics, mllp
from marsad_center.gateway.inbound import Inbound
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.room import Room
from marsad_center.gateway.route import Routes
from marsad_center.gateway.storing import Outcome
from marsad_center.gateway.writer import NotStored, Writer

log = logging.getLogger(__name__)

_READ = 64 * 1024
_Pending = tuple[datetime, asyncio.Future[Outcome]]  # when it came; never the message, which is long in the database


class Conversation:
    """`routes` gives the registry of the moment; `room` is shared with all other conversations.

    `heard`: when the peer last sent something, by the loop's clock.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        stream: asyncio.StreamWriter,
        *,
        routes: Callable[[], Routes],
        writer: Writer,
        limits: Limits,
        room: Room,
    ) -> None:
        self._reader, self._stream = reader, stream
        self._routes, self._writer, self._limits, self._room = routes, writer, limits, room
        self._peer = str((stream.get_extra_info("peername") or ("local",))[0])
        self._framer = mllp.Framer(limits.frame, limits.junk)
        self._pending: asyncio.Queue[_Pending | None] = asyncio.Queue()
        self._in_flight = asyncio.Semaphore(limits.in_flight)
        self._closing = False
        self._reading: asyncio.Task[None] | None = None
        self._unanswered = 0
        self.heard = asyncio.get_running_loop().time()

    @property
    def quiet(self) -> bool:
        """True between messages: nothing is half read, nothing waits for its answer, nothing ends it already."""
        return not (self._framer.partial or self._unanswered or self._closing)

    def stop(self) -> None:
        """Read no more; what was read is still committed and answered."""
        self._closing = True
        if self._reading is not None:
            self._reading.cancel()

    async def run(self) -> None:
        """Serve until the peer or the rules end it. Never raises."""
        self._reading = asyncio.create_task(self._read())
        answering = asyncio.create_task(self._answer())
        try:
            await asyncio.wait({self._reading, answering}, return_when=asyncio.FIRST_COMPLETED)
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
            self._pending.put_nowait(None)
            await answering
        except Exception:
            log.exception("a connection failed", extra={"peer": self._peer})
        finally:
            answering.cancel()
            self._room.leave(self)
            self._stream.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._limits.write_seconds):
                    await self._stream.wait_closed()
            if (transport := self._stream.transport) is not None:
                transport.abort()

    # ------------------------------------------------------------------------------------------------ reading

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        frame_since: float | None = None
        while not self._closing:
            frame_since = (frame_since or loop.time()) if self._framer.partial else None
            try:
                async with asyncio.timeout(self._patience(frame_since, loop.time())):
                    data = await self._reader.read(_READ)
            except TimeoutError:
                log.info("a frame stalled", extra={"peer": self._peer, "bytes": self._framer.buffered})
                metrics.CLOSED.labels("stalled").inc()
                data = b""
            except OSError:
                data = b""
            self.heard, ended = loop.time(), not data
            if await self._consume(data):
                frame_since = None
            del data  # this may wait long for the next, and so may many others
            if ended or self._closing:
                return
            began = loop.time()
            if not await self._has_room():
                return
            if frame_since is not None:  # waiting for the others is no fault of this sender
                frame_since += loop.time() - began

    async def _consume(self, data: bytes) -> bool:
        """Handle what `data` completes (b"": the end); whether it completed anything."""
        metrics.BYTES.labels("in").inc(len(data))
        events = self._framer.feed(data) if data else self._framer.close()
        for event in events:
            await self._handle(event, ended=not data)
            if self._closing:
                break
        return bool(events)

    def _patience(self, frame_since: float | None, now: float) -> float | None:
        """Seconds to wait for the next bytes: for ever between frames, not long within one."""
        if frame_since is None:
            return None
        return max(0.0, min(self._limits.partial_seconds, frame_since + self._limits.frame_seconds - now))

    async def _has_room(self) -> bool:
        """Wait for the room that the frame in the making needs. False when it did not come: the connection is to be
        closed without an answer, so that the sender sends again."""
        size = self._framer.buffered
        if size <= self._limits.small:
            self._room.leave(self)
            return True
        try:
            async with asyncio.timeout(self._limits.room_seconds):
                await self._room.hold(self, size)
        except TimeoutError:
            log.warning("no memory for a large frame", extra={"peer": self._peer, "bytes": size})
            metrics.CLOSED.labels("no-room").inc()
            return False
        return True

    async def _handle(self, event: mllp.Event, *, ended: bool) -> None:
        metrics.RECEIVED.inc()
        self._unanswered += 1
        inbound = self._judge(event, ended)
        self._closing |= inbound.close
        await self._in_flight.acquire()
        try:
            outcome = await self._writer.submit(inbound)
        except NotStored:
            outcome = asyncio.get_running_loop().create_future()
            outcome.set_exception(NotStored())
            self._closing = True
        self._pending.put_nowait((inbound.received_at, outcome))
        if self in self._room:  # a large one is waited for, so that its memory is free before the next is read
            await asyncio.wait({outcome})
            if self._framer.buffered <= self._limits.small:
                self._room.leave(self)

    def _judge(self, event: mllp.Event, ended: bool) -> Inbound:
        at, peer, routes = datetime.now(UTC), self._peer, self._routes()
        match event:
            case mllp.Frame(content):
                return judging.judge(content, routes, peer, at)
            case mllp.TooLong(head, size):
                return judging.too_long(head, size, self._limits.frame, routes, peer=peer, at=at)
            case mllp.Truncated(content):
                detail = "the frame was not finished when the next one began, or the connection ended or stalled"
                return judging.unanswered(content, "truncated", detail, routes, close=ended, peer=peer, at=at)
            case mllp.Junk(content, fatal):
                no_start = content.endswith(mllp.END)
                reason = "no-start" if no_start else "junk"
                detail = "a block ended that had never begun" if no_start else "bytes outside of any frame"
                return judging.unanswered(content, reason, detail, routes, close=fatal, peer=peer, at=at)

    # ---------------------------------------------------------------------------------------------- answering

    async def _answer(self) -> None:
        while (pending := await self._pending.get()) is not None:
            received_at, future = pending
            try:
                outcome = await future
            except NotStored:
                metrics.CLOSED.labels("not-stored").inc()
                self._stream.transport.abort()
                return
            self._in_flight.release()
            if outcome.ack and not await self._send(outcome.ack):
                return
            self._unanswered -= 1
            waited = datetime.now(UTC) - received_at
            metrics.ACKNOWLEDGE_SECONDS.observe(waited.total_seconds())
            if outcome.close:
                log.info("connection closed", extra={"peer": self._peer, "reason": outcome.reason})
                metrics.CLOSED.labels("refused").inc()
                return

    async def _send(self, ack: bytes) -> bool:
        """False when the peer is gone, or does not read its answers for too long."""
        try:
            self._stream.write(ack)
            async with asyncio.timeout(self._limits.write_seconds):
                await self._stream.drain()
        except (OSError, TimeoutError) as error:
            cause = "not-reading" if isinstance(error, TimeoutError) else "reset"
            metrics.CLOSED.labels(cause).inc()
            self._stream.transport.abort()
            return False
        metrics.BYTES.labels("out").inc(len(ack))
        return True
