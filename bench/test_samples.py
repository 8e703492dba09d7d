"""What a benchmark prints follows from what it measured."""

from __future__ import annotations

import pytest

from bench.samples import Report, Samples, ratios

SECONDS = Samples("converge", "s", (3.0, 1.0, 2.5))


def test_a_row_shows_smallest_median_and_largest() -> None:
    assert SECONDS.row() == ("converge", "1.00", "2.50", "3.00", "s")


def test_figures_of_a_hundred_and_more_have_no_decimals() -> None:
    assert Samples("writes", "", (90, 902, 12345.6)).row()[1:4] == ("90.00", "902", "12,346")


def test_ratios_are_of_rounds_that_were_measured_next_to_each_other() -> None:
    floor = Samples("floor", "s", (1.0, 1.0, 0.5))
    ratio = ratios("ratio", SECONDS, floor)
    assert ratio.values == (3.0, 1.0, 5.0)
    assert ratio.median == 3.0, "the median of the ratios, which is not the ratio of the medians (2.5)"


def test_a_side_that_lacks_a_round_has_no_ratio() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios("ratio", SECONDS, Samples("floor", "s", (1.0, 1.0)))


def test_columns_stand_under_each_other_and_the_conclusion_comes_last() -> None:
    text = Report("Title", (SECONDS, Samples("a longer name", "MiB", (85.0, 1000.0, 86.0))), ("So it is.",)).text()
    assert text == (
        "Title\n"
        "\n"
        "                   min  median    max\n"
        "  converge        1.00    2.50   3.00  s\n"
        "  a longer name  85.00   86.00  1,000  MiB\n"
        "\n"
        "  So it is."
    )


def test_json_holds_every_round_besides_its_summary() -> None:
    assert Report("Title", (SECONDS,), ()).as_json()["samples"] == [
        {"name": "converge", "unit": "s", "values": [3.0, 1.0, 2.5], "min": 1.0, "median": 2.5, "max": 3.0}
    ]
