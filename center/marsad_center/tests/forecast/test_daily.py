"""Models of daily counts: known answers, gaps, zeros, and no look ahead."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marsad_center.forecast import backtest
from marsad_center.forecast.daily import AVERAGE, NAIVE, candidates, naive
from marsad_center.forecast.regression import LASTING, RECENT, regress
from marsad_center.forecast.series import since_reporting, without_gaps
from marsad_center.forecast.smoothing import smooth
from marsad_center.tests.forecast import synthetic

MONDAY = date(2024, 1, 1)
WEEK = [100.0, 110.0, 120.0, 130.0, 140.0, 160.0, 90.0]


def test_every_model_continues_a_week_that_repeats_itself() -> None:
    models = candidates(WEEK * 12, MONDAY, [84], 10)
    for name, ahead in models.items():
        assert ahead[84] == pytest.approx((WEEK * 2)[:10], rel=0.001), name


def test_the_regression_finds_the_rhythm_of_the_year_and_the_growth() -> None:
    def mean(index: int) -> float:
        day = (index % 365.25) / 365.25
        return math.exp(5.0 + 0.2 * index / 365.25 + 0.3 * math.sin(2 * math.pi * day)) * (1.2 if index % 7 == 2 else 1)

    counts = [mean(index) for index in range(807)]
    ahead = regress(counts[:800], MONDAY, [800], 7, LASTING)
    assert ahead[800] == pytest.approx(counts[800:], rel=0.01)


def test_smoothing_takes_up_a_new_level_within_weeks() -> None:
    counts = [100.0] * 100 + [150.0] * 40
    assert smooth(counts, [140], 3)[140] == pytest.approx([150.0] * 3, rel=0.02)


def test_days_without_a_report_do_not_pull_the_forecast_down() -> None:
    whole = synthetic.daily(200)
    reported = [0.0 if index in (150, 180, 199) else count for index, count in enumerate(whole)]
    missing = [None if index in (120, 190) else count for index, count in enumerate(reported)]
    for name, ahead in candidates(missing, MONDAY, [200], 7).items():
        if name != NAIVE:
            assert ahead[200] == pytest.approx(candidates(whole, MONDAY, [200], 7)[name][200], rel=0.06), name


def test_the_floor_takes_the_same_day_of_an_earlier_week_where_the_last_one_is_not_known() -> None:
    counts: list[float | None] = [*WEEK, *WEEK[:3], None, *WEEK[4:]]
    counts[4] = 7.0
    assert naive(counts, [14], 9, 7)[14] == [100.0, 110.0, 120.0, 130.0, 140.0, 160.0, 90.0, 100.0, 110.0]


def test_few_visitors_are_no_gap_and_nobody_at_all_is_a_forecast_of_nobody() -> None:
    few = [float(index % 3 == 0) for index in range(60)]
    assert without_gaps(few) == few
    for name, ahead in candidates([0.0] * 60, MONDAY, [60], 7).items():
        assert ahead[60] == pytest.approx([0.0] * 7, abs=1e-9), name
    assert all(0.0 <= value < 1.0 for value in candidates(few, MONDAY, [60], 7)[AVERAGE][60])


def test_a_fall_that_lasts_is_believed_after_three_weeks() -> None:
    counts = [100.0] * 60 + [20.0] * 60
    kept = without_gaps(counts)
    assert kept[60:80] == [None] * 20
    assert kept[85:] == [20.0] * 35
    assert smooth(kept, [120], 1)[120] == pytest.approx([20.0], rel=0.1)


def test_a_history_begins_with_regular_reports_and_not_with_single_old_visits() -> None:
    stray = [0.0, 1.0, *[0.0] * 200, 1.0, *[0.0] * 20]
    assert since_reporting([*stray, *[float(count or 0) for count in synthetic.daily(60)]]) == len(stray)
    assert since_reporting([]) == 0
    assert since_reporting([0.0] * 30) == 0


@settings(max_examples=15, deadline=None)
@given(
    later=st.lists(st.one_of(st.none(), st.floats(0, 500)), min_size=60, max_size=60),
    first=st.sampled_from([21, 63]),
)
def test_nothing_that_happens_after_an_origin_changes_its_forecast(later: list[float | None], first: int) -> None:
    """Of all models at once, from all origins up to the one after which everything is replaced."""
    counts = synthetic.daily(130)
    origins = list(range(first, 71, 7))
    before = candidates(counts, MONDAY, origins, 7)
    after = candidates([*counts[:70], *later], MONDAY, origins, 7)
    assert before == after


def test_an_added_origin_changes_no_other_ones_forecast() -> None:
    counts = synthetic.daily(130)
    alone = candidates(counts, MONDAY, [100], 7)
    among = candidates(counts, MONDAY, range(60, 124, 8), 7)
    for name, ahead in alone.items():
        assert ahead[100] == pytest.approx(among[name][100], rel=1e-4), name


def test_the_average_is_better_than_the_floor_where_chance_is_all_that_is_left() -> None:
    counts = synthetic.daily(400)
    origins = backtest.origins(400, 7, 14, 7)
    models = candidates(counts, MONDAY, origins, 7)
    scores = {name: backtest.score(counts, ahead, 7) for name, ahead in models.items()}
    # Of two independent draws the difference varies by the root of 2 as much as one draw about its mean.
    assert scores[AVERAGE].error / scores[NAIVE].error == pytest.approx(1 / math.sqrt(2), abs=0.06)


def test_recent_days_weigh_more_in_the_one_regression_than_in_the_other() -> None:
    counts = [100.0] * 150 + [140.0] * 28
    recent, lasting = regress(counts, MONDAY, [178], 1, RECENT)[178], regress(counts, MONDAY, [178], 1, LASTING)[178]
    assert recent[0] > 125 > 115 > lasting[0]
