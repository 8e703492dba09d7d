"""Admission lets every time zone through that the operator then knows."""

from __future__ import annotations

import re
from zoneinfo import available_timezones

import pytest

from marsad.api.healthcluster import HealthClusterSpec
from marsad.api.model import RULES


def written() -> re.Pattern[str]:
    """How admission wants a time zone written."""
    (rule,) = HealthClusterSpec.model_json_schema(by_alias=True)["properties"]["timeZone"][RULES]
    found = re.fullmatch(r"self\.matches\('(.*)'\)", rule["rule"])
    assert found
    return re.compile(found[1])


def test_every_zone_of_the_database_can_be_declared() -> None:
    names = [name for name in available_timezones() if "/" in name] + ["UTC"]
    assert len(names) > 400
    pattern = written()
    assert [name for name in names if not pattern.search(name)] == []


@pytest.mark.parametrize(
    "name", ["", "+03:00", "GMT+3", "Riyadh", "asia/riyadh", "../etc/passwd", "/Asia/Riyadh", "Asia/"]
)
def test_what_is_no_name_of_a_zone_is_not_let_through(name: str) -> None:
    assert not written().search(name)
