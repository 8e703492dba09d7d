"""Connections of HTTP, bounded: how many there are, and how long one may take over the header of a request. What a
connection showed over TLS is in the state of its requests, as `shown`.

uvicorn bounds neither: a peer that connects and says nothing, or a header a byte a minute, would stay for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from marsad_center.gateway.certificate import shown
from marsad_center.gateway.fhir import counters
from marsad_center.gateway.fhir.limits import FhirLimits
from marsad_center.ops import end_unread


def bounded(limits: FhirLimits) -> type[H11Protocol]:
    """uvicorn's protocol with these limits."""

    class Bounded(_Bounded):
        LIMITS = limits
        OPEN: ClassVar[set[Any]] = set()

    return Bounded


class _Bounded(H11Protocol):
    LIMITS: ClassVar[FhirLimits]
    OPEN: ClassVar[set[Any]]
    _impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.OPEN) >= self.LIMITS.connections:
            counters.CLOSED.labels("too-many").inc()
            transport.abort()
            return
        if (certificate := shown(transport.get_extra_info("ssl_object"))) is not None:
            end_unread(transport.get_extra_info("socket"))  # of others their listener saw to it
        # uvicorn gives each request a copy. Nobody else can put anything here: it comes from no byte of the peer's.
        self.app_state = {**self.app_state, "shown": certificate}
        self.OPEN.add(self)
        counters.CONNECTIONS.set(len(self.OPEN))
        self._wait_for_header()

    def connection_lost(self, exc: Exception | None) -> None:
        self.OPEN.discard(self)
        counters.CONNECTIONS.set(len(self.OPEN))
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()  # the header is whole; the body has limits of its own
        elif self._impatience is None:
            self._wait_for_header()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._stop_waiting()  # from here on uvicorn's own patience with idle connections counts

    def _wait_for_header(self) -> None:
        self._impatience = asyncio.get_running_loop().call_later(self.LIMITS.head_seconds, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _too_slow(self) -> None:
        self._impatience = None
        counters.CLOSED.labels("slow-header").inc()
        if self.transport is not None:
            self.transport.abort()
