"""What a center says about its feeds, read with care: the answer may be anything."""

from __future__ import annotations

from typing import Any

import pytest

from marsad.core.world import FeedReport
from marsad.shell.report import parse


def test_feeds_are_read_in_order_and_what_was_never_measured_is_none() -> None:
    answer = [
        {"facility": "NOOR", "name": "lis", "state": "never", "freshnessSeconds": None},
        {"facility": "KFH", "feed": "his", "state": "live", "freshnessSeconds": {"p50": 1, "p95": 2.5, "max": 9}},
    ]
    assert parse(answer) == (FeedReport("KFH", "his", "live", 2.5), FeedReport("NOOR", "lis", "never", None))


@pytest.mark.parametrize("answer", [{}, "x", None, [{}], [{"facility": "KFH"}], ["x"]])
def test_anything_else_is_an_error_and_not_an_empty_center(answer: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        parse(answer)
