"""The forecast of occupied beds of one facility."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marsad_center.forecast import occupancy
from marsad_center.forecast.hourly import local_hours
from marsad_center.forecast.series import HOUR, Hours
from marsad_center.tests.forecast import synthetic

RIYADH = ZoneInfo("Asia/Riyadh")


def test_the_next_two_days_are_better_known_than_by_looking_at_yesterday() -> None:
    hours = synthetic.beds(100)
    forecast, _ = occupancy.forecast("KAMC", hours, RIYADH, hours.end + timedelta(minutes=5))
    assert (forecast.state, forecast.days, forecast.total) == ("ok", (), None)
    assert [point.at for point in forecast.hours] == [hours.end + step * HOUR for step in range(1, 49)]
    quality = forecast.quality["hour"]
    assert quality.origins == 52
    assert quality.wape is not None
    assert quality.naive_wape is not None
    assert quality.wape < 0.75 * quality.naive_wape
    near, far = forecast.hours[0], forecast.hours[-1]
    assert near.low <= near.value <= near.high
    assert far.high - far.low > near.high - near.low
    assert near.naive == hours.values[len(hours.values) + 1 - 24]


def test_where_nothing_is_better_than_the_floor_the_floor_is_used_and_named() -> None:
    rhythm = [100.0 + 3.0 * (hour % 24) for hour in range(40 * 24)]  # every day alike
    hours = Hours(synthetic.FIRST, tuple(rhythm))
    forecast, _ = occupancy.forecast("KAMC", hours, RIYADH, hours.end)
    assert forecast.quality["hour"].model == "naive"
    assert all(point.value == point.naive for point in forecast.hours)


def test_beds_need_four_weeks_and_messages_of_the_last_day() -> None:
    short = synthetic.beds(27)
    forecast, _ = occupancy.forecast("KAMC", short, RIYADH, short.end)
    assert (forecast.state, forecast.reason, forecast.history_days, forecast.hours) == ("no-data", "history", 27.0, ())
    hours = synthetic.beds(28)
    assert occupancy.forecast("KAMC", hours, RIYADH, hours.end)[0].state == "ok"
    late, _ = occupancy.forecast("KAMC", hours, RIYADH, hours.end + timedelta(hours=23, minutes=59))
    assert (late.state, late.hours[0].at) == ("ok", hours.end + 24 * HOUR)
    stale, _ = occupancy.forecast("KAMC", hours, RIYADH, hours.end + timedelta(hours=25))
    assert (stale.state, stale.reason) == ("no-data", "stale")


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 300))
def test_nothing_that_happens_after_an_origin_changes_its_forecast(later: int) -> None:
    hours = synthetic.beds(40)
    known = 30 * 24
    other = Hours(hours.first, (*hours.values[:known], *[float(later)] * (10 * 24)))
    origins = [known - 200, known - 77, known]
    local = local_hours(hours, RIYADH, 72)
    assert occupancy.candidates(hours, local, origins, 72) == occupancy.candidates(other, local, origins, 72)


def test_four_in_five_values_of_a_later_time_come_to_lie_in_the_interval() -> None:
    inside = total = 0
    for seed in range(6):
        hours = synthetic.beds(110, seed=seed)
        trained = None
        for day in range(95, 107, 3):
            past = Hours(hours.first, hours.values[: day * 24])
            forecast, trained = occupancy.forecast("KAMC", past, RIYADH, past.end, trained)
            for point in forecast.hours:
                truth = hours.values[(point.at - hours.first) // HOUR]
                assert truth is not None
                inside += point.low <= truth <= point.high
                total += 1
    assert inside / total == pytest.approx(0.8, abs=0.1)
