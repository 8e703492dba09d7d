"""FHIR R4's primitive formats (https://hl7.org/fhir/R4/datatypes.html#primitive), for the elements that are read.

Times stay text in the models: only the feed knows the zone of one without an offset.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CODE = re.compile(r"[^\s\x00-\x1f\x7f]+(\s[^\s\x00-\x1f\x7f]+)*")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)"
_DATE_TIME = re.compile(rf"\d{{4}}(?:-(?:0[1-9]|1[0-2]))?|{_DAY}(?:{_CLOCK})?", re.ASCII)
_INSTANT = re.compile(_DAY + _CLOCK, re.ASCII)


def is_id(text: str) -> bool:
    """Whether `text` can be the id of a resource."""
    return _ID.fullmatch(text) is not None


def _matching(pattern: re.Pattern[str], sentence: str) -> AfterValidator:
    def check(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise PydanticCustomError("fhir_format", sentence)
        return text

    return AfterValidator(check)


def _dated(text: str) -> str:
    if len(text) >= 10:
        try:
            _parse(text, UTC)
        except (ValueError, OverflowError):
            raise PydanticCustomError("fhir_format", "there is no such day") from None
    return text


def _plain(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("fhir_format", "it has control characters")
    return text


Text = Annotated[str, Field(max_length=10_000), AfterValidator(_plain)]
Id = Annotated[str, _matching(_ID, "an id has 1 to 64 letters, digits, dashes and dots")]
CodeText = Annotated[str, Field(max_length=250), _matching(_CODE, "a code has no spaces around it or doubled in it")]
Uri = Annotated[str, Field(max_length=2_000), _matching(re.compile(r"[^\s\x00-\x1f\x7f]*"), "a URI has no spaces")]
DateTime = Annotated[
    str,
    _matching(_DATE_TIME, "write a dateTime as 2026-11-23T10:15:00+03:00, or its day as 2026-11-23"),
    AfterValidator(_dated),
]
Instant = Annotated[
    str,
    _matching(_INSTANT, "write an instant to the second and with its offset, as 2026-11-23T10:15:00+03:00"),
    AfterValidator(_dated),
]
PositiveInt = Annotated[int, Field(gt=0, lt=2**31)]


def moment(text: str | None, zone: tzinfo) -> datetime | None:
    """A DateTime or Instant in UTC; a day begins at midnight in `zone`. None for nothing, a year or a month: too coarse
    for an event (as HL7 v2 times are, gateway/times.py)."""
    if text is None or len(text) < 10:
        return None
    return _parse(text, zone)


def _parse(text: str, zone: tzinfo) -> datetime:
    second = text[17:19] == "60"  # a leap second is the next one
    if second:
        text = f"{text[:17]}59{text[19:]}"
    found = datetime.fromisoformat(_six_digits(text))
    return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)


def _six_digits(text: str) -> str:
    """Microseconds are what there is: more digits are cut."""
    head, dot, rest = text.partition(".")
    if not dot:
        return text
    digits = re.match(r"\d+", rest, re.ASCII)
    assert digits is not None  # the formats above say so
    return f"{head}.{digits[0].ljust(6, '0')[:6]}{rest[digits.end() :]}"
