"""Who sends: the pair that the registry knows a feed by, in place of MSH-3 and MSH-4."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

HEADER = "x-marsad-feed"
_SOURCE = re.compile(r"urn:marsad:feed:([^:#\s]+):([^:#\s]+)(?:#\S*)?")


class Sender(NamedTuple):
    """Sending application and facility; '' where it is not said."""

    application: str
    facility: str


NOBODY = Sender("", "")


def sender_of(headers: Mapping[str, str], document: Mapping[str, Any] | None = None) -> Sender:
    """The sender that a request names: header X-Marsad-Feed: APPLICATION|FACILITY, else meta.source of the Bundle or
    resource: urn:marsad:feed:APPLICATION:FACILITY (names percent-encoded). NOBODY when neither does."""
    application, bar, facility = _utf8(headers.get(HEADER, "")).partition("|")
    if bar:
        return Sender(_plain(application), _plain(facility))
    meta = document.get("meta") if document is not None else None
    source = meta.get("source") if isinstance(meta, dict) else None
    match = _SOURCE.fullmatch(source) if isinstance(source, str) else None
    return Sender(_plain(unquote(match[1])), _plain(unquote(match[2]))) if match is not None else NOBODY


def _utf8(text: str) -> str:
    """Bytes of a header reach us as Latin-1; names in Arabic or Chinese are sent in UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _plain(name: str) -> str:
    return name.replace("\0", "\ufffd").strip()[:199]
