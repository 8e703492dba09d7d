"""Reading one message without a gateway: what facts it says, by the default profile or a feed's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from marsad_center.facts.events import Fact
from marsad_center.gateway import inbound
from marsad_center.gateway.profile import DEFAULT, Profile, profile
from marsad_center.gateway.route import Route, Routes
from marsad_center.registry import FeedProfile
from marsad_center.tests.gateway.playing import message

RECEIVED = datetime(2026, 11, 23, 12, tzinfo=UTC)
T = TypeVar("T", bound=Fact)


def judged(text: str | bytes, how: Profile = DEFAULT) -> inbound.Inbound:
    """`text` from the feed HIS of KAMC."""
    raw = text.encode() if isinstance(text, str) else text
    return inbound.judge(raw, Routes({("HIS", "KAMC"): Route(1, "KAMC", how)}), "192.0.2.1:1", RECEIVED)


def read(trigger: str, *segments: str, how: Profile = DEFAULT, **header: Any) -> list[Fact]:
    """The facts of a message, which must be accepted."""
    found = judged(message(trigger, "1", *segments, **header), how)
    assert (found.verdict, found.reason) == ("accept", ""), found.detail
    return list(found.facts)


def the(kind: type[T], facts: list[Fact]) -> T:
    """The one fact of its kind."""
    (found,) = (fact for fact in facts if isinstance(fact, kind))
    return found


def segment(name: str, **fields: str) -> str:
    """A segment from fields given as f3="...": segment("PV1", f2="E")."""
    last = max(int(number[1:]) for number in fields)
    return "|".join([name, *(fields.get(f"f{number}", "") for number in range(1, last + 1))])


def overrides(**given: Any) -> Profile:
    """The profile of a feed that writes otherwise, as center.json says it."""
    return profile(FeedProfile.model_validate(given), UTC)
