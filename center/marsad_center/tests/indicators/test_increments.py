"""After any stream of facts the engine's figures are those of a recomputation from scratch (visits from the log of
their movements), and those of plain loops over the derived facts (naive.py)."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings

from marsad_center.facts.code_maps import sync_code_maps
from marsad_center.facts.writing import Stated, derive_visits, write_facts
from marsad_center.indicators import store
from marsad_center.indicators.catalogue import catalogue
from marsad_center.indicators.engine import Engine
from marsad_center.indicators.figures import CLUSTER, Figure
from marsad_center.indicators.measure import Part
from marsad_center.registry import Center
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.indicators.everybody import TABLES, differences, persons, settle, vaccinated
from marsad_center.tests.indicators.naive import ANSWERS, MINIMUM, WITH_WHOLE, World, members
from marsad_center.tests.indicators.rows import Rows
from marsad_center.tests.indicators.streams import CODES, START, Given, Mapped, Step, streams

FACTS = ("encounter", "clinical_order", "appointment", "referral", "prescription", "vaccination", "statement")
CATALOGUE = {
    id_: entry.model_copy(update={"minimum": min(entry.minimum, MINIMUM)})
    for id_, entry in catalogue().items()
    if entry.maker == "figures"  # what others make has tests of its own
}
NOT_NAIVE = {"coverage.facilities", "coverage.platforms", "feed.freshness.p95"}  # of feeds and registry: test_figures

MEASLES = [{"system": "CVX", "code": "03"}, {"system": "99L", "code": "MMR"}]
GROUPS = {
    "KAMC": [
        {"name": "measles", "population": 3, "codes": MEASLES},
        {"name": "influenza", "population": 7, "codes": [{"system": "CVX", "code": "88"}]},
    ],
    "ALNOOR": [{"name": "measles", "population": 2, "codes": MEASLES[:1]}],
}
_MESSAGE = """
INSERT INTO message (feed_id, facility, sending_application, sending_facility, control_id, sha256, raw, charset,
                     message_type, trigger, received_at, ack_code)
