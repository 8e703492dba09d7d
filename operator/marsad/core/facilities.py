"""Facilities: which of them the center knows, and how each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from marsad.api.conditions import ConditionType, Reason
from marsad.api.facility import Facility, FacilityStatus
from marsad.api.model import Condition, Resource
from marsad.core.acceptance import refusal
from marsad.core.conditions import Finding, dated
from marsad.core.outcome import Refused
from marsad.core.world import FeedReport, Observed
from marsad.core.zones import exists, missing

LIVE, STALE, REFUSED, SILENT, NEVER = "live", "stale", "refused", "silent", "never"
"""States of a feed, as the center's /api/v1/feeds tells them."""


def age(resource: Resource) -> tuple[datetime, str]:
    """Sorts the oldest first; of two made in the same second, the one with the smaller uid."""
    return resource.metadata.creation_timestamp or datetime.min.replace(tzinfo=UTC), resource.metadata.uid


def accepted(facilities: Iterable[Facility]) -> tuple[Facility, ...]:
    """The facilities that the center knows, by code: of two with the same code or sender, the older one."""
    facilities = tuple(facilities)
    refused = contradictions(facilities)
    known = (facility for facility in facilities if facility.name not in refused)
    return tuple(sorted(known, key=lambda facility: facility.spec.code))


def contradictions(facilities: Iterable[Facility]) -> dict[str, Refused]:
    """What speaks against a facility among those of its namespace, by name.

    The older one wins; one that is refused refuses no other.
    """
    refused: dict[str, Refused] = {}
    codes: dict[str, str] = {}  # code to name of the facility that has it
    senders: dict[tuple[str, str], str] = {}
    for facility in sorted(facilities, key=age):
        sent = [(feed.sending_application, feed.sending_facility) for feed in facility.spec.feeds]
        clash = next((sender for sender in sent if sender in senders), None)
        if (unknown := _unknown_zone(facility)) is not None:
            refused[facility.name] = Refused(Reason.INVALID, unknown)
        elif (holder := codes.get(facility.spec.code)) is not None:
            message = f"Facility {holder} is older and has the code {facility.spec.code} too."
            refused[facility.name] = Refused(Reason.CODE_TAKEN, message)
        elif clash is not None:
            message = f"Facility {senders[clash]} is older and declares the sender {clash[0]} of {clash[1]} too: "
            message += "a message could not be told apart."
            refused[facility.name] = Refused(Reason.SENDER_TAKEN, message)
        else:
            codes[facility.spec.code] = facility.name
            senders |= dict.fromkeys(sent, facility.name)
    return refused


def _unknown_zone(facility: Facility) -> str | None:
    """That a feed's time zone does not exist, or None."""
    zones = ((feed.name, feed.time_zone) for feed in facility.spec.feeds if feed.time_zone is not None)
    return next((missing(f"timeZone of feed {name}", zone) for name, zone in zones if not exists(zone)), None)


def clashes(observed: Observed) -> Mapping[str, Refused]:
    """`contradictions` of the world's facilities, found out once."""
    found: Mapping[str, Refused] | None = observed.memo.get("clashes")
    if found is None:
        found = observed.memo["clashes"] = contradictions(observed.facilities)
    return found


def reports(facility: Facility, observed: Observed) -> tuple[FeedReport, ...] | None:
    """What the center tells of the facility's declared feeds, or None when it does not answer."""
    if observed.report is None:
        return None
    told = {(feed.facility, feed.feed): feed for feed in observed.report.feeds}
    return tuple(
        told.get((facility.spec.code, feed.name)) or FeedReport(facility.spec.code, feed.name, NEVER, None)
        for feed in facility.spec.feeds
    )


def judge_facility(facility: Facility, observed: Observed | None, now: datetime) -> tuple[Condition, ...]:
    """Accepted and Connected. `observed` is the world of the HealthCluster of its namespace, or None without one."""
    found = (_accepted(facility, observed), _connected(facility, observed))
    return dated(found, facility.status.conditions, facility.generation, now)


def _accepted(facility: Facility, observed: Observed | None) -> Finding:
    where = f"in namespace {facility.namespace}"
    if observed is None:
        return Finding.false(ConditionType.ACCEPTED, Reason.NO_HEALTH_CLUSTER, f"There is no HealthCluster {where}.")
    if (refused := refusal(observed)) is not None:
        return Finding.false(
            ConditionType.ACCEPTED, Reason.NO_HEALTH_CLUSTER, f"The HealthCluster {where} is refused: {refused.message}"
        )
    if (clash := clashes(observed).get(facility.name)) is not None:
        return Finding.false(ConditionType.ACCEPTED, clash.reason, clash.message)
    return Finding.true(ConditionType.ACCEPTED, Reason.ACCEPTED, f"Part of the center of {observed.cluster.name}.")


def _connected(facility: Facility, observed: Observed | None) -> Finding:  # noqa: PLR0911 (one return a reason)
    kind = ConditionType.CONNECTED
    if not facility.spec.feeds:
        return Finding.unknown(kind, Reason.NO_FEEDS, "The facility declares no feed.")
    known = observed is not None and facility.name not in clashes(observed)
    feeds = reports(facility, observed) if observed is not None and known else ()
    if feeds is None:
        return Finding.unknown(kind, Reason.UNOBSERVABLE, "The center did not answer about its feeds.")
    if not feeds:
        return Finding.false(kind, Reason.WAITING_FOR_STAGE, "The facility is not accepted.")
    by_state = {
        state: [feed.feed for feed in feeds if feed.state == state] for state in (SILENT, REFUSED, STALE, NEVER)
    }
    if by_state[SILENT]:
        return Finding.false(kind, Reason.FEEDS_SILENT, f"Silent: {', '.join(by_state[SILENT])}.")
    if by_state[REFUSED]:
        message = f"All that is sent is refused: {', '.join(by_state[REFUSED])}. The quarantine says why."
        return Finding.false(kind, Reason.FEEDS_REFUSED, message)
    if len(by_state[NEVER]) == len(feeds):
        return Finding.false(kind, Reason.NEVER_HEARD, f"Nothing was ever accepted from {', '.join(by_state[NEVER])}.")
    if by_state[STALE]:
        return Finding.false(kind, Reason.STALE, f"Later than the objective: {', '.join(by_state[STALE])}.")
    if by_state[NEVER]:
        return Finding.false(kind, Reason.NEVER_HEARD, f"Nothing was ever accepted from {', '.join(by_state[NEVER])}.")
    return Finding.true(kind, Reason.LIVE, "Every feed sends.")


def facility_status(facility: Facility, observed: Observed | None, now: datetime) -> dict[str, Any]:
    """The whole status; write it only when it is other than `facility.status.dump()`."""
    conditions = judge_facility(facility, observed, now)
    return FacilityStatus(observed_generation=facility.generation, conditions=conditions).dump()
