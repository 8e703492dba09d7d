"""The forecast of ED arrivals of one facility, whole."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marsad_center.forecast import arrivals
from marsad_center.forecast.hourly import local_hours, profile
from marsad_center.forecast.outlook import Forecast
from marsad_center.forecast.series import HOUR, Hours, days, midnight
from marsad_center.tests.forecast import synthetic

RIYADH, PARIS, KOLKATA = ZoneInfo("Asia/Riyadh"), ZoneInfo("Europe/Paris"), ZoneInfo("Asia/Kolkata")


@pytest.fixture(scope="module")
def made() -> tuple[Hours, datetime, Forecast, arrivals.Trained]:
    """Half a year, and some hours of a day that is not over."""
    whole = synthetic.arrivals(190)
    hours = replace(whole, values=whole.values[: 182 * 24 + 9])
    now = hours.end + timedelta(minutes=20)
    forecast, trained = arrivals.forecast("KAMC", hours, RIYADH, now)
    assert trained is not None
    return hours, now, forecast, trained


def test_the_next_hours_and_days_are_near_what_is_expected(
    made: tuple[Hours, datetime, Forecast, arrivals.Trained],
) -> None:
    hours, now, forecast, _ = made
    assert (forecast.state, forecast.reason, forecast.history_days) == ("ok", None, 182.0)
    first = len(hours.values) + 1  # of 09:20, the next full hour is 10:00
    assert [point.at for point in forecast.hours] == [hours.at(first + step) for step in range(48)]
    truth = [synthetic.expected(first + step) for step in range(48)]
    far = sum(abs(point.value - value) for point, value in zip(forecast.hours, truth, strict=True)) / sum(truth)
    assert far < 0.1
    assert forecast.total is not None
    assert forecast.total.at == forecast.hours[0].at
    assert forecast.total.value == pytest.approx(sum(point.value for point in forecast.hours[:24]))
    assert forecast.total.naive == pytest.approx(sum(point.naive for point in forecast.hours[:24]))
    assert [point.at.astimezone(RIYADH).date() for point in forecast.days] == [
        now.astimezone(RIYADH).date() + timedelta(days=step) for step in range(1, 8)
    ]
    for point in (*forecast.hours, *forecast.days, forecast.total):
        assert 0.0 <= point.low <= point.value <= point.high


def test_its_error_is_told_beside_that_of_the_floor(
    made: tuple[Hours, datetime, Forecast, arrivals.Trained],
) -> None:
    _, now, forecast, _ = made
    for grain in ("hour", "day"):
        quality = forecast.quality[grain]
        assert quality.model != "naive"
        assert (quality.origins, quality.trained_at) == (52, now)
        assert quality.wape is not None
        assert quality.naive_wape is not None
        assert quality.wape < quality.naive_wape
        assert quality.mase is not None
        assert quality.naive_mase is not None
        assert quality.mase < 0.85 < quality.naive_mase
        assert quality.coverage == pytest.approx(0.8, abs=0.03)


def test_the_floor_beside_each_hour_is_the_same_hour_a_week_before(
    made: tuple[Hours, datetime, Forecast, arrivals.Trained],
) -> None:
    hours, _, forecast, _ = made
    for point in forecast.hours:
        assert point.naive == hours.values[(point.at - hours.first) // HOUR - 168]


def test_what_was_trained_is_used_until_it_is_trained_anew(
    made: tuple[Hours, datetime, Forecast, arrivals.Trained],
) -> None:
    hours, now, forecast, trained = made
    later, kept = arrivals.forecast("KAMC", hours, RIYADH, now + 2 * HOUR, trained)
    assert kept is trained
    assert later.quality == forecast.quality
    assert later.hours[:46] != forecast.hours[:46]
    same = {point.at: point.value for point in later.hours}
    for point in forecast.hours[2:]:
        assert same[point.at] == pytest.approx(point.value)


def test_with_less_than_four_weeks_there_is_no_forecast_and_it_says_how_much_is_missing() -> None:
    hours = synthetic.arrivals(27)
    forecast, trained = arrivals.forecast("KAMC", hours, RIYADH, hours.end)
    assert (forecast.state, forecast.reason) == ("no-data", "history")
    assert (forecast.history_days, forecast.required_days) == (27.0, 28.0)
    assert (forecast.hours, forecast.days, forecast.total, forecast.quality, trained) == ((), (), None, {}, None)
    enough = synthetic.arrivals(28)
    forecast, _ = arrivals.forecast("KAMC", enough, RIYADH, enough.end)
    assert (forecast.state, forecast.quality["day"].origins, len(forecast.days)) == ("ok", 8, 7)


def test_a_facility_that_never_sent_anything_has_no_forecast() -> None:
    forecast, _ = arrivals.forecast("KAMC", Hours(synthetic.FIRST, ()), RIYADH, synthetic.FIRST)
    assert (forecast.state, forecast.reason, forecast.history_days) == ("no-data", "history", 0.0)


def test_a_history_that_ended_long_ago_gives_no_forecast() -> None:
    hours = synthetic.arrivals(60)
    soon, _ = arrivals.forecast("KAMC", hours, RIYADH, hours.end + timedelta(days=3))
    assert (soon.state, len(soon.hours), len(soon.days)) == ("ok", 48, 7)
    assert soon.hours[0].at == hours.end + timedelta(days=3, hours=1)
    late, _ = arrivals.forecast("KAMC", hours, RIYADH, hours.end + timedelta(days=6))
    assert (late.state, late.reason, late.hours) == ("no-data", "stale", ())


def test_an_emergency_department_that_nobody_comes_to_is_expected_to_stay_empty() -> None:
    hours = Hours(synthetic.FIRST, (0.0,) * 24 * 60)
    forecast, _ = arrivals.forecast("KAMC", hours, RIYADH, hours.end)
    assert forecast.quality["day"].model == "naive"
    assert (forecast.quality["day"].wape, forecast.quality["hour"].mase) == (None, None)
    assert {(point.value, point.naive) for point in forecast.hours} == {(0.0, 0.0)}


@settings(max_examples=15, deadline=None)
@given(
    week=st.lists(st.one_of(st.just(0.0), st.integers(0, 10**6).map(float)), min_size=168, max_size=168),
    days_known=st.sampled_from([28, 35, 44]),
    spike=st.floats(0, 10**7),
)
def test_whatever_was_counted_a_forecast_is_a_number_within_its_interval(
    week: list[float], days_known: int, spike: float
) -> None:
    values = (week * 7)[: days_known * 24]
    values[days_known * 12] = float(round(spike))
    forecast, _ = arrivals.forecast("KAMC", hours := Hours(synthetic.FIRST, tuple(values)), PARIS, hours.end)
    for point in (*forecast.hours, *forecast.days):
        assert all(math.isfinite(value) for value in (point.low, point.value, point.high, point.naive))
        assert 0.0 <= point.low <= point.value <= point.high


def test_hours_that_are_not_known_make_their_day_unknown_and_no_hole() -> None:
    whole = synthetic.arrivals(90)
    values: list[float | None] = list(whole.values)
    values[60 * 24 + 5 : 61 * 24 + 3] = [None] * 22
    holed = Hours(whole.first, tuple(values))
    found = days(holed, RIYADH)
    assert found is not None
    assert [index for index, count in enumerate(found.counts) if count is None] == [60, 61]
    forecast, _ = arrivals.forecast("KAMC", holed, RIYADH, holed.end)
    usual, _ = arrivals.forecast("KAMC", whole, RIYADH, whole.end)
    assert forecast.total is not None
    assert usual.total is not None
    assert forecast.total.value == pytest.approx(usual.total.value, rel=0.05)


def test_a_day_has_as_many_hours_as_it_has_where_clocks_change() -> None:
    start = midnight(date(2024, 3, 29), PARIS)
    hours = Hours(start, (1.0,) * 24 * 240)
    found = days(hours, PARIS)
    assert found is not None
    assert found.first == date(2024, 3, 29)
    counts = {found.on(index): count for index, count in enumerate(found.counts) if count != 24.0}
    assert counts == {date(2024, 3, 31): 23.0, date(2024, 10, 27): 25.0}
    shape = profile(hours, local_hours(hours, PARIS), len(hours.values))
    assert (len(shape.of(date(2025, 3, 30), PARIS)), len(shape.of(date(2025, 10, 26), PARIS))) == (23, 25)
    for day in (date(2025, 3, 30), date(2025, 3, 31), date(2025, 10, 26)):
        assert sum(shape.of(day, PARIS)) == pytest.approx(1.0)


def test_a_forecast_across_a_change_of_clocks_has_every_hour_once() -> None:
    begun = midnight(date(2024, 9, 1), PARIS)
    now = datetime(2024, 10, 26, 12, 30, tzinfo=UTC)  # clocks go back in the night that follows
    shift = (now - begun) // HOUR
    values = tuple(synthetic.expected(index) for index in range(shift))
    forecast, _ = arrivals.forecast("KAMC", Hours(begun, values), PARIS, now)
    first = datetime(2024, 10, 26, 13, tzinfo=UTC)
    assert [point.at for point in forecast.hours] == [first + step * HOUR for step in range(48)]
    assert [point.at for point in forecast.days[:2]] == [
        datetime(2024, 10, 26, 22, tzinfo=UTC),
        datetime(2024, 10, 27, 23, tzinfo=UTC),
    ]


def test_in_a_zone_that_is_half_an_hour_off_an_hour_belongs_to_the_day_in_which_it_starts() -> None:
    assert midnight(date(2024, 6, 2), KOLKATA) == datetime(2024, 6, 1, 19, tzinfo=UTC)
    hours = Hours(datetime(2024, 6, 1, 18, tzinfo=UTC), (1.0,) * 50)
    found = days(hours, KOLKATA)
    assert found is not None
    assert (found.first, found.counts, found.starts) == (date(2024, 6, 2), (24.0, 24.0), (1, 25))
