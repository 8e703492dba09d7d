"""Which facilities the center knows, and how each is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from marsad.api.conditions import ConditionStatus, Reason
from marsad.api.facility import Facility
from marsad.api.model import Condition
from marsad.core.facilities import accepted, facility_status, judge_facility
from marsad.core.world import Observed
from marsad.tests.core.worlds import NOW, cluster, facility, report, world

LATER = "2026-03-01T09:00:00Z"


def judged(one: Facility, observed: Observed | None) -> tuple[Condition, Condition]:
    """(Accepted, Connected)."""
    first, second = judge_facility(one, observed, NOW)
    return first, second


def says(condition: Condition, status: ConditionStatus, reason: Reason, *words: str) -> None:
    """Assert status, reason and words."""
    assert (condition.status, condition.reason) == (status, reason), condition.message
    assert all(word in condition.message for word in words)


def test_a_facility_of_a_center_is_accepted() -> None:
    one = facility()
    says(judged(one, world(facilities=(one,)))[0], ConditionStatus.TRUE, Reason.ACCEPTED, "makkah")


def test_a_feed_in_a_time_zone_that_does_not_exist_is_not_accepted() -> None:
    def in_zone(zone: str) -> Facility:
        feed = {"name": "lis", "sendingApplication": "LIS", "sendingFacility": "SFAC", "timeZone": zone}
        return facility(feeds=[feed])

    one, other = in_zone("Asia/Mecca"), facility(born=LATER)
    observed = world(facilities=(one, other))
    says(judged(one, observed)[0], ConditionStatus.FALSE, Reason.INVALID, "feed lis", "'Asia/Mecca'")
    assert accepted((one, other)) == (other,), "it keeps no other from its code"
    one = in_zone("Africa/Algiers")
    says(judged(one, world(facilities=(one,)))[0], ConditionStatus.TRUE, Reason.ACCEPTED)


def test_a_facility_without_a_center_waits_for_one() -> None:
    found = judged(facility(), None)
    says(found[0], ConditionStatus.FALSE, Reason.NO_HEALTH_CLUSTER, "makkah")
    says(found[1], ConditionStatus.FALSE, Reason.WAITING_FOR_STAGE)


def test_a_facility_of_a_refused_center_says_so() -> None:
    one = facility()
    found = judged(one, world(cluster(release="9.9.9"), facilities=(one,)))
    says(found[0], ConditionStatus.FALSE, Reason.NO_HEALTH_CLUSTER, "refused")


def test_of_two_facilities_with_one_code_the_older_stays() -> None:
    older, younger = facility(), facility(born=LATER, sender="OTHER")
    observed = world(facilities=(younger, older))
    says(judged(younger, observed)[0], ConditionStatus.FALSE, Reason.CODE_TAKEN, older.name)
    says(judged(older, observed)[0], ConditionStatus.TRUE, Reason.ACCEPTED)
    assert accepted(observed.facilities) == (older,)


def test_of_two_facilities_with_one_sender_the_older_stays() -> None:
    older, younger = facility("KFH", sender="SIMHOSP"), facility("NOOR", sender="SIMHOSP", born=LATER)
    observed = world(facilities=(younger, older))
    says(judged(younger, observed)[0], ConditionStatus.FALSE, Reason.SENDER_TAKEN, older.name, "SIMHOSP")
    assert accepted(observed.facilities) == (older,)


def test_a_refused_facility_refuses_no_other() -> None:
    first = facility("AAA", sender="X")
    second = facility("BBB", sender="X", born=LATER)
    third = facility("BBB", sender="Y", born="2026-03-01T10:00:00Z")
    assert accepted((third, second, first)) == (first, third)


def test_the_same_application_may_send_for_two_facilities() -> None:
    one = facility("KFH", sender="HIS")
    other = facility("NOOR", feeds=[{"name": "his", "sendingApplication": "HIS", "sendingFacility": "NOOR"}])
    assert accepted((one, other)) == (one, other)


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        ("live", ConditionStatus.TRUE, Reason.LIVE),
        ("stale", ConditionStatus.FALSE, Reason.STALE),
        ("silent", ConditionStatus.FALSE, Reason.FEEDS_SILENT),
        ("refused", ConditionStatus.FALSE, Reason.FEEDS_REFUSED),
        ("never", ConditionStatus.FALSE, Reason.NEVER_HEARD),
    ],
)
def test_connected_is_what_its_feeds_are(state: str, status: ConditionStatus, reason: Reason) -> None:
    one = facility()
    says(judged(one, world(facilities=(one,), report=report(("KFH", state, 1.0))))[1], status, reason)


def test_a_facility_the_center_has_not_heard_of_was_never_heard() -> None:
    one = facility()
    says(judged(one, world(facilities=(one,), report=report()))[1], ConditionStatus.FALSE, Reason.NEVER_HEARD, "his")


def test_a_center_that_does_not_answer_leaves_its_facilities_unknown() -> None:
    one = facility()
    says(judged(one, world(facilities=(one,)))[1], ConditionStatus.UNKNOWN, Reason.UNOBSERVABLE)


def test_a_facility_without_feeds_can_neither_be_connected_nor_not() -> None:
    one = facility(feeds=[])
    says(judged(one, world(facilities=(one,), report=report()))[1], ConditionStatus.UNKNOWN, Reason.NO_FEEDS)


def test_what_was_written_is_not_written_again() -> None:
    one = facility()
    observed = world(facilities=(one,), report=report(("KFH", "live", 1.0)))
    written: dict[str, Any] = facility_status(one, observed, NOW)
    again = one.model_validate(one.dump() | {"status": written})
    later = replace(observed, report=report(("KFH", "live", 1.7)), facilities=(again,))
    assert facility_status(again, later, NOW.replace(hour=20)) == again.status.dump()
