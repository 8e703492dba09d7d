"""What all that was said of a thing comes to: an appointment, a referral, a bed... from its statements, by event time.

The newest word on each field holds; the state is the newest one entered, and each state's time is when the thing first
entered it, or (a vaccination's) what the newest word says of it. So late, repeated and reordered messages give what
they would have given in order. Which state may follow which is data below; a state that is taken back (a no-show who
came after all) loses its time, as if it had not been.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from marsad_center.facts.events import STATEMENTS, Bed, Code, Guidance, Prescription, Statement

_Paths = Mapping[str, frozenset[str]]


def _paths(**before: str) -> _Paths:
    return {state: frozenset(names.split()) for state, names in before.items()}


# By state: the states that stay true beside it because they came before it. Entering it takes back all others.
_STAY: Mapping[str, _Paths] = {
    "appointment": _paths(arrived="booked", completed="booked arrived", cancelled="booked", no_show="booked"),
    "referral": _paths(
        accepted="submitted",
        seen="submitted accepted",
        reported="submitted accepted seen",
        refused="submitted",
        cancelled="submitted accepted",
    ),
    "prescription": _paths(dispensed="issued", cancelled="issued dispensed"),
    "document": _paths(final="created", replaced="created final", cancelled="created"),
    "diagnosis": _paths(deleted="stated"),
    "contact": _paths(answered="open", completed="open answered", abandoned="open"),
    "guidance": {state: frozenset({"requested"}) for state in ("success", "data-required", "failure")},
}
# Told by several parties (who refers, who receives, who dispenses), each of whom repeats what it knows: a state on the
# way to the present one is no step back.
_SHARED = frozenset({"referral", "prescription"})
# Of these left only by beginning anew: one party goes on with what it does not know to be cancelled. Who keeps a book
# of appointments knows: there the newest word holds, and a modification that says no state brings nothing back.
_OVER = frozenset({"cancelled"})
_STAY_OVER = _SHARED | {"document"}
_GATHERED = frozenset({"known_as"})  # of which a newer word adds to the older ones


@dataclass(slots=True)
class Thing:
    """The thing as it stands. `entered`: when it first entered each state that holds; `since`: the present one, without
    interruption. `said`: the fields of its class, '' or None where nothing is known."""

    kind: str
    key: str
    source_at: datetime
    status: str | None = None
    since: datetime | None = None
    patient_key: str = ""
    visit_key: str = ""
    entered: dict[str, datetime] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)


def own_fields(kind: type[Statement]) -> tuple[str, ...]:
    """The fields that statements of this class have beyond those that all have."""
    return _OWN[kind.KIND]


def by_event_time(statement: Statement) -> tuple[datetime, int, datetime, int]:
    """Sorts. Of one moment the later state comes later, however the two arrived; then what was received later."""
    states = type(statement).STATES
    rank = states.index(statement.status) if statement.status in states else -1
    return statement.event_at, rank, statement.received_at, statement.id


def derive(statements: Iterable[Statement]) -> Thing:
    """The thing from all its statements (at least one, any order, any repetition)."""
    ordered = _dispensed(sorted(_once(statements), key=by_event_time))
    first = ordered[0]
    thing = Thing(kind=type(first).KIND, key=first.key, source_at=ordered[-1].event_at)
    for statement in ordered:
        _hear(thing, statement)
    return thing


def _once(statements: Iterable[Statement]) -> list[Statement]:
    """Each statement as it came first: said again it must not win over what was said in between."""
    firsts: dict[Statement, Statement] = {}
    for statement in sorted(statements, key=lambda each: (each.received_at, each.id)):
        firsts.setdefault(replace(statement, received_at=statement.event_at, id=0), statement)
    return list(firsts.values())


def _dispensed(ordered: list[Statement]) -> list[Statement]:
    """Of prescriptions: without the dispenses that were taken back. Those of others, and later ones, hold."""
    told = [each for each in ordered if isinstance(each, Prescription)]
    gone = {each.dispense: each.event_at for each in told if each.status == Prescription.NOT_DISPENSED}
    if not gone:
        return ordered
    return [
        replace(each, status=None)
        if each.status == "dispensed" and each.dispense in gone and each.event_at <= gone[each.dispense]
        else each
        for each in told
    ]


def _hear(thing: Thing, statement: Statement) -> None:
    for name in ("patient_key", "visit_key"):
        value = getattr(statement, name)
        if value is not None:
            setattr(thing, name, value)
    for name in _OWN[thing.kind]:
        value = getattr(statement, name)
        if value is not None:
            thing.said[name] = tuple(sorted({*thing.said.get(name, ()), *value})) if name in _GATHERED else value
    if statement.status in type(statement).STATES:  # a newer release may have written more states
        _enter(thing, statement.status, statement.event_at, start=type(statement).STATES[0])


def _enter(thing: Thing, state: str, at: datetime, *, start: str) -> None:
    if thing.status == state or (thing.kind in _STAY_OVER and thing.status in _OVER and state != start):
        return
    stay = _STAY.get(thing.kind, {})
    if thing.kind in _SHARED and thing.status not in _OVER and state in stay.get(thing.status or "", ()):
        thing.entered.setdefault(state, at)
        return
    before = stay.get(state, frozenset())
    thing.entered = {name: time for name, time in thing.entered.items() if name in before or name == state}
    thing.entered.setdefault(state, at)
    thing.status, thing.since = state, at


def body(statement: Statement) -> dict[str, Any]:
    """The own fields that say something, as JSON: a code is a list of system, code and display."""
    values = ((name, getattr(statement, name)) for name in _OWN[type(statement).KIND])
    return {name: _to_json(value) for name, value in values if value is not None}


def from_body(kind: str, said: Mapping[str, Any], **common: Any) -> Statement:
    """A statement as it was before `body`. Fields that this release does not know are left out."""
    own = {name: _from_json(name, value) for name, value in said.items() if name in _OWN[kind]}
    return STATEMENTS[kind](**common, **own)


def _to_json(value: Any) -> Any:
    if isinstance(value, Code):
        return list(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _from_json(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value) if name in _GATHERED else Code(*value)
    return datetime.fromisoformat(value) if name.endswith("_at") else value


def columns(thing: Thing) -> dict[str, Any]:
    """The row of the thing in the table of its kind (facts/migrations), as JSON without the facility. Texts that are
    not known are '', as codes are in each of their three parts."""
    row: dict[str, Any] = {"key": thing.key, "patient_key": thing.patient_key, "visit_key": thing.visit_key}
    row |= {"status": thing.status, "source_at": thing.source_at.isoformat()}
    for name in _OWN[thing.kind]:
        if name in _ONLY_SAID:
            continue
        value = thing.said.get(name)
        if name in _CODES[thing.kind]:
            code = value or Code("", "")
            row |= {f"{name}_system": code.system, f"{name}_code": code.code, f"{name}_display": code.display}
        elif name.endswith("_at"):  # of a state: see _times
            row[name] = value.isoformat() if value is not None else None
        else:
            row[name] = value if value is not None else _NOTHING.get(name, "")
    return row | _times(thing)


def _times(thing: Thing) -> dict[str, str | None]:
    if thing.kind == Bed.KIND:  # goes through its states again and again: only how long it has been so is of use
        return {"since": _text(thing.since)}
    if thing.kind == Guidance.KIND:
        return {"answered_at": _text(thing.since if thing.status not in ("requested", "deleted") else None)}
    return {f"{state}_at": _text(_when(thing, state)) for state in STATEMENTS[thing.kind].STATES}


def _when(thing: Thing, state: str) -> datetime | None:
    """When it entered a state that holds: as a field of its own says (which may be corrected), else when first told.
    What happened in a year or month of which no day is known has no time: it must not count on the day it is told."""
    entered = thing.entered.get(state)
    if thing.said.get("period") and f"{state}_at" in _OWN[thing.kind]:
        return None
    return entered and (thing.said.get(f"{state}_at") or entered)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


_COMMON = frozenset(each.name for each in fields(Statement))
_OWN: Mapping[str, tuple[str, ...]] = {
    kind: tuple(each.name for each in fields(made) if each.name not in _COMMON) for kind, made in STATEMENTS.items()
}
# Annotations are texts here: whoever is a Code says so.
_CODES: Mapping[str, frozenset[str]] = {
    kind: frozenset(each.name for each in fields(made) if str(each.type).startswith("Code"))
    for kind, made in STATEMENTS.items()
}
_NOTHING: Mapping[str, Any] = {"virtual": False, "known_as": ()}
_ONLY_SAID = frozenset({"dispense", "period"})  # in the log alone


def codes(statement: Statement) -> list[Code]:
    """The codes it says."""
    values = (getattr(statement, name) for name in _CODES[type(statement).KIND])
    return [value for value in values if value is not None and value.code]
