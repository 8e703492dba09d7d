"""Which feed a message belongs to: the sender's pair MSH-3, MSH-4 against the registry."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from marsad_center.gateway.profile import DEFAULT, Profile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """An active feed: its row, its facility, and how it writes."""

    feed_id: int
    facility: str
    profile: Profile = DEFAULT

    @property
    def zone(self) -> tzinfo:
        """Of its times that carry no offset."""
        return self.profile.zone


class Routes:
    """All active feeds by sender. Replaced as a whole when the registry changes."""

    def __init__(self, routes: Mapping[tuple[str, str], Route] | None = None) -> None:
        self._routes = dict(routes or {})

    def find(self, application: str, facility: str, separator: str) -> Route | None:
        """The feed of the pair as written, else of its first components (MSH-3 and MSH-4 are HD since v2.3)."""
        route = self._routes.get((application, facility))
        if route is None:
            route = self._routes.get((application.split(separator, 1)[0], facility.split(separator, 1)[0]))
        return route

    def __len__(self) -> int:
        return len(self._routes)


def zone(name: str | None) -> tzinfo:
    """The zone of this name; UTC (said in the log) when it is not known here."""
    if not name or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        log.warning("this time zone is not known, times are read as UTC", extra={"zone": name})
        return UTC
