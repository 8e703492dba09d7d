"""Kubernetes quantities as numbers, and numbers as the canonical text to which the API server would rewrite them."""

from __future__ import annotations

import re
from decimal import Decimal

_SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}  # fmt: skip
_FORM = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([eE][+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i)?)")

KIB, MIB, GIB = 2**10, 2**20, 2**30


class BadQuantity(ValueError):
    """A text is no Kubernetes quantity."""


def amount(text: str) -> Decimal:
    """The number a quantity stands for: cores, or bytes. Raises BadQuantity."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadQuantity(f"{text!r} is not a quantity such as 500m or 512Mi")
    number, exponent, suffix = found.groups()
    return Decimal(number + exponent) if exponent else Decimal(number) * _SUFFIXES[suffix or ""]


def cores(number: Decimal) -> str:
    """Processors, rounded up to a thousandth: `250m`, `2`."""
    thousandths = -int(-number * 1000 // 1)
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def size(number: Decimal) -> str:
    """Bytes, rounded up, with the largest binary suffix that leaves a whole number: `512Mi`, `3Gi`."""
    count = -int(-number // 1)
    for suffix in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
        unit = int(_SUFFIXES[suffix])
        if count >= unit and count % unit == 0:
            return f"{count // unit}{suffix}"
    return str(count)
