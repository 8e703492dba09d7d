"""Which kinds of facts messages tell."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from marsad_center.facts.events import Appointment, Bed, Document, Fact, Merge, Movement, OrderEvent, Vaccination
from marsad_center.facts.kinds import Told, bits, told

AT = datetime(2026, 11, 23, tzinfo=UTC)
SAID: dict[str, Any] = {"key": "1", "event_at": AT, "received_at": AT}


def order(kind: str, resulted_at: datetime | None) -> OrderEvent:
    said: dict[str, Any] = {each.name: "" for each in fields(OrderEvent)}
    return OrderEvent(**{**said, "kind": kind, "resulted_at": resulted_at})


@pytest.mark.parametrize(
    ("fact", "kinds"),
    [
        (Movement("V1", "P1", "A04", AT, AT), ["visits"]),
        (order("lab", None), ["orders"]),
        (order("lab", AT), ["lab"]),
        (order("radiology", AT), ["radiology"]),
        (order("other", AT), ["orders"]),
        (Appointment(**SAID), ["appointments"]),
        (Vaccination(**SAID), ["vaccinations"]),
        (Bed(**SAID), ["beds"]),
        (Document(**SAID), []),
        (Merge("P1", "P2", AT), []),
    ],
)
def test_a_fact_is_of_the_kind_that_figures_are_made_of(fact: Fact, kinds: list[Told]) -> None:
    assert told([fact]) == bits(kinds)


def test_a_message_tells_all_that_its_facts_tell() -> None:
    both: list[Fact] = [order("lab", AT), Movement("V1", "P1", "A04", AT, AT), order("lab", None)]
    assert told(both) == bits(["visits", "orders", "lab"])
    assert told([]) == 0


def test_no_two_kinds_share_a_bit() -> None:
    every = get_args(Told)
    assert bits(every) == 2 ** len(every) - 1
