"""What a batch costs does not grow with what the center has taken in before: nothing is read from end to end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.playing import adt, gateway, message, sending

GROWING = (
    "message",
    "movement",
    "encounter",
    "clinical_order",
    "statement",
    "patient_merge",
    "patient_merge_log",
    "bed",
)
MANY = 5000  # rows of each table that came before; far more than all that is looked up here
# Without triggers: those of foreign keys would look things up, which is counted here.
PAST = """
    SET session_replication_role = replica;
    INSERT INTO message (feed_id, facility, sending_application, sending_facility, control_id, sha256, raw, charset,
        message_type, trigger, received_at, ack_code)
    SELECT id, facility, 'HIS', facility, 'past' || n, '', '', '', 'ADT', 'A04', now(), 'AA'
    FROM feed, generate_series(1, $1) n WHERE facility = 'KAMC';
    INSERT INTO movement (message_id, facility, visit_key, patient_key, event, action, event_at, received_at)
    SELECT 1, 'KAMC', 'past' || n, 'past' || n, 'A04', 'insert', now(), now() FROM generate_series(1, $1) n;
    INSERT INTO encounter (facility, visit_key, patient_key, class, state, in_ed, source_at)
    SELECT 'KAMC', 'past' || n, 'past' || n, 'E', 'present', true, now() FROM generate_series(1, $1) n;
    INSERT INTO clinical_order (facility, order_key, placer, filler, kind, kind_stated, source_at)
    SELECT 'KAMC', 'past' || n, 'past' || n, 'past' || n, 'lab', true, now() FROM generate_series(1, $1) n;
    INSERT INTO statement (message_id, facility, kind, key, event_at, received_at, body)
    SELECT 1, 'KAMC', 'bed', 'past' || n, now(), now(), '{}' FROM generate_series(1, $1) n;
    INSERT INTO bed (facility, key, status, source_at)
    SELECT 'KAMC', 'past' || n, 'occupied', now() FROM generate_series(1, $1) n;
    INSERT INTO patient_merge_log (message_id, facility, merged, survivor, event_at)
    SELECT 1, 'KAMC', 'past' || n, 'other' || n, now() FROM generate_series(1, $1) n;
    INSERT INTO patient_merge (message_id, facility, merged, survivor, stays, event_at)
    SELECT 1, 'KAMC', 'past' || n, 'other' || n, 'other' || n, now() FROM generate_series(1, $1) n
"""
RESULT = "PID|1||P{0}", "ORC|RE|O{0}|F{0}", "OBR|1|O{0}|F{0}|718-7^Hb^LN" + "|" * 18 + "20261123104500+0300||LAB|F"


def lap(number: int) -> list[str]:
    """Of everything that is looked up a little; the last is a duplicate."""
    texts = [adt(("A08", "A04", "A11", "A02", "A12")[number % 5], f"v{number}-{n}", f"V{n}") for n in range(10)]
    texts += [message("ORU^R01", f"r{number}-{n}", *(part.format(n) for part in RESULT)) for n in range(10)]
    texts += [message("ADT^A20", f"b{number}-{n}", f"NPU|WARD^1^{n}|{1 + number % 2}") for n in range(3)]
    return [*texts, message("ADT^A40", f"m{number}", "PID|1||stays", f"MRG|P-V{number}"), texts[0]]


async def test_what_came_before_is_not_read_again_even_where_plans_were_made_before_it_came(
    database: Database, eventually: Callable[..., Awaitable[Any]]
) -> None:
    """No statistics are taken here, as in a center's first minutes, in which the plans are made that it keeps."""
    async with gateway(database) as ports, sending(ports) as sender, database.connect("postgres") as connection:
        for number in range(14):
            if number == 10:
                for statement in PAST.replace("$1", str(MANY)).split(";"):
                    await connection.execute(statement)
            texts = lap(number)
            await sender.send(*texts)
            for _text in texts:
                assert "|AA|" in await sender.receive()
    async with database.connect("postgres") as connection:

        async def alone() -> bool:  # what a session did is counted for certain when the server has ended it
            others = "datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            return bool(await connection.fetchval(f"SELECT count(*) = 0 FROM pg_stat_activity WHERE {others}"))

        await eventually(alone)
        tables = await connection.fetch(
            "SELECT relname, seq_scan, idx_scan, n_tup_ins FROM pg_stat_user_tables WHERE relname = ANY ($1)", GROWING
        )
        read = await connection.fetch(
            "SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes WHERE relname = ANY ($1)", GROWING
        )
    found = {row["relname"]: row for row in tables}
    assert found["movement"]["n_tup_ins"] == 140 + MANY, "what the gateway did is counted"
    assert found["clinical_order"]["idx_scan"] > 0
    assert {name: row["seq_scan"] for name, row in found.items() if row["seq_scan"]} == {}
    assert {row["indexrelname"]: row["idx_tup_read"] for row in read if row["idx_tup_read"] >= MANY} == {}
