"""What a reconcile ends in: values, which handlers.py alone turns into what kopf understands."""

from __future__ import annotations

from dataclasses import dataclass

from marsad.api.conditions import Reason


@dataclass(frozen=True)
class Done:
    """What exists is what is declared, or the rest comes by itself; the next change of the world calls again."""


@dataclass(frozen=True)
class Wait:
    """Look again after `seconds` even if nothing is heard; `reason` says what for, in a log line."""

    seconds: float
    reason: str


@dataclass(frozen=True)
class Refused:
    """Someone said no: the operator to a declaration, or the API server to an object. `message` is for people."""

    reason: Reason
    message: str


Outcome = Done | Wait | Refused
