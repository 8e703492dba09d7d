"""Which feed a message belongs to: the sender's pair MSH-3, MSH-4 against the registry."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from marsad_center.gateway.certificate import Guard, Shown
from marsad_center.gateway.profile import DEFAULT, Profile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """An active feed: its row, its facility, and how it writes.

    `guard`: what it asks of the certificate of a connection; None for a feed that comes in plain text. `feed`: its name
    within the facility, by which a batch makes sure that the row is this feed's in the database it goes to.
    """

    feed_id: int
    facility: str
    profile: Profile = DEFAULT
    guard: Guard | None = None
    feed: str = ""

    @property
    def zone(self) -> tzinfo:
        """Of its times that carry no offset."""
        return self.profile.zone


class Routes:
    """All active feeds by sender, as a connection that showed `shown` (None: without TLS) may speak for them. Replaced
    as a whole when the registry changes."""

    def __init__(self, routes: Mapping[tuple[str, str], Route] | None = None, shown: Shown | None = None) -> None:
        self._routes = routes or {}
        self._shown = shown
        self._admitted: dict[tuple[str, str], Route] = {}  # found before: one look-up a message, with TLS or without

    def seen_by(self, shown: Shown | None) -> Routes:
        """The same feeds, for a connection that showed this."""
        return Routes(self._routes, shown)

    def find(self, application: str, facility: str, separator: str) -> Route | None:
        """The feed of the pair that this connection may speak for, or None."""
        pair = application, facility
        if (known := self._admitted.get(pair)) is not None:
            return known
        route = self._declared(application, facility, separator)
        if route is None or (route.guard is not None and (self._shown is None or not route.guard.admits(self._shown))):
            return None
        if pair in self._routes:  # as declared; of others a sender could make up any number
            self._admitted[pair] = route
        return route

    def refusal(self, application: str, facility: str, separator: str) -> tuple[str, str]:
        """Why `find` gives none: a reason of PROFILE.md, and a sentence."""
        if self._declared(application, facility, separator) is None:
            return "unknown-sender", "no feed is declared for MSH-3 and MSH-4"
        if self._shown is None:
            return "not-over-tls", "the feed is declared for MLLP over TLS, and this connection is without"
        return "wrong-certificate", "the feed is declared with another certificate than this connection showed"

    def _declared(self, application: str, facility: str, separator: str) -> Route | None:
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