VALUES ($1, $2, 'HIS', $2, '1', '', '', 'ascii', 'ADT', 'A08', $3, 'AA') RETURNING id"""


async def _commit(rows: Rows, messages: dict[str, int], batch: Sequence[Given], now: datetime) -> list[str]:
    """As the gateway does it: facts, counters and outbox in one transaction. Whose facilities it touched."""
    async with rows.connection.transaction():
        await write_facts(rows.connection, [Stated(code, messages[code], fact) for code, fact in batch])
        touched = sorted({code for code, _ in batch})
        sides = await rows.connection.fetch("SELECT DISTINCT facility FROM referral WHERE updated_at = now()")
        for code in touched:
            await rows.event(code, now)
    return sorted({*touched, *(row["facility"] for row in sides)})  # as the notifications say


async def mapped(gateway: asyncpg.Connection, maps: Sequence[Mapped]) -> int:
    """Make these the maps in force; how many rows changed."""
    facilities: list[dict[str, Any]] = [
        {"code": code, "kind": "Hospital", "codes": [each.said for each in maps if each.facility == code]}
        for code in CODES
    ]
    everybody = [each.said for each in maps if not each.facility]
    return await sync_code_maps(gateway, Center.model_validate(CENTER | {"facilities": facilities, "codes": everybody}))


async def _world(owner: asyncpg.Connection, now: datetime) -> World:
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in FACTS:
        tables[name] = [dict(row) for row in await owner.fetch(f"SELECT * FROM {name}")]
    facilities = [
        dict(row)
        for row in await owner.fetch("SELECT code, level, ed_spaces, beds, vaccination FROM facility WHERE active")
    ]
    for row in facilities:
        row["beds"] = sum(json.loads(row["beds"]).values())
        row["groups"] = {group["name"]: group["population"] for group in json.loads(row["vaccination"])}
    here = {row["facility"] for row in tables["encounter"] if row["state"] == "present" or row["discharged_at"]}
    levels = {row["code"]: row["level"] for row in facilities}
    maps = [dict(row) for row in await owner.fetch("SELECT * FROM code_map")]
    return World(
        now,
        facilities,
        frozenset(here),
        **tables,
        senders=frozenset(CODES),
        levels=levels,
        code_map=maps,
        vaccinated=frozenset(await vaccinated(owner, await persons(owner))),
    )


async def _visits_from_the_log(owner: asyncpg.Connection, gateway: asyncpg.Connection) -> None:
    """Every visit anew from all its movements, as if nothing had ever been derived; it must be what it was."""
    rows = "SELECT to_jsonb(e) - 'id' - 'updated_at' FROM encounter e ORDER BY facility, visit_key"
    before = await owner.fetch(rows)
    await owner.execute("DELETE FROM encounter")
    visits = await owner.fetch("SELECT DISTINCT facility, visit_key FROM movement")
    await derive_visits(gateway, {(row["facility"], row["visit_key"]) for row in visits})
    assert await owner.fetch(rows) == before


def _same(part: Part, answer: tuple[float | None, float | None, float | None]) -> bool:
    """Where there is no value, nothing else is compared: 0 of 0 and not known are the same."""
    return _close(part.value, answer[0]) and (part.value is None or all(map(_close, part[1:], answer[1:])))


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)


def _differences(figures: dict[tuple[str, str], Figure], world: World) -> list[object]:
    found: list[object] = []
    for facility in (CLUSTER, *CODES):
        here = world if facility == CLUSTER else world.at(facility)
        for id_, answer in ANSWERS.items():
            figure, expected = figures[id_, facility], answer(here)
            if not _same(Part(figure.value, figure.numerator, figure.denominator), expected):
                found.append((id_, facility, figure, expected))
            for dimension, parts in (figure.dimensions or {}).items():
                for member in members(here, dimension) | parts.keys():
                    part = here.by(dimension, member)
                    wanted = WITH_WHOLE[id_](part, here) if id_ in WITH_WHOLE else answer(part)
                    empty = parts.get(member, Part(None if figure.unit != "count" else 0, None, None))
                    if not _same(empty, wanted):
                        found.append((id_, facility, dimension, member, empty, wanted))
    return found


def test_every_figure_is_computed_a_second_way() -> None:
    assert ANSWERS.keys() | NOT_NAIVE == {each.id for each in catalogue().values() if each.maker == "figures"}


@given(steps=streams())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
async def test_increments_give_what_scratch_and_plain_loops_give(database: Database, steps: list[Step]) -> None:
    async with (
        database.connect("owner") as owner,
        database.connect("gateway") as gateway,
        database.connect("analytics") as analytics,
    ):
        await owner.execute(
            "TRUNCATE facility, feed, feed_counter, message, movement, statement, patient_merge, patient_merge_log,"
            " unmeasured, freshness, pulse, code_map,"
            f" unmapped_code, indicator_value, indicator_detail, bed, {', '.join({*FACTS, *TABLES})} CASCADE"
        )
        rows, engine, now = await Rows(gateway).registry(), Engine(CATALOGUE), START
        messages = {code: await gateway.fetchval(_MESSAGE, rows.feeds[code], code, START) for code in CODES}
        for code, declared in GROUPS.items():
            await gateway.execute("UPDATE facility SET vaccination = $2 WHERE code = $1", code, json.dumps(declared))
        await settle(analytics)
        await engine.full(analytics, now)
        for step in steps:
            now += timedelta(minutes=step.minutes)
            touched = await _commit(rows, messages, step.batch, now)
            if await mapped(gateway, step.maps):
                engine.invalidate()  # as the service does when it is told that anything may have changed
            touched = sorted({*touched, *(await settle(analytics, 20)).facilities} - {CLUSTER})  # as it notifies
            await engine.tick(analytics, now) if step.minutes else await engine.touched(analytics, touched, now)
            increments = await store.written(analytics)
            assert not _differences(increments, await _world(owner, now))
        assert await differences(owner) == {}
        await engine.tick(analytics, now)
        increments = await store.written(analytics)
        await _visits_from_the_log(owner, gateway)
        await owner.execute("TRUNCATE indicator_value, indicator_detail")
        await Engine(CATALOGUE).full(analytics, now)
        scratch = await store.written(analytics)
        assert increments.keys() == scratch.keys()
        assert not {
            key: (increments[key], figure) for key, figure in scratch.items() if not figure.same(increments[key])
        }
