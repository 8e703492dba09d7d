"""One MLLP connection: read, judge, queue, and answer in the order of receipt, however the commits fall."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from marsad_center.gateway import inbound as judging
from marsad_center.gateway import metrics, mllp
from marsad_center.gateway.inbound import Inbound
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.room import Shared
from marsad_center.gateway.route import Road, Routes
from marsad_center.gateway.storing import Outcome
from marsad_center.gateway.writer import NotStored, Writer

log = logging.getLogger(__name__)

# When the first of a group came, and what became of it all; never the messages, which are long in the database.
_Pending = tuple[datetime, asyncio.Future[list[Outcome | None]]]


class Conversation:
    """`routes` gives the registry of the moment; `road` is how the peer came; what is `shared` is so with all others.

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
        shared: Shared,
        road: Road,
    ) -> None:
        self._reader, self._stream = reader, stream
        self._routes, self._writer, self._limits = routes, writer, limits
        self._room, self._shares, self._turns = shared.room, shared.shares, shared.turns
        self._road = road
        self._registry = self._view = Routes()
        self._peer = str((stream.get_extra_info("peername") or ("local",))[0])
        self._framer = mllp.Framer(limits.frame, limits.junk)
        self._pending: asyncio.Queue[_Pending | None] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._closing = False
        self._reading: asyncio.Task[None] | None = None
        self._unanswered = 0
        self._handling = False
        self.heard = asyncio.get_running_loop().time()

    @property
    def quiet(self) -> bool:
        """True between messages: nothing is half read, nothing waits for its answer, nothing ends it already."""
        return not (self._framer.partial or self._handling or self._unanswered or self._closing)

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
                    data = await self._reader.read(self._shares.each)
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
        at, most, self._handling = 0, self._limits.in_flight, bool(events)
        while at < len(events) and not self._closing:
            while self._unanswered >= most:
                self._answered.clear()
                await self._answered.wait()
            group = events[at : at + most - self._unanswered]
            at += len(group)
            await self._handle(group, ended=not data)
        self._handling = False
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
        if size <= min(self._limits.small, self._shares.each):
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

    async def _handle(self, events: list[mllp.Event], *, ended: bool) -> None:
        """Judge what came together, up to what ends the connection, and queue it, once it is this connection's turn."""
        try:
            async with asyncio.timeout(self._limits.hold_seconds if self._turns.locked() else None):
                await self._turns.acquire()
        except TimeoutError:  # nothing was judged: the sender sends it again
            metrics.NOT_STORED.inc(len(events))
            metrics.CLOSED.labels("not-stored").inc()
            self._closing = True
            return
        try:
            outcomes = await self._queue(events, ended)
        finally:
            self._turns.release()
        if self in self._room:  # a large one is waited for, so that its memory is free before the next is read
            await asyncio.wait({outcomes})
            if self._framer.buffered <= self._limits.small:
                self._room.leave(self)

    async def _queue(self, events: list[mllp.Event], ended: bool) -> asyncio.Future[list[Outcome | None]]:
        inbounds: list[Inbound] = []
        for event in events:
            inbounds.append(self._judge(event, ended))
            if inbounds[-1].close:
                self._closing = True
                break
        metrics.RECEIVED.inc(len(inbounds))
        self._unanswered += len(inbounds)
        first = inbounds[0].received_at
        try:
            outcomes = await self._writer.submit(inbounds)
        except NotStored:
            outcomes = asyncio.get_running_loop().create_future()
            outcomes.set_result([None] * len(inbounds))
            self._closing = True
        self._pending.put_nowait((first, outcomes))
        return outcomes

    def _judge(self, event: mllp.Event, ended: bool) -> Inbound:
        at, peer, routes = datetime.now(UTC), self._peer, self._seen()
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

    def _seen(self) -> Routes:
        """The registry of the moment, as this connection may speak for it."""
        if (routes := self._routes()) is not self._registry:
            self._registry = routes
            self._view = routes.over(self._road)
        return self._view

    # ---------------------------------------------------------------------------------------------- answering

    async def _answer(self) -> None:
        while (pending := await self._pending.get()) is not None:
            first, future = pending
            outcomes = await future
            stored = list(itertools.takewhile(lambda outcome: outcome is not None, outcomes))
            acks = b"".join(outcome.ack for outcome in stored if outcome is not None)
            if acks and not await self._send(acks):
                return
            waited = (datetime.now(UTC) - first).total_seconds()
            for _message in stored:
                metrics.ACKNOWLEDGE_SECONDS.observe(waited)
            if len(stored) < len(outcomes):
                metrics.CLOSED.labels("not-stored").inc()
                self._stream.transport.abort()
                return
            self._unanswered -= len(outcomes)
            self._answered.set()
            if (last := outcomes[-1]) is not None and last.close:
                log.info("connection closed", extra={"peer": self._peer, "reason": last.reason})
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
