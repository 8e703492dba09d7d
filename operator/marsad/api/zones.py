"""Time zones, as the IANA database names them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from marsad.api.model import rule, rules

UTC = "UTC"

TimeZone = Annotated[
    str,
    Field(
        max_length=64,
        json_schema_extra=rules(
            rule(
                "self.matches('^(UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z0-9_+-]*){1,2})$')",
                "a time zone is written as Continent/City as in the IANA database, such as Asia/Riyadh, or UTC",
            )
        ),
    ),
]
"""Whether the database has it is known to the operator, which refuses what it has not."""
