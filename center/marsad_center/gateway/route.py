"""Which feed a message belongs to: the sender's pair MSH-3, MSH-4 against the registry, and how the message came."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from marsad_center.gateway.certificate import Guard, Shown
from marsad_center.gateway.profile import DEFAULT, Profile

log = logging.getLogger(__name__)

Protocol = Literal["MLLP", "FHIR"]
PROTOCOLS: Mapping[str, Protocol] = {"MLLP": "MLLP", "MLLPS": "MLLP", "FHIR": "FHIR", "FHIRS": "FHIR"}
"""By a feed's transport. What is not here is a transport of a later release, and is heard over none."""
OVER_TLS = frozenset({"MLLPS", "FHIRS"})


class Road(NamedTuple):
    """How a message comes: by which protocol, and the certificate that its connection showed (None: without TLS)."""

    protocol: Protocol
    shown: Shown | None = None


_PLAIN_MLLP = Road("MLLP")


@dataclass(frozen=True, slots=True)
class Route:
    """An active feed: its row, its facility, how it writes, and by which protocol it comes.

    `guard`: what it asks of the certificate of a connection; None for a feed that comes in plain text. `feed`: its name
    within the facility, by which a batch makes sure that the row is this feed's in the database it goes to.
    """

    feed_id: int
    facility: str
    profile: Profile = DEFAULT
    protocol: Protocol = "MLLP"
    guard: Guard | None = None
    feed: str = ""

    @property
    def zone(self) -> tzinfo:
        """Of its times that carry no offset."""
        return self.profile.zone


class Routes:
    """All active feeds by sender, as what comes by `road` may speak for them (None: it was settled before that it may).
    Replaced as a whole when the registry changes."""

    def __init__(self, routes: Mapping[tuple[str, str], Route] | None = None, road: Road | None = _PLAIN_MLLP) -> None:
        self._routes = routes or {}
        self._road = road
        self._admitted: dict[tuple[str, str], Route] = {}  # found before: one look-up a message, with TLS or without

    def over(self, road: Road | None) -> Routes:
        """The same feeds, for what comes by this road."""
        return self if road == self._road else Routes(self._routes, road)

    def find(self, application: str, facility: str, separator: str) -> Route | None:
        """The feed of the pair that may be spoken for, or None."""
        pair = application, facility
        if (known := self._admitted.get(pair)) is not None:
            return known
        route = self._declared(application, facility, separator)
        if route is None or self._objection(route) is not None:
            return None
        if pair in self._routes:  # as declared; of others a sender could make up any number
            self._admitted[pair] = route
        return route

    def refusal(self, application: str, facility: str, separator: str) -> tuple[str, str]:
        """Why `find` gives none: a reason of PROFILE.md, and a sentence."""
        route = self._declared(application, facility, separator)
        nobody = "unknown-sender", "no feed is declared for MSH-3 and MSH-4"
        return nobody if route is None else self._objection(route) or nobody

    def _objection(self, route: Route) -> tuple[str, str] | None:
        """What speaks against this road to the feed, as `refusal` says it. A feed in plain text may come over TLS: it
        is no less guarded there, and can be moved before it is declared anew (ADR 0034)."""
        if self._road is None:
            return None
        declared = route.protocol if route.guard is None else f"{route.protocol} over TLS"
        if route.protocol != self._road.protocol:
            sentence = f"the feed is declared for {declared}, and this came over {self._road.protocol}"
            return "wrong-transport", f"{sentence}: what comes by both is declared as two feeds"
        if route.guard is None:
            return None
        if self._road.shown is None:
            sentence = f"the feed is declared for {declared}, and this connection is without"
            return "not-over-tls", f"{sentence}: use the port of TLS with the declared certificate"
        if not route.guard.admits(self._road.shown):
            return "wrong-certificate", "the feed is declared with another certificate than this connection showed"
        return None

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
