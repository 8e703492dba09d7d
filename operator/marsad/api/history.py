"""How long a center keeps the history of its figures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from marsad.api.model import Model, rule, rules


def _days(field: str, least: int, most: int, why: str) -> dict[str, object]:
    return rules(
        rule(f"self >= {least}", f"history.{field} must be at least {least}: {why}"),
        rule(f"self <= {most}", f"history.{field} must be at most {most}: the coarser series are for what is older"),
    )


class History(Model):
    """Days for which the series of figures are kept. What is older is dropped, a partition at a time, and cannot be
    had back: figures keep no patient's data, so the reason to shorten them is room."""

    minute_days: Annotated[
        int, Field(json_schema_extra=_days("minuteDays", 1, 366, "hours are made of minutes once they are over"))
    ] = 7
    """Days of the series by the minute."""
    hour_days: Annotated[
        int, Field(json_schema_extra=_days("hourDays", 62, 3660, "it is dropped by the month, and one is written"))
    ] = 396
    """Days of the series by the hour; the default is 13 months."""
    day_days: Annotated[
        int, Field(json_schema_extra=_days("dayDays", 731, 36525, "it is dropped by the year, and one is written"))
    ] = 3653
    """Days of the series by the day; the default is 10 years."""
