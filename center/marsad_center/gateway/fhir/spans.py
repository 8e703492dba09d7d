"""Where the resources of a Bundle lie in its bytes: each entry of a batch is stored exactly as it was sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def entry_resources(body: bytes) -> list[bytes]:
    """The bytes of each entry's resource, b"" where it has none. `body` must be valid JSON of a Bundle."""
    text = body.decode("utf-8")
    found: list[bytes] = []
    for name, start, _end in _members(text, _skip(text, 0)):
        if name == "entry":  # of a name that is there twice the last counts, as for whoever read the document
            found = [_resource(text, at) for at, _end in _items(text, start)]
    return found


def _resource(text: str, start: int) -> bytes:
    found = b""
    for name, begin, end in _members(text, start):
        if name == "resource":
            found = text[begin:end].encode()
    return found


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each value of the object that begins at `at`."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)  # over the colon
        end = _end(text, start)
        yield name, start, end
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _items(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Start and end of each value of the array that begins at `at`."""
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _end(text, at)
        yield at, end
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _end(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None  # it matches nothing, too
    return found.end()
