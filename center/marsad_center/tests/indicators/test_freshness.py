"""Freshness: how events are aged, summed up, and what is said of a feed."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad_center.indicators.freshness import Bucket, age, bound, feed_state, stopped, summarise

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("sent", "received", "seconds", "origin"),
    [
        (ago(5), ago(1), 5.0, "live"),
        (ago(181), ago(1), 181.0, "live"),  # three minutes in the sender's queue
        (ago(3601), ago(1), 3601.0, "live"),
        (ago(3603), ago(1), 1.0, "backfill"),
        (datetime(2020, 5, 1, tzinfo=UTC), ago(2), 2.0, "backfill"),
        (ago(-30), ago(1), 1.0, "live"),  # half a minute ahead is no reason to be younger than its receipt
        (NOW + timedelta(hours=3), ago(3), 3.0, "skewed"),
    ],
)
def test_a_message_is_aged_from_its_own_time_unless_that_tells_nothing(sent, received, seconds, origin) -> None:
    assert age(sent, received, NOW, 120) == (seconds, origin)


@pytest.mark.parametrize("objective", [10, 120, 1800, 3600])
def test_a_message_can_be_late_for_every_objective_that_can_be_declared(objective: int) -> None:
    seconds, origin = age(ago(objective + 1), NOW, NOW, objective)
    assert (seconds > objective, origin) == (True, "live")


@given(st.floats(min_value=0, max_value=60_000))
def test_a_bucket_never_understates_and_overstates_by_a_quarter_at_most(seconds: float) -> None:
    upper = bound(seconds)
    assert seconds <= upper + 0.001
    assert upper <= max(0.1, seconds * 1.25 + 0.001)


def test_what_is_older_than_every_bound_still_has_a_bucket() -> None:
    assert bound(10_000_000) == math.inf


@given(st.lists(st.floats(min_value=0, max_value=50_000), min_size=1, max_size=200))
def test_percentiles_of_the_histogram_are_those_of_the_samples_within_a_bucket(samples: list[float]) -> None:
    summary = summarise(Bucket(bound(value), 1, value) for value in samples)
    exact = sorted(samples)[math.ceil(0.95 * len(samples)) - 1]
    assert summary.p95 is not None
    assert summary.largest == max(samples)
    assert exact - 0.001 <= summary.p95 <= max(0.1, exact * 1.25 + 0.001)
    assert summary.samples == len(samples)


def test_no_sample_is_no_percentile_and_not_zero() -> None:
    assert summarise([]).p95 is None


@pytest.mark.parametrize(
    ("last", "p95", "state"),
    [
        (None, None, "never"),
        (ago(10), 3.0, "live"),
        (ago(10), None, "live"),
        (ago(10), 121.0, "stale"),
        (ago(599), 3.0, "live"),
        (ago(601), 3.0, "stale"),
        (ago(1799), None, "stale"),
        (ago(1801), 3.0, "silent"),
    ],
)
def test_a_feed_is_what_its_objective_makes_of_it(last, p95, state) -> None:
    assert feed_state(last, last, p95, NOW, 120) == state


@pytest.mark.parametrize(
    ("received", "accepted", "state"),
    [
        (ago(1), None, "refused"),  # all that it ever sent
        (ago(700), None, "refused"),  # and it does not become less of an outage by sending seldom
        (ago(1), ago(599), "live"),  # something was accepted within ten minutes
        (ago(1), ago(601), "refused"),
        (ago(601), ago(602), "stale"),  # the last one before it went quiet was refused
        (ago(1700), ago(1801), "refused"),
        (ago(1801), None, "silent"),
    ],
)
def test_what_is_refused_is_no_sign_of_life(received, accepted, state) -> None:
    assert feed_state(received, accepted, None, NOW, 120) == state


def test_a_tighter_objective_finds_silence_sooner() -> None:
    assert feed_state(ago(200), ago(200), 1.0, NOW, 10) == "silent"


@pytest.mark.parametrize(
    ("computed_at", "objective", "is_so"),
    [(ago(44), 10, False), (ago(46), 10, True), (ago(100), 120, False), (ago(121), 120, True), (None, 120, True)],
)
def test_figures_have_stopped_after_the_objective_or_four_beats(computed_at, objective: int, is_so: bool) -> None:
    assert stopped(computed_at, NOW, objective) is is_so
