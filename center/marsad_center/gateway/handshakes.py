"""A port of mutual TLS: connections until their certificates are verified, bounded in time and number.

Its own accept loop, because only it hears why a handshake failed, and only it can end the slowest one for a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable

from marsad_center.gateway import metrics
from marsad_center.gateway.certificate import shown
from marsad_center.gateway.credentials import Credentials
from marsad_center.gateway.limits import Limits

log = logging.getLogger(__name__)

_EXPIRED = {9: "not-yet-valid", 10: "expired"}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_REASONS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no-certificate",
    "CERTIFICATE_VERIFY_FAILED": "not-trusted",
    "UNSUPPORTED_PROTOCOL": "old-protocol",
    "VERSION_TOO_LOW": "old-protocol",
    "NO_SHARED_CIPHER": "old-protocol",
    "NO_PROTOCOLS_AVAILABLE": "old-protocol",
    "WRONG_VERSION_NUMBER": "not-tls",
    "HTTP_REQUEST": "not-tls",
    "HTTPS_PROXY_REQUEST": "not-tls",
    "PACKET_LENGTH_TOO_LONG": "not-tls",
    "UNEXPECTED_MESSAGE": "not-tls",
    "UNEXPECTED_EOF_WHILE_READING": "reset",
}


def reason(error: Exception) -> str:
    """Why a handshake failed, in one of a bounded number of words (docs/runbooks/messages-refused.md)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _EXPIRED.get(error.verify_code, "not-trusted")
    if isinstance(error, ssl.SSLError):
        told = str(error.reason or "")
        # An alert is what the peer says: most often that it does not trust our certificate.
        return _REASONS.get(told, "refused-by-peer" if "ALERT" in told else "other")
    if isinstance(error, ConnectionAbortedError | TimeoutError):
        return "timeout"
    return "reset"


class Handshakes:
    """All connections of one port whose handshake is under way. `protocol` makes what a connection is spoken with: it
    hears of it (connection_made) once it is through. `name`: of the port, for the log."""

    def __init__(
        self, credentials: Credentials, limits: Limits, protocol: Callable[[], asyncio.BaseProtocol], name: str
    ) -> None:
        self._credentials, self._limits, self._protocol, self._name = credentials, limits, protocol, name
        self._under_way: dict[asyncio.Task[None], None] = {}  # the first is the oldest

    @contextlib.asynccontextmanager
    async def serving(self, host: str, port: int, buffer: int) -> AsyncIterator[int]:
        """Accept for the length of the block; yields the port. `buffer`: bytes of a connection that may wait in the
        kernel. At the end handshakes are cut; who is through is left to its protocol's owner."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=256)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)  # whom it accepts inherits it
        accepting = asyncio.create_task(self._run(listener), name=self._name)
        try:
            yield int(listener.getsockname()[1])
        finally:
            accepting.cancel()
            for task in list(self._under_way):
                task.cancel()
            await asyncio.gather(accepting, *self._under_way, return_exceptions=True)
            listener.close()

    async def _run(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                raw, _address = await loop.sock_accept(listener)
            except OSError as error:  # such as too many open files: those that close make room
                log.warning("no connection can be accepted", extra={"reason": error.strerror})
                await asyncio.sleep(1)
                continue
            if (context := self._credentials.context) is None:
                self._failed("not-configured", raw)
                raw.close()
                continue
            if len(self._under_way) >= self._limits.handshakes:
                oldest = next(iter(self._under_way))
                del self._under_way[oldest]
                oldest.cancel()
            task = asyncio.create_task(self._connect(raw, context))
            self._under_way[task] = None
            task.add_done_callback(self._ended)

    async def _connect(self, raw: socket.socket, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.connect_accepted_socket(
                self._protocol,
                raw,
                ssl=context,
                ssl_handshake_timeout=self._limits.handshake_seconds,
                ssl_shutdown_timeout=self._limits.write_seconds,
            )
        except asyncio.CancelledError:
            self._failed("busy", raw)
            raw.close()
            raise
        except OSError as error:  # ssl.SSLError is one
            self._failed(reason(error), raw)
            raw.close()
            return
        if (certificate := shown(transport.get_extra_info("ssl_object"))) is not None:
            extra = {"names": sorted(certificate.names)[:4], "fingerprint": certificate.fingerprint}
            log.info("a certificate is verified", extra=extra | {"port": self._name})

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a connection over TLS failed", exc_info=error)

    def _failed(self, why: str, raw: socket.socket) -> None:
        metrics.TLS_FAILED.labels(why).inc()
        peer = ""
        with contextlib.suppress(OSError):
            peer = str(raw.getpeername()[0])
        log.info("a handshake failed", extra={"reason": why, "peer": peer, "port": self._name})
