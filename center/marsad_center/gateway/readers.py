"""Which trigger is read by what: the one table to extend when a message gets facts. What is not here is refused as
`unknown-trigger`; the table of triggers for senders is in PROFILE.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from marsad_center.facts.events import Fact
from marsad_center.gateway import (
    appointments,
    beds,
    documents,
    movements,
    orders,
    pharmacy,
    referrals,
    vaccinations,
)
from marsad_center.gateway.hl7 import Message
from marsad_center.gateway.profile import Profile

Reader = Callable[[Message, str, Profile, datetime], list[Fact]]
"""(message, MSH-9.2, how the feed writes, time of receipt) to facts. Raises MalformedMessage."""


def _stored_only(_message: Message, _trigger: str, _profile: Profile, _received_at: datetime) -> list[Fact]:
    return []


READERS: Mapping[tuple[str, str], Reader] = {
    **{("ADT", trigger): movements.facts for trigger in movements.MOVEMENTS},
    **{("ADT", trigger): movements.merges for trigger in movements.MERGES},
    ("ADT", "A20"): beds.facts,
    **{("ADT", trigger): _stored_only for trigger in ("A09", "A10", "A28", "A31", "A32", "A33")},
    **{("SIU", trigger): appointments.facts for trigger in appointments.TRIGGERS},
    **{("REF", trigger): referrals.facts for trigger in referrals.TRIGGERS},
    **{("RRI", trigger): referrals.answers for trigger in referrals.TRIGGERS},
    ("ORM", "O01"): orders.requests,
    **{("OML", trigger): orders.requests for trigger in ("O21", "O33", "O35")},
    ("OMG", "O19"): orders.requests,
    ("OMI", "O23"): orders.requests,
    ("ORU", "R01"): orders.results,
    **{("RDE", trigger): pharmacy.prescribed for trigger in ("O01", "O11")},
    **{("RDS", trigger): pharmacy.dispensed for trigger in ("O01", "O13")},
    ("VXU", "V04"): vaccinations.facts,
    **{("MDM", trigger): documents.facts for trigger in documents.TRIGGERS},
}
