"""Quantities are read as Kubernetes reads them, and written as it would rewrite them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad.core.quantity import BadQuantity, amount, cores, size


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"),
        ("2", "2"),
        ("1.5", "1.5"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("2M", "2e6"),
    ],
)
def test_a_quantity_is_read(text: str, number: str) -> None:
    assert amount(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "many", "1 Gi", "1GiB", "0x10", "1e999", "--1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(BadQuantity):
        amount(text)


@given(st.integers(1, 10**6))
def test_processors_are_written_canonically(thousandths: int) -> None:
    text = cores(Decimal(thousandths) / 1000)
    assert amount(text) == Decimal(thousandths) / 1000
    assert not text.endswith("000m")


@given(st.integers(1, 2**50))
def test_bytes_are_written_canonically(count: int) -> None:
    text = size(Decimal(count))
    assert amount(text) == count
    number = int(text.rstrip("KMGTPEi"))
    assert number % 1024 or not text.endswith("i") or text.endswith("Ei")
