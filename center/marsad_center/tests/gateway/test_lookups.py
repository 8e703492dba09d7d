"""What a batch costs does not grow with what the center has taken in before: nothing is read from end to end."""

from __future__ import annotations

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.playing import adt, gateway, message, sending

GROWING = ("message", "movement", "encounter", "clinical_order", "statement", "patient_merge")


async def test_no_growing_table_is_read_from_end_to_end_even_before_the_planner_knows_that_it_grows(
    database: Database,
) -> None:
    """No statistics are taken here, as in a center's first minutes, in which the plans are made that it keeps."""
    result = "PID|1||P{0}", "ORC|RE|O{0}|F{0}", "OBR|1|O{0}|F{0}|718-7^Hb^LN" + "|" * 18 + "20261123104500+0300||LAB|F"
    async with gateway(database) as ports, sending(ports) as sender:
        for lap in range(8):
            texts = [adt("A04" if lap % 2 else "A08", f"v{lap}-{n}", f"V{n}") for n in range(10)]
            texts += [message("ORU^R01", f"r{lap}-{n}", *(part.format(n) for part in result)) for n in range(10)]
            texts += [message("ADT^A40", f"m{lap}", "PID|1||stays", f"MRG|P-V{lap}"), texts[0]]
            await sender.send(*texts)
            for _text in texts:
                assert "|AA|" in await sender.receive()
    async with database.connect("postgres") as connection:
        scans = await connection.fetch(
            "SELECT relname, seq_scan, idx_scan, n_tup_ins FROM pg_stat_user_tables WHERE relname = ANY ($1)", GROWING
        )
    found = {row["relname"]: row for row in scans}
    assert found["movement"]["n_tup_ins"] == 80, "the gateway's sessions have ended, so what they did is counted"
    assert found["clinical_order"]["idx_scan"] > 0
    assert {name: row["seq_scan"] for name, row in found.items() if row["seq_scan"]} == {}
