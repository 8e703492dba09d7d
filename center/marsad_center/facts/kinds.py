"""Which kinds of facts figures are made of, and which of them a message tells: that says whose silence matters to
a figure. What a feed ever told is kept as the bits of one number (feed_counter.tells; null: not known)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from marsad_center.facts.events import (
    Appointment,
    Bed,
    Fact,
    Movement,
    OrderEvent,
    Prescription,
    Referral,
    Vaccination,
)

Told = Literal[
    "visits", "orders", "lab", "radiology", "appointments", "referrals", "prescriptions", "vaccinations", "beds"
]
"""`lab`, `radiology`: results of these; `orders`: requests, and results of others."""

# The bits are stored: a new kind goes to the end.
_BITS: Mapping[str, int] = {name: 1 << place for place, name in enumerate(get_args(Told))}
_OF: Mapping[type, int] = {
    Movement: _BITS["visits"],
    Appointment: _BITS["appointments"],
    Referral: _BITS["referrals"],
    Prescription: _BITS["prescriptions"],
    Vaccination: _BITS["vaccinations"],
    Bed: _BITS["beds"],
}


def bits(kinds: Iterable[Told]) -> int:
    """Of these kinds."""
    return sum(_BITS[kind] for kind in set(kinds))


def told(facts: Iterable[Fact]) -> int:
    """The bits of what `facts` tell; 0 of what no figure counts."""
    found = 0
    for fact in facts:
        bit = _OF.get(type(fact))
        if bit is not None:
            found |= bit
        elif isinstance(fact, OrderEvent):
            found |= _BITS["orders" if fact.resulted_at is None or fact.kind == "other" else fact.kind]
    return found
