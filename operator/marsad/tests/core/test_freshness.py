"""Freshness is measured, an outage shows as staleness, and an idle cluster writes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad.api.conditions import ConditionStatus, Reason
from marsad.core.conditions import Finding
from marsad.core.freshness import coverage, freshness_status, judge_freshness, step
from marsad.core.world import Observed
from marsad.tests.core.worlds import cluster, facility, report, world

TWO = (facility("KFH"), facility("NOOR"))


def seen(*feeds: tuple[str, str, float | None], **known: Any) -> Observed:
    """A world in which the center told this of its two facilities."""
    return world(**{"facilities": TWO, "report": report(*feeds), **known})


def says(found: Finding, status: ConditionStatus, reason: Reason, *words: str) -> None:
    """Assert status, reason, and words of the message."""
    assert (found.status, found.reason) == (status, reason), found.message
    assert all(word in found.message for word in words)


def test_feeds_within_the_objective_keep_the_promise() -> None:
    observed = seen(("KFH", "live", 2.2), ("NOOR", "live", 4.9))
    says(judge_freshness(observed), ConditionStatus.TRUE, Reason.WITHIN_OBJECTIVE, "120")
    assert freshness_status(observed).display == "5s/120s"
    assert coverage(observed).coverage == "2/2"


def test_a_silent_feed_breaks_the_promise_although_the_others_keep_it() -> None:
    observed = seen(("KFH", "live", 2.2), ("NOOR", "silent", None))
    says(judge_freshness(observed), ConditionStatus.FALSE, Reason.FEEDS_SILENT, "NOOR/his")
    assert freshness_status(observed).silent_feeds == 1
    assert coverage(observed).coverage == "1/2"


def test_a_feed_that_only_sends_what_is_refused_does_not_report_and_breaks_the_promise() -> None:
    observed = seen(("KFH", "live", 2.2), ("NOOR", "refused", None))
    says(judge_freshness(observed), ConditionStatus.FALSE, Reason.FEEDS_REFUSED, "NOOR/his", "quarantine")
    assert coverage(observed).coverage == "1/2"


@pytest.mark.parametrize("late", [("NOOR", "stale", 3.0), ("NOOR", "live", 121.0)])
def test_a_late_feed_misses_the_objective(late: tuple[str, str, float]) -> None:
    found = judge_freshness(seen(("KFH", "live", 2.2), late))
    says(found, ConditionStatus.FALSE, Reason.OBJECTIVE_MISSED, "NOOR/his", "120 s")


def test_the_objective_is_the_one_that_is_declared() -> None:
    strict = cluster(freshness={"objectiveSeconds": 10})
    found = judge_freshness(replace(seen(("KFH", "live", 11.0)), cluster=strict))
    says(found, ConditionStatus.FALSE, Reason.OBJECTIVE_MISSED, "10 s")


def test_a_center_that_does_not_answer_is_unknown_and_never_healthy() -> None:
    observed = world(facilities=TWO)
    says(judge_freshness(observed), ConditionStatus.UNKNOWN, Reason.UNOBSERVABLE)
    assert coverage(observed).coverage == "?/2"
    assert coverage(observed).reporting is None
    assert freshness_status(observed).display == "?/120s"


def test_without_declared_feeds_there_is_no_promise_to_judge() -> None:
    mute = facility("KFH", feeds=[])
    says(judge_freshness(world(facilities=(mute,))), ConditionStatus.UNKNOWN, Reason.NO_FEEDS)


def test_feeds_that_were_never_heard_are_no_breach_and_no_success() -> None:
    says(judge_freshness(seen(("KFH", "never", None))), ConditionStatus.UNKNOWN, Reason.NO_FEEDS, "ever heard")
    found = judge_freshness(seen(("KFH", "live", 1.0), ("NOOR", "never", None)))
    says(found, ConditionStatus.TRUE, Reason.WITHIN_OBJECTIVE)


def test_a_feed_that_is_no_longer_declared_does_not_count() -> None:
    says(
        judge_freshness(seen(("KFH", "live", 1.0), ("GONE", "silent", None))),
        ConditionStatus.TRUE,
        Reason.WITHIN_OBJECTIVE,
    )


def test_a_facility_that_is_not_accepted_does_not_count() -> None:
    twin = facility("KFH", born="2026-03-01T09:00:00Z")
    observed = replace(seen(("KFH", "live", 1.0)), facilities=(TWO[0], twin))
    assert coverage(observed).coverage == "1/1"


def test_many_late_feeds_are_counted_rather_than_all_named() -> None:
    many = tuple(facility(f"H{at}") for at in range(9))
    observed = world(facilities=many, report=report(*((f"H{at}", "silent", None) for at in range(9))))
    assert judge_freshness(observed).message.endswith("and 4 more.")


@given(st.floats(0, 10**6))
def test_a_step_is_never_below_what_was_measured_and_there_are_few(seconds: float) -> None:
    assert step(seconds) >= seconds
    assert step(step(seconds)) == step(seconds)


def test_small_movements_of_an_idle_cluster_write_nothing() -> None:
    told = {freshness_status(seen(("KFH", "live", 20 + at / 10), ("NOOR", "live", 3.0))).display for at in range(1, 99)}
    assert told == {"30s/120s"}
