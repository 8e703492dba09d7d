"""Facts without identifiers: what names a patient, a visit, an order or a document becomes a token of the center's key.

The same identifier of the same facility always gives the same token, so facts still find each other; no table holds the
identifier itself. What names a place (a bed) or a code stays as it is.
"""

from __future__ import annotations

from dataclasses import fields, replace
from operator import attrgetter

from marsad_center.facts.events import Bed, Fact, Identified, Merge, Movement, OrderEvent, Referral
from marsad_center.keys import Keys

# Every message says one of these: what is not hidden is taken over as it stands, at a third of what `replace` costs.
_REST_OF_MOVEMENT = attrgetter(*[each.name for each in fields(Movement)][2:])
_REST_OF_ORDER = attrgetter(*[each.name for each in fields(OrderEvent)][3:])


def hidden(fact: Fact, facility: str, keys: Keys) -> Fact:
    """`fact` with tokens. Empty texts stay empty, None stays None: they say something else than an identifier."""

    def token(kind: str, identifier: str | None) -> str | None:
        return keys.token((kind, facility), identifier) if identifier else identifier

    def number(kind: str, identifier: str) -> str:
        return keys.token((kind, facility), identifier) if identifier else ""

    match fact:
        case Movement():
            visit_key, patient_key = number("visit", fact.visit_key), number("patient", fact.patient_key)
            return Movement(visit_key, patient_key, *_REST_OF_MOVEMENT(fact))
        case OrderEvent():
            placer, filler = number("order", fact.placer), number("order", fact.filler)
            return OrderEvent(placer, filler, number("visit", fact.visit_key), *_REST_OF_ORDER(fact))
        case Merge():
            return replace(fact, merged=number("patient", fact.merged), survivor=number("patient", fact.survivor))
        case Identified(within=True):
            person = keys.token(("own",), f"{facility}^{fact.identifier}")
            return Identified(number("patient", fact.patient_key), person)
        case Identified():  # the same token in every facility: that is what it is for
            person = keys.token(("person",), fact.identifier)
            return Identified(number("patient", fact.patient_key), person)
        case Referral(known_as=names) if names:  # both sides must find each other by them
            fact = replace(fact, known_as=tuple(keys.token(("referral",), name) for name in names))
    key = fact.key if isinstance(fact, Bed) else number(fact.KIND, fact.key)
    patient, visit = token("patient", fact.patient_key), token("visit", fact.visit_key)
    return replace(fact, key=key, patient_key=patient, visit_key=visit)
