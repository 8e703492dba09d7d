"""Whether a time zone exists: admission sees how a name is written, and only the database knows the names."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=512)
def exists(name: str) -> bool:
    """Whether the IANA database of this machine has the zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, not a name, a folder of zones
        return False
    return True


def missing(where: str, name: str) -> str:
    """The sentence for one that does not exist."""
    return f"{where} is {name!r}, which the IANA time zone database has not: use a name such as Asia/Riyadh, or UTC."
