"""Thresholds of figures that are a health cluster's own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from marsad.api.model import Model, rule, rules


class Threshold(Model):
    """What a figure is held against in this health cluster, in place of the catalogue's; what is absent stays."""

    id: Annotated[
        str,
        Field(
            max_length=63,
            json_schema_extra=rules(
                rule(
                    "self.matches('^[a-z][a-z0-9_]*([.][a-z0-9_]+)+$')",
                    "an indicator is named as in the catalogue, such as ed.occupancy",
                )
            ),
        ),
    ]
    """The indicator's identifier, such as ed.occupancy."""
    target: float | None = None
    """What should be reached, in the indicator's unit: a share from 0 to 1, seconds, or a count."""
    ok: float | None = None
    """The last value that is well."""
    watch: float | None = None
    """The last value that is only watched; beyond it is a breach."""
