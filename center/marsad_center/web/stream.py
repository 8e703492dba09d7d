"""Server-sent events: one hub, one bounded queue a client. A client that cannot keep up is dropped, and comes back by
itself to a fresh snapshot; it can never make the others wait or the process grow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

QUEUE_CHUNKS = 64
MOST_CLIENTS = 200  # a replica; each holds a snapshot while it is slow, and a small pod has 384 MiB
KEEP_ALIVE_SECONDS = 15.0
RETRY_MILLISECONDS = 2000


class TooManyClients(Exception):
    """The hub serves MOST_CLIENTS already."""


def frame(event: str, document: Mapping[str, Any]) -> bytes:
    """One event on the wire."""
    return f"event: {event}\ndata: {json.dumps(document, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


class Hub:
    """Fans chunks of events out to clients."""

    def __init__(self, metrics: CollectorRegistry = REGISTRY) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()
        self._closed = False
        self._clients = Gauge("marsad_stream_clients", "Open streams", registry=metrics)
        self._dropped = Counter("marsad_stream_dropped", "Clients dropped for being slow", registry=metrics)
        self._events = Counter("marsad_stream_events", "Events published", ["event"], registry=metrics)

    def publish(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Send events to every client, as one chunk."""
        chunk = bytearray()
        for event, document in events:
            chunk += frame(event, document)
            self._events.labels(event).inc()
        if not chunk:
            return
        shared = bytes(chunk)  # once: what waits for slow clients is one object, however many they are
        for queue in list(self._queues):
            try:
                queue.put_nowait(shared)
            except asyncio.QueueFull:
                self._dropped.inc()
                self._end(queue)

    def close(self) -> None:
        """End every stream, so that the server can stop without waiting for clients to leave."""
        self._closed = True
        for queue in list(self._queues):
            self._end(queue)

    def open(self, snapshot: Iterable[tuple[str, Mapping[str, Any]]]) -> AsyncIterator[bytes]:
        """The stream of a new client: retry, the snapshot, then what is published from this very moment on."""
        if len(self._queues) >= MOST_CLIENTS:
            raise TooManyClients
        first = bytearray(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
        for event, document in snapshot:
            first += frame(event, document)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE_CHUNKS)
        self._queues.add(queue)
        self._clients.set(len(self._queues))
        if self._closed:
            self._end(queue)
        return self._stream(bytes(first), queue)

    async def _stream(self, first: bytes, queue: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
        try:
            yield first
            del first
            while True:
                try:
                    async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                        chunk = await queue.get()
                except TimeoutError:
                    yield b": keep-alive\n\n"
                    continue
                if chunk is None:
                    return
                yield chunk
        finally:
            self._forget(queue)

    def _end(self, queue: asyncio.Queue[bytes | None]) -> None:
        self._forget(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def _forget(self, queue: asyncio.Queue[bytes | None]) -> None:
        self._queues.discard(queue)
        self._clients.set(len(self._queues))
