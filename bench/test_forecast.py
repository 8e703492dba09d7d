"""The accuracy that is promised, on the real counts it was promised for."""

from __future__ import annotations

import pytest

from bench import forecast


@pytest.mark.parametrize(("hospital", "floor"), [("puerto-montt", 0.099), ("frutillar", 0.196)])
def test_daily_arrivals_are_forecast_as_well_as_promised_and_far_better_than_the_floor(
    hospital: str, floor: float
) -> None:
    """Goals and floors: the project's requirements, measured on the same counts (seasonal naive 9.8 % and 19.5 %)."""
    outcome = forecast.evaluate(hospital)
    assert outcome.wape <= forecast.GOALS[hospital]
    assert outcome.floor == pytest.approx(floor, abs=0.001), "these are other days, or another floor"
    assert outcome.wape < 0.8 * outcome.floor
    assert outcome.reported < outcome.floor_reported
    assert outcome.coverage == pytest.approx(0.8, abs=0.06)


def test_the_counts_are_complete() -> None:
    first, values = forecast.counts("puerto-montt")
    assert (str(first), len(values), sum(value is None for value in values)) == ("2021-01-01", 1926, 4)
    _, values = forecast.counts("frutillar")
    assert (len(values), sum(value is None for value in values), sum(value == 0 for value in values)) == (1927, 77, 27)
