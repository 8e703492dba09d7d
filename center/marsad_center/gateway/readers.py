"""Which trigger is read by what: the one table to extend when a message gets facts. What is not here is refused as
`unknown-trigger`; the table of triggers for senders is in PROFILE.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo

from marsad_center.facts.events import Fact
from marsad_center.gateway import adt, orders
from marsad_center.gateway.hl7 import Message

Reader = Callable[[Message, str, tzinfo, datetime], list[Fact]]
"""(message, MSH-9.2, zone of times without an offset, time of receipt) to facts. Raises MalformedMessage."""


def _stored_only(_message: Message, _trigger: str, _zone: tzinfo, _received_at: datetime) -> list[Fact]:
    return []


READERS: Mapping[tuple[str, str], Reader] = {
    **{("ADT", trigger): adt.facts for trigger in adt.MOVEMENTS | adt.MERGES},
    ("ORM", "O01"): orders.requests,
    ("OML", "O21"): orders.requests,
    ("ORU", "R01"): orders.results,
    **{("ADT", trigger): _stored_only for trigger in ("A28", "A31")},
    **{("MDM", f"T{number:02}"): _stored_only for number in range(1, 12)},
}
