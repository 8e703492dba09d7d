"""How each Facility is: whether its declaration is accepted, and whether its feeds send."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marsad.api.conditions import ConditionType, Reason
from marsad.api.facility import AnyFacility, FacilityStatus
from marsad.api.feeds import Transport
from marsad.api.model import Condition
from marsad.core.acceptance import refusal
from marsad.core.certificates import declared
from marsad.core.conditions import Finding, dated
from marsad.core.roster import SERVED, Entry, heard, roster
from marsad.core.world import FeedReport, Observed

LIVE, STALE, REFUSED, SILENT, NEVER = "live", "stale", "refused", "silent", "never"
"""States of a feed, as the center's /api/v1/feeds tells them."""


def reports(entry: Entry, observed: Observed) -> tuple[FeedReport, ...] | None:
    """What the center tells of the feeds of a facility that it hears, or None when it does not answer."""
    if observed.report is None:
        return None
    told = {(feed.facility, feed.feed): feed for feed in observed.report.feeds}
    return tuple(
        told.get((entry.code, feed.name)) or FeedReport(entry.code, feed.name, NEVER, None) for feed in heard(entry)
    )


def judge_facility(facility: AnyFacility, observed: Observed | None, now: datetime) -> tuple[Condition, ...]:
    """Accepted and Connected. `observed` is the world of the HealthCluster of its namespace, or None without one."""
    found = (_accepted(facility, observed), _connected(facility, observed))
    return dated(found, facility.status.conditions, facility.generation, now)


def _accepted(facility: AnyFacility, observed: Observed | None) -> Finding:
    kind, where = ConditionType.ACCEPTED, f"in namespace {facility.namespace}"
    if observed is None:
        return Finding.false(kind, Reason.NO_HEALTH_CLUSTER, f"There is no HealthCluster {where}.")
    if (refused := refusal(observed)) is not None:
        message = f"The HealthCluster {where} is refused: {refused.message}"
        return Finding.false(kind, Reason.NO_HEALTH_CLUSTER, message)
    known = roster(observed)
    if (against := known.refused.get(facility.name)) is not None:
        still = " Until that is mended, the center knows the facility as it last was." * (
            facility.name in known.entries
        )
        return Finding.false(kind, against.reason, against.message + still)
    return Finding.true(kind, Reason.ACCEPTED, f"Part of the center of {observed.cluster.name}.")


def _connected(facility: AnyFacility, observed: Observed | None) -> Finding:  # noqa: PLR0911 (one return a reason)
    kind = ConditionType.CONNECTED
    if observed is None or (entry := roster(observed).entries.get(facility.name)) is None:
        return Finding.false(kind, Reason.WAITING_FOR_STAGE, "The facility is not accepted.")
    if not entry.feeds:
        return Finding.unknown(kind, Reason.NO_FEEDS, "The facility declares no feed.")
    left_out = [f"{feed.name} ({feed.transport})" for feed in entry.feeds if feed.transport not in SERVED]
    feeds = reports(entry, observed) if heard(entry) else ()
    if feeds is None:
        return Finding.unknown(kind, Reason.UNOBSERVABLE, "The center did not answer about its feeds.")
    by_state = {
        state: [feed.feed for feed in feeds if feed.state == state] for state in (SILENT, REFUSED, STALE, NEVER)
    }
    if by_state[SILENT]:
        return Finding.false(kind, Reason.FEEDS_SILENT, f"Silent: {', '.join(by_state[SILENT])}.")
    if by_state[REFUSED]:
        message = f"All that is sent is refused: {', '.join(by_state[REFUSED])}. The quarantine says why."
        return Finding.false(kind, Reason.FEEDS_REFUSED, message)
    if left_out:
        message = f"Release {observed.platform.release} does not listen to {', '.join(left_out)}: "
        return Finding.false(kind, Reason.NOT_IN_RELEASE, message + "declare what it has, or upgrade the operator.")
    over_tls = [feed.name for feed in heard(entry) if feed.transport in (Transport.MLLPS, Transport.FHIRS)]
    if over_tls and declared(observed) is None:
        message = f"The HealthCluster does not listen over TLS for {', '.join(over_tls)}: declare "
        return Finding.false(kind, Reason.TLS_NOT_DECLARED, message + "spec.pipelines.hl7.tls there.")
    over_fhir = [feed.name for feed in heard(entry) if feed.transport in (Transport.FHIR, Transport.FHIRS)]
    if over_fhir and not observed.cluster.spec.pipelines.fhir.enabled:
        message = f"The HealthCluster takes no FHIR from {', '.join(over_fhir)}: set spec.pipelines.fhir.enabled there."
        return Finding.false(kind, Reason.FHIR_NOT_ENABLED, message)
    if len(by_state[NEVER]) == len(feeds):
        return Finding.false(kind, Reason.NEVER_HEARD, f"Nothing was ever accepted from {', '.join(by_state[NEVER])}.")
    if by_state[STALE]:
        return Finding.false(kind, Reason.STALE, f"Later than the objective: {', '.join(by_state[STALE])}.")
    if by_state[NEVER]:
        return Finding.false(kind, Reason.NEVER_HEARD, f"Nothing was ever accepted from {', '.join(by_state[NEVER])}.")
    return Finding.true(kind, Reason.LIVE, "Every feed sends.")


def facility_status(facility: AnyFacility, observed: Observed | None, now: datetime) -> dict[str, Any]:
    """The whole status; write it only when it is other than `facility.status.dump()`."""
    conditions = judge_facility(facility, observed, now)
    return FacilityStatus(observed_generation=facility.generation, conditions=conditions).dump()
