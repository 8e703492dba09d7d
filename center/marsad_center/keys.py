"""The keys of one center: what is received is sealed with them, and identifiers become tokens (ADR 0031).

They are files of one folder, a mounted Secret: `1`, `2`, `3`... seal, of which the one with the highest number seals
and all open; `tokens` makes tokens and stays for ever: what was written with one could not be found with another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from marsad_center.settings import SettingsError

TOKENS = "tokens"
SHORTEST = 32  # characters of a key file: 192 bits as the operator writes it, in URL-safe base64

_NONCE = 12  # bytes (NIST SP 800-38D), before each ciphertext
_TOKEN = 16  # bytes of HMAC-SHA-256 that stay: two of 10^15 identifiers would meet once in a hundred million centers


class KeysError(SettingsError):
    """The folder of the keys cannot be used; the sentence says what to do. It never holds a key."""


class CannotOpen(RuntimeError):
    """Sealed bytes that do not open: their key is missing, or the row is not the one that they were sealed for."""


class Keys:
    """Seals, opens, and makes tokens. Keys of none (`Keys()`) leave everything in clear: tests of other things only."""

    def __init__(self, seals: Mapping[int, str] | None = None, tokens: str = "") -> None:
        self._seals = {number: AESGCM(_derived(text, b"seal")) for number, text in (seals or {}).items()}
        self.newest: int | None = max(self._seals, default=None)
        self._tokens = _Hmac(_derived(tokens, b"tokens")) if tokens else None
        named = {str(number): text for number, text in (seals or {}).items()} | ({TOKENS: tokens} if tokens else {})
        # By which a key is known again; it opens nothing.
        self.fingerprints = {name: _derived(text, b"fingerprint")[:16] for name, text in named.items()}
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        """A nonce is eight random bytes of this process and a counter: two are never the same, however many messages a
        key seals, while nonces that are random alone may be drawn for 2^32 messages only."""
        self._process, self._count = os.urandom(8), 0

    def seal(self, plain: bytes, *bound: str | bytes) -> bytes:
        """`plain` under the newest key (AES-256-GCM). It opens only with the same `bound`: the row's own key."""
        if self.newest is None:
            return plain
        if self._count >> 32:
            self._renew()
        nonce = self._process + self._count.to_bytes(4)
        self._count += 1
        return nonce + self._seals[self.newest].encrypt(nonce, plain, _together(bound))

    def open(self, stored: bytes, number: int | None, *bound: str | bytes) -> bytes:
        """What was sealed with key `number`; None: it lies there in clear. Raises CannotOpen."""
        if number is None:
            return stored
        if (key := self._seals.get(number)) is None:
            raise CannotOpen(f"it is sealed with key {number}, which is not in the Secret center-key")
        try:
            return key.decrypt(stored[:_NONCE], stored[_NONCE:], _together(bound))
        except InvalidTag:
            raise CannotOpen(f"key {number} does not open it: the row or the key was changed") from None

    def token(self, domain: tuple[str, ...], identifier: str) -> str:
        """22 characters that stand for `identifier` in its `domain`, and in no other."""
        if self._tokens is None:
            return identifier
        digest = self._tokens.digest(domain, identifier.encode())[:_TOKEN]
        return base64.urlsafe_b64encode(digest)[:22].decode("ascii")


class _Hmac:
    """HMAC-SHA-256 (RFC 2104) of a domain and a text. The hash states of key and domain are kept: every message needs
    some tokens, and to begin anew with the key would cost three times as much."""

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
        self._domains: dict[tuple[str, ...], hashlib._Hash] = {}  # a few for each facility

    def digest(self, domain: tuple[str, ...], text: bytes) -> bytes:
        """32 bytes; domains and texts that differ never give the same input, for a domain is counted."""
        if (begun := self._domains.get(domain)) is None:
            begun = self._inner.copy()
            begun.update(len(domain).to_bytes(4) + _together(domain))
            self._domains[domain] = begun
        inner, outer = begun.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


def load(folder: Path | None) -> Keys:
    """The keys in `folder`; none for None (tests only). Raises KeysError."""
    if folder is None:
        return Keys()
    try:
        texts = {path.name: path.read_text("ascii").strip() for path in folder.iterdir() if path.is_file()}
    except (OSError, UnicodeDecodeError) as error:
        raise KeysError(
            f"the center's keys in {folder} cannot be read ({type(error).__name__}): mount the Secret center-key, which"
            " the operator makes; if it was deleted, restore it from where you keep it: a new one opens nothing old"
        ) from None
    seals = {int(name): text for name, text in texts.items() if name.isascii() and name.isdigit() and int(name) < 32768}
    if not seals or TOKENS not in texts:
        missing = TOKENS if seals else "1"
        raise KeysError(f"the Secret center-key (in {folder}) has no entry `{missing}`: see docs/how-to/keys.md")
    if short := [name for name in (*map(str, seals), TOKENS) if len(texts[name]) < SHORTEST]:
        raise KeysError(f"entry `{short[0]}` of the Secret center-key has less than {SHORTEST} characters")
    return Keys(seals, texts[TOKENS])


def _derived(text: str, purpose: bytes) -> bytes:
    """256 bits for one purpose, of a secret that holds at least 192."""
    return hmac.digest(text.encode("ascii"), b"marsad " + purpose, "sha256")


def _together(parts: Sequence[str | bytes]) -> bytes:
    """Parts so joined that no others give the same bytes."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(4) + part for part in encoded)
