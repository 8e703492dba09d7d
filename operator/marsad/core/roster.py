"""Which facilities the center is told of, and as what.

center.json remembers: a facility whose declaration cannot be accepted any more stays there as it last was, until the
declaration is right again or the Facility is deleted. A slip of the pen must not silence a hospital that sends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from marsad.api.conditions import Reason
from marsad.api.facility import Facility, FacilitySpec, UnreadableFacility
from marsad.api.feeds import Feed, Transport
from marsad.api.model import Model, Resource
from marsad.core.outcome import Refused
from marsad.core.stamp import ours
from marsad.core.world import Observed
from marsad.core.zones import exists, missing

DOCUMENT, FILE = "center", "center.json"
"""The ConfigMap that tells the center what it is, and its one key."""

SERVED = frozenset(Transport)
"""What the gateway of this release listens to; a feed of another transport is left out."""

Claim = tuple[str, ...]
"""What only one facility may have: ("code", code), or ("sender", application, facility)."""


class ListedFeed(Model):
    """A feed as center.json lists it."""

    name: str
    sending_application: str
    sending_facility: str
    transport: str = Transport.MLLP


class Listed(Model):
    """A facility as center.json lists it: what the operator must know of it, and `told`, all that stands there.

    The whole is passed on unread: after a downgrade it may say more than this release understands.
    """

    name: str
    code: str
    feeds: tuple[ListedFeed, ...] = ()
    told: dict[str, Any]

    def dump(self) -> dict[str, Any]:
        """What stands there."""
        return self.told


Entry = FacilitySpec | Listed
"""A facility as the center knows it: as it is declared, or as it last was."""


@dataclass(frozen=True)
class Roster:
    """`entries`, by name of the Facility and in order of code, are what the center knows; `refused` says what speaks
    against a declaration. A facility that is in both is known as it last was."""

    entries: Mapping[str, Entry]
    refused: Mapping[str, Refused]


def roster(observed: Observed) -> Roster:
    """The roster of the world's facilities, found out once."""
    found: Roster | None = observed.memo.get("roster")
    if found is None:
        found = observed.memo["roster"] = draw_up(observed.facilities, lambda: listed(observed), observed.unreadable)
    return found


def listing(observed: Observed) -> list[dict[str, Any]]:
    """What center.json says of facilities: each as it is declared (or as it was), with the name of its Facility."""
    return [_told(name, entry.dump()) for name, entry in roster(observed).entries.items()]


def _told(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    told = {**entry, "name": name}
    if "feeds" in told:
        told["feeds"] = [feed for feed in told["feeds"] if feed.get("transport", Transport.MLLP) in SERVED]
    return told


def heard(entry: Entry) -> list[Feed | ListedFeed]:
    """The feeds of a facility that the gateway listens to."""
    return [feed for feed in entry.feeds if feed.transport in SERVED]


def listed(observed: Observed) -> dict[str, Listed]:
    """The facilities in the live center.json, by name; none where it is absent, not ours or cannot be read.

    What cannot be told apart from one before it is left out, so that no two have the same code or sender.
    """
    live = observed.get("", "ConfigMap", DOCUMENT)
    if live is None or not ours(live, observed.cluster):
        return {}
    try:
        told = [Listed.model_validate({**one, "told": one}) for one in json.loads(live["data"][FILE])["facilities"]]
    except (KeyError, TypeError, ValueError, ValidationError):
        return {}
    found: dict[str, Listed] = {}
    taken: set[Claim] = set()
    for one in told:
        if one.name not in found and taken.isdisjoint(claims := set(_claims(one))):
            found[one.name] = one
            taken |= claims
    return found


def draw_up(
    facilities: Iterable[Facility],
    last: Callable[[], Mapping[str, Listed]] = dict,
    unreadable: Iterable[UnreadableFacility] = (),
) -> Roster:
    """The roster of these Facilities; `last`, what the center was told before, is asked for only where it matters.

    A code or sender stays with the facility that has it; one that nobody had goes to the older Facility. One that is
    refused refuses no other, except by what it goes on having.
    """
    by_age = sorted(facilities, key=age)
    faults = {facility.name: fault for facility in by_age if (fault := _unknown_zone(facility)) is not None}
    faults |= {facility.name: Refused(Reason.INVALID, facility.fault) for facility in unreadable}
    found = _settle(by_age, faults, {})
    return _settle(by_age, faults, last()) if found.refused else found


def _settle(by_age: list[Facility], faults: Mapping[str, Refused], last: Mapping[str, Listed]) -> Roster:
    declared = {facility.name: facility.spec for facility in by_age}
    before = {name: one for name, one in last.items() if _is_still(one, declared.get(name), name in faults)}
    wanted = {name: tuple(_claims(spec)) for name, spec in declared.items()}
    had = {name: tuple(_claims(one)) for name, one in before.items()}
    refused = dict(faults)
    while True:  # one that falls back to what it had may stand in the way of another
        kept = {
            claim: name for name, claims in had.items() for claim in claims if name in refused or claim in wanted[name]
        }
        found = _clashes({name: claims for name, claims in wanted.items() if name not in refused}, kept)
        fallen = [name for name in found if name in before]
        if not fallen:
            break
        for name in [name for name in fallen if found[name][0] in kept] or fallen[:1]:  # what is certain goes first
            refused[name] = _refusal(*found[name])
    refused |= {name: _refusal(*clash) for name, clash in found.items()}
    told = {name: spec for name, spec in declared.items() if name not in refused}
    entries: dict[str, Entry] = {**told, **{name: one for name, one in before.items() if name in refused}}
    return Roster(dict(sorted(entries.items(), key=lambda item: item[1].code)), refused)


def _is_still(one: Listed, spec: FacilitySpec | None, faulty: bool) -> bool:
    """Whether that Facility exists: a code never changes, so one of the same name and another code is a new one."""
    return faulty if spec is None else spec.code == one.code


def _clashes(wanted: Mapping[str, tuple[Claim, ...]], kept: Mapping[Claim, str]) -> dict[str, tuple[Claim, str]]:
    """Who wants, in this order, what another keeps or took before them, and who that is."""
    taken, found = dict(kept), {}
    for name, claims in wanted.items():
        clash = next((claim for claim in claims if taken.get(claim, name) != name), None)
        if clash is None:
            taken.update(dict.fromkeys(claims, name))
        else:
            found[name] = (clash, taken[clash])
    return found


def _refusal(clash: Claim, holder: str) -> Refused:
    if clash[0] == "code":
        return Refused(Reason.CODE_TAKEN, f"Facility {holder} had the code {clash[1]} before.")
    return Refused(
        Reason.SENDER_TAKEN,
        f"Facility {holder} had the sender {clash[1]} of {clash[2]} before: a message could not be told apart.",
    )


def _claims(entry: Entry) -> Iterator[Claim]:
    yield "code", entry.code
    for feed in entry.feeds:
        yield "sender", feed.sending_application, feed.sending_facility


def age(resource: Resource) -> tuple[datetime, str]:
    """Sorts the oldest first; of two made in the same second, the one with the smaller uid."""
    return resource.metadata.creation_timestamp or datetime.min.replace(tzinfo=UTC), resource.metadata.uid


def _unknown_zone(facility: Facility) -> Refused | None:
    """That a feed's time zone does not exist, or None."""
    zones = ((feed.name, feed.time_zone) for feed in facility.spec.feeds if feed.time_zone is not None)
    faults = (missing(f"timeZone of feed {name}", zone) for name, zone in zones if not exists(zone))
    return next((Refused(Reason.INVALID, fault) for fault in faults), None)
