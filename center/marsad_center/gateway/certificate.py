"""Certificates of senders: what one shows, and what a feed asks for."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate that a connection showed, its signature verified: its names as they are written there, and its
    SHA-256 in 64 small hexadecimal digits."""

    names: frozenset[str]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Guard:
    """What a feed asks of a connection. Where name and fingerprints are given, both must hold; where neither is,
    nothing can hold."""

    name: str | None = None
    fingerprints: frozenset[str] = frozenset()

    def admits(self, shown: Shown) -> bool:
        """Whether a connection that showed this may speak for the feed."""
        if self.name is None and not self.fingerprints:
            return False
        named = self.name is None or self.name in shown.names
        return named and (not self.fingerprints or shown.fingerprint in self.fingerprints)


def guard(name: str | None, fingerprints: Iterable[str]) -> Guard:
    """A guard from what was declared: fingerprints with or without colons, in capitals or not."""
    return Guard(name or None, frozenset(one.replace(":", "").lower() for one in fingerprints))


def shown(connection: ssl.SSLObject | None) -> Shown | None:
    """What the peer of a TLS connection showed; None without TLS.

    Names are the DNS names and URIs of the subject alternative names and the common names of the subject (RFC 5280,
    4.2.1.6). A verified certificate is always there, because the handshake asks for it.
    """
    if connection is None:
        return None
    told, der = connection.getpeercert() or {}, connection.getpeercert(binary_form=True) or b""
    alternatives = {str(entry[1]) for entry in _pairs(told.get("subjectAltName")) if entry[0] in ("DNS", "URI")}
    common = {
        str(entry[1]) for part in _pairs(told.get("subject")) for entry in _pairs(part) if entry[0] == "commonName"
    }
    return Shown(frozenset(alternatives | common), hashlib.sha256(der).hexdigest())


def _pairs(value: object) -> tuple[tuple[object, ...], ...]:
    return value if isinstance(value, tuple) else ()
