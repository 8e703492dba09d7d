"""What was received, as it lies in the tables: sealed, and bound to the row that it belongs to (ADR 0031)."""

from __future__ import annotations

import hashlib
from typing import Any

from marsad_center.gateway.inbound import Inbound
from marsad_center.keys import CannotOpen, Keys


def seal_message(inbound: Inbound, keys: Keys) -> bytes:
    """For message.raw: it opens in no row but that of its MSH-3, MSH-4 and MSH-10."""
    return keys.seal(inbound.raw, "message", *inbound.key)


def seal_refused(inbound: Inbound, keys: Keys) -> bytes:
    """For quarantine.raw: it opens in no row but that of its reason and hash."""
    return keys.seal(inbound.raw, "quarantine", inbound.reason, inbound.sha256)


def open_message(row: Any, keys: Keys) -> bytes:
    """The bytes as they came, of a row of message. Raises CannotOpen, also when they are not those of its hash."""
    key = row["sending_application"], row["sending_facility"], row["control_id"]
    return _proved(keys.open(row["raw"], row["sealed_with"], "message", *key), row["sha256"])


def open_refused(row: Any, keys: Keys) -> bytes:
    """The bytes as they were kept, of a row of quarantine: the first of them where it is cut. Raises CannotOpen."""
    raw = keys.open(row["raw"], row["sealed_with"], "quarantine", row["reason"], row["sha256"])
    return raw if row["cut"] or len(raw) < row["size"] else _proved(raw, row["sha256"])


def _proved(raw: bytes, sha256: bytes) -> bytes:
    if hashlib.sha256(raw).digest() != sha256:
        raise CannotOpen("its bytes are not those of its hash: the row was changed")
    return raw
