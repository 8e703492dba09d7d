"""What the gateway shows and trusts over TLS: files of a mounted volume, taken up anew whenever they change.

`tls.crt` and `tls.key` are the gateway's own certificate (with what signed it) and key, `clients.crt` the authorities
of the facilities. Open connections keep what they began with.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from marsad_center.gateway import metrics

log = logging.getLogger(__name__)

CERTIFICATE, KEY, CLIENTS = "tls.crt", "tls.key", "clients.crt"
_Identity = tuple[tuple[int, int, int] | None, ...]


class Unusable(ValueError):
    """Files that no TLS can be spoken with; the text says which and why, and holds nothing of a key."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A context for new connections, and when the certificate in it expires."""

    context: ssl.SSLContext
    expires_at: datetime


def load(folder: Path) -> Loaded:
    """Read the files. Raises Unusable."""
    for name in (CERTIFICATE, KEY, CLIENTS):
        if not (folder / name).exists():
            raise Unusable(f"{name} is not there")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an authority need not be a root
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION  # each connection is verified by itself
    context.num_tickets = 0
    try:
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Unusable(f"{CERTIFICATE} and {KEY} are no certificate with its key: {_reason(error)}") from error
    try:
        context.load_verify_locations(folder / CLIENTS)
    except (OSError, ValueError) as error:
        raise Unusable(f"{CLIENTS} holds no certificates: {_reason(error)}") from error
    own = x509.load_pem_x509_certificates((folder / CERTIFICATE).read_bytes())[0]
    return Loaded(context, own.not_valid_after_utc)


class Credentials:
    """The credentials of the moment; `context` is None until the files can be used for the first time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: _Identity | None = None
        self.context: ssl.SSLContext | None = None

    async def follow(self, every: float = 1.0) -> None:
        """Take up the files now and after each change, for ever. Files that cannot be used are told of in the log and
        in a metric, and the last good ones stay in force."""
        while True:
            self.renew()
            await asyncio.sleep(every)

    def renew(self) -> None:
        """Take up the files if they changed."""
        identity = tuple(_identity(self._folder / name) for name in (CERTIFICATE, KEY, CLIENTS))
        if identity == self._seen:
            return
        self._seen = identity
        try:
            loaded = load(self._folder)
        except Unusable as error:
            metrics.TLS_REFUSED.set(1)
            log.error("the files for TLS cannot be used, the last good ones stay", extra={"reason": str(error)})
            return
        self.context = loaded.context
        metrics.TLS_REFUSED.set(0)
        metrics.TLS_EXPIRES.set(loaded.expires_at.timestamp())
        remaining = loaded.expires_at - datetime.now(UTC)
        extra = {"expires_at": loaded.expires_at.isoformat(), "days": remaining.days}
        log.info("the files for TLS are taken up", extra=extra)


def _no_password() -> bytes:
    raise ValueError("the key is protected by a password")


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()  # follows kubelet's symbolic links
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
