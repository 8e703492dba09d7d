"""Languages of the dashboard and the display names written in them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from marsad.api.model import CONTROL, rule, rules


class Locale(StrEnum):
    """A language the dashboard speaks; Arabic is written right to left."""

    AR = "ar"
    EN = "en"
    FR = "fr"
    ZH = "zh"


_KNOWN = "[" + ", ".join(f"'{locale}'" for locale in Locale) + "]"

DisplayNames = Annotated[
    dict[str, str],
    Field(
        max_length=len(Locale) + 4,  # a few more than can be right, so that the sentence below is reached
        json_schema_extra=rules(
            rule("self.size() > 0", "displayNames needs a name in at least one locale"),
            rule(f"self.all(locale, locale in {_KNOWN})", "displayNames has an unknown locale: use ar, en, fr or zh"),
            rule(
                "self.all(locale, self[locale].size() > 0 && self[locale].size() <= 120)",
                "a display name has 1 to 120 characters",
            ),
            rule(
                f"self.all(locale, !self[locale].matches('{CONTROL}'))",
                "a display name is one line of text, without control characters",
            ),
            additionalProperties={"type": "string", "maxLength": 1024},
        ),
    ),
]
"""Locale to text."""
