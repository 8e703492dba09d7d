"""Does it slow down with the years? Ingest, figures and the page's queries, again after each million stored messages.

The history is written by SQL, as visits and results that are over: two years for each million, each further back than
the one before, so that days do not become busier. What is measured at each stage goes the way of live traffic, whose
patients stay: they add up, too. Stages can be set (MARSAD_HISTORY_MILLIONS=0,1,2,3).
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.center import FACILITY, Measured, running
from bench.load import play
from bench.samples import Report, Samples
from marsad_center.indicators.engine import Engine
from marsad_center.web import snapshot

STAGES = tuple(float(word) for word in os.environ.get("MARSAD_HISTORY_MILLIONS", "0,1,2,3").split(","))
SECONDS, UNANSWERED, CONNECTIONS, LOOKS = 6.0, 64, 8, 15
EXTRAPOLATED = 30  # million messages that the curve is drawn out to

_HISTORY = """
WITH fed AS (SELECT array_agg(id ORDER BY id) AS ids, array_agg(facility ORDER BY id) AS codes FROM center.feed),
new AS (SELECT n, ids[1 + n % cardinality(ids)] AS feed, codes[1 + n % cardinality(ids)] AS code, md5(n::text) AS noise,
               now() - interval '1 day' - n * interval '63 seconds' AS at
          FROM fed, generate_series($1::bigint, $2::bigint) AS n),
told AS (INSERT INTO center.message (feed_id, facility, sending_application, sending_facility, control_id, sha256, raw,
             charset, message_type, trigger, event_at, received_at, ack_code, ack)
         SELECT feed, code, 'HISTORY', code, n::text, sha256(noise::bytea), convert_to(repeat(noise, 34), 'UTF8'),
                'utf-8', CASE n % 2 WHEN 0 THEN 'ADT' ELSE 'ORU' END, 'R01', at, at, 'AA', convert_to(noise, 'UTF8')
           FROM new RETURNING id, facility, control_id::bigint AS n, event_at AS at),
moved AS (INSERT INTO center.movement (message_id, facility, visit_key, patient_key, event, event_at, received_at,
              action, class)
          SELECT id, facility, 'old' || n / 4, 'old' || n / 8, 'A08', at, at, 'insert', 'E' FROM told WHERE n % 2 = 0),
stayed AS (INSERT INTO center.encounter (facility, visit_key, patient_key, class, state, in_ed, triage_level,
               arrived_at, ed_arrived_at, seen_at, ed_departed_at, discharged_at, source_at)
           SELECT facility, 'old' || n, 'old' || n / 2, 'E', 'departed', false, 1 + n % 5, at, at,
                  at + interval '20 min', at + interval '3 hours', at + interval '3 hours', at
             FROM told WHERE n % 4 = 0)
INSERT INTO center.clinical_order (facility, order_key, placer, kind, code, ordered_at, resulted_at, source_at)
SELECT facility, 'old' || n, 'old' || n, 'lab', '24331-1', at, at + interval '40 min', at FROM told WHERE n % 2 = 1
"""
_PIECE = 100_000


@dataclass(frozen=True)
class Stage:
    """What was measured with so many million messages stored: messages a second, processor seconds a message (gateway
    and PostgreSQL together; they hardly depend on what else the machine does), and seconds a look."""

    millions: float
    rate: float
    cost: float
    touched: float
    full: float
    page: float


async def measure(_rounds: int) -> Report:
    """One climb through the stages."""
    async with running() as center:
        stages, held = [], 0
        for millions in STAGES:
            held = await _grow(center, held, int(millions * 1_000_000))
            stages.append(await _stage(center, millions))
        size = await center.size() / await center.value("SELECT count(*) FROM center.message")
    return _report(stages, size)


def _report(stages: list[Stage], size: float) -> Report:
    samples = []
    for one in stages:
        label = f"{one.millions:.1f} million"
        samples += [
            Samples(f"{label}: messages a second", "", (one.rate,)),
            Samples(f"{label}: processor time a message", "ms", (one.cost * 1000,)),
            Samples(f"{label}: figures of a facility that was touched", "ms", (one.touched * 1000,)),
            Samples(f"{label}: all figures from scratch", "ms", (one.full * 1000,)),
            Samples(f"{label}: the page's reading", "ms", (one.page * 1000,)),
        ]
    first, last = stages[0], stages[-1]
    dearer = last.cost / first.cost
    samples.append(Samples("ingest, last stage / first", "", (last.rate / first.rate,)))
    samples.append(Samples("processor time a message, last stage / first", "", (dearer,)))
    samples.append(Samples("touched figures, last stage / first", "", (last.touched / first.touched,)))
    samples.append(Samples("page's reading, last stage / first", "", (last.page / first.page,)))
    grown = last.millions - first.millions
    said = f"A message takes {dearer:.2f} times the processor time with {last.millions:g} million behind it"
    if grown >= 1:  # less says nothing of more
        drawn_out = 1 + max(dearer - 1, 0.0) * (EXTRAPOLATED - first.millions) / grown
        said += f"; on a straight line it would be {drawn_out:.2f} times with {EXTRAPOLATED} million"
    conclusion = (
        f"{said}. (The clock tells of the machine's other work, too.)",
        f"A stored message takes {size:,.0f} bytes with its facts and indexes.",
    )
    return Report("History: the same work with more and more behind it", samples, conclusion)


async def _grow(center: Measured, held: int, wanted: int) -> int:
    async with center.database.connect("postgres") as connection:
        while held < wanted:
            until = min(held + _PIECE, wanted)
            await connection.execute(_HISTORY, held, until - 1, timeout=600)
            held = until
        await connection.execute("ANALYZE", timeout=600)
        await connection.execute("CHECKPOINT", timeout=600)
    return held


async def _stage(center: Measured, millions: float) -> Stage:
    ports = [center.parts.gateways[0].settings.mllp_port]
    before = center.cpu()
    account = await play(ports, f"h{millions}", connections=CONNECTIONS, unanswered=UNANSWERED, seconds=SECONDS)
    spent = sum(center.cpu()[name] - before[name] for name in ("gateway", "postgresql"))
    engine, now = Engine(), datetime.now(UTC)
    async with center.database.connect("analytics") as connection:
        full = await _median(lambda: engine.full(connection, now), 3)
        touched = await _median(lambda: engine.touched(connection, [FACILITY], now), LOOKS)
    async with center.database.connect("reader") as connection:
        codes = ["", *(row["code"] for row in await connection.fetch("SELECT code FROM facility"))]
        page = await _median(lambda: snapshot.read(connection, codes, now), LOOKS)
    return Stage(millions, account.rate, spent / len(account.waits), touched, full, page)


async def _median(work: Callable[[], Awaitable[object]], times: int) -> float:
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)
