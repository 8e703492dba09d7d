"""MSH-18 to a codec: HL7 table 0211, as far as this gateway decodes it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

# An empty MSH-18 is read as UTF-8: it contains ASCII, HL7's default, and other bytes fail instead of being misread.
_CODECS: Mapping[str, str] = {
    "": "utf-8",
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "WINDOWS-1256": "cp1256",
    "CP1256": "cp1256",
    **{f"8859/{part}": f"iso8859_{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}


@lru_cache(maxsize=64)
def codec(msh_18: str) -> str | None:
    """The Python codec of a message whose MSH-18 is `msh_18` (its first repetition counts); None when not known.

    UTF-16 and UTF-32 are not: their bytes can hold the frame bytes of MLLP.
    """
    first = msh_18.split("~", 1)[0].strip().upper()
    return _CODECS.get(first.replace("ISO-8859-", "8859/").replace("ISO8859-", "8859/"))
