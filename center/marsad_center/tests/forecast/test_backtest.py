"""Errors of the past, intervals made of them, and the choice between models."""

from __future__ import annotations

import math
import random

import pytest

from marsad_center.forecast import backtest
from marsad_center.forecast.backtest import Score


def test_errors_are_what_their_formulas_say() -> None:
    actual = [10.0, 20.0, 14.0, 16.0, 30.0, None, 20.0]
    found = backtest.score(actual, {4: [26.0, 99.0, 21.0]}, season=2)
    assert found.error == pytest.approx((4 + 1) / 2)
    assert found.wape == pytest.approx(5 / 50)
    # Before the origin, the values two steps apart differ by 4 and 4.
    assert found.mase == pytest.approx((4 / 4 + 1 / 4) / 2)


def test_no_division_by_zero_passes_for_an_error_of_zero() -> None:
    nobody = backtest.score([0.0] * 20, {14: [0.0] * 3}, season=7)
    assert (nobody.error, nobody.wape, nobody.mase) == (0.0, None, None)
    unknown = backtest.score([None] * 20, {14: [1.0] * 3}, season=7)
    assert (unknown.error, unknown.wape, unknown.mase) == (math.inf, None, None)


def test_the_floor_is_used_unless_a_model_is_better() -> None:
    def scores(naive: float, average: float) -> dict[str, Score]:
        return {"naive": Score(naive, None, None), "average": Score(average, None, None)}

    assert backtest.choose(scores(2.0, 1.9)) == "average"
    assert backtest.choose(scores(2.0, 2.0)) == "naive"
    assert backtest.choose(scores(2.0, 2.1)) == "naive"


def test_origins_are_a_week_apart_where_there_is_enough_history_and_closer_where_there_is_not() -> None:
    long = backtest.origins(800, 7, 14, 7)
    assert (len(long), long[-1], long[1] - long[0]) == (52, 793, 7)
    short = backtest.origins(60, 7, 14, 7)
    assert (short[0], short[-1], short[1] - short[0]) == (14, 53, 1)
    assert backtest.origins(28, 7, 14, 7) == list(range(14, 22))


@pytest.mark.parametrize("rooted", [True, False])
def test_four_in_five_values_come_to_lie_in_the_interval(rooted: bool) -> None:
    chance = random.Random(7)
    actual = [chance.gauss(100.0, 10.0) for _ in range(3000)]
    ahead = {origin: [100.0] * 5 for origin in range(0, 1500, 5)}
    interval = backtest.spread(actual, ahead, 5, rooted=rooted)
    low, high = interval.around(100.0, 0)
    inside = sum(low <= value <= high for value in actual[1500:]) / 1500
    assert inside == pytest.approx(0.8, abs=0.03)
    assert [low, high] == pytest.approx([100 - 12.8, 100 + 12.8], abs=1.5)


def test_an_interval_that_was_too_narrow_for_what_came_next_is_widened_and_never_narrowed() -> None:
    chance = random.Random(7)
    calm = [chance.gauss(100.0, 10.0) for _ in range(600)]
    ahead = {origin: [100.0] * 5 for origin in range(0, 600, 5)}
    found, inside = backtest.interval(calm, ahead, 5, rooted=True)
    assert inside == pytest.approx(0.8, abs=0.03)
    assert found.around(100.0, 0) == pytest.approx(
        backtest.spread(calm, ahead, 5, rooted=True).around(100.0, 0), rel=0.03
    )
    # What is off for days on end: from few origins the errors look smaller than those that are to come.
    drift, slow = 0.0, []
    for _ in range(600):
        drift = 0.98 * drift + chance.gauss(0.0, 3.0)
        slow.append(100.0 + drift)
    ahead = {origin: [100.0] * 20 for origin in range(0, 580, 20)}
    wide, inside = backtest.interval(slow, ahead, 20, rooted=True)
    assert inside is not None
    assert inside >= 0.8
    low, high = wide.around(100.0, 0)
    narrow_low, narrow_high = backtest.spread(slow, ahead, 20, rooted=True).around(100.0, 0)
    assert low <= narrow_low < narrow_high <= high
    assert backtest.interval(calm, {0: [100.0] * 5}, 5, rooted=True)[1] is None


def test_an_interval_widens_with_the_distance_and_holds_its_value_and_never_falls_below_zero() -> None:
    actual = [0.0, 1.0, -1.0, 5.0, -5.0] * 40
    ahead = {origin: [0.0] * 5 for origin in range(0, 200, 5)}
    interval = backtest.spread(actual, ahead, 3, rooted=False)
    assert interval.around(50.0, 1) == (49.0, 51.0)
    assert interval.around(50.0, 4) == (45.0, 55.0)
    assert interval.around(50.0, 99) == (45.0, 55.0)
    assert interval.around(2.0, 4) == (0.0, 7.0)
    always_above = backtest.spread([9.0] * 20, {origin: [4.0] for origin in range(20)}, 1, rooted=False)
    assert always_above.around(10.0, 0) == (10.0, 15.0)
