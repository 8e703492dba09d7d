"""Merged patients: chains, merges that come before whom they merge, and the older form of the message."""

from __future__ import annotations

import itertools

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.playing import adt, gateway, message, sending


async def patients(database: Database) -> set[tuple[str, str]]:
    """(last letter of the visit's patient, of the patient it is now) of every visit."""
    async with database.connect("postgres") as connection:
        rows = await connection.fetch("SELECT visit_key, patient_key FROM encounter_patient")
    return {(row["visit_key"][-1], row["patient_key"][-1]) for row in rows}


async def test_visits_and_a_chain_of_merges_in_any_order_end_at_one_patient(database: Database) -> None:
    """HL7 v2.5.1 chapter 3.3.40 (A40): what was under the merged number is under the one that stays from then on."""
    async with gateway(database) as ports, sending(ports) as sender:
        for number, order in enumerate(itertools.permutations(range(4))):
            story = [
                adt("A04", f"v1-{number}", f"{number}A"),
                adt("A04", f"v2-{number}", f"{number}B"),
                message("ADT^A40^ADT_A39", f"m1-{number}", f"PID|1||P-{number}B", f"MRG|P-{number}A"),
                message("ADT^A40^ADT_A39", f"m2-{number}", f"PID|1||P-{number}C", f"MRG|P-{number}B"),
            ]
            for index in order:
                assert await sender.code(story[index]) == "AA"
    assert await patients(database) == {("A", "C"), ("B", "C")}


async def test_an_older_merge_that_comes_late_does_not_win(database: Database) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.code(adt("A04", "1", "A"))
        newer = message("ADT^A40", "2", "PID|1||P-C", "MRG|P-A", at="20261123110000+0300")
        older = message("ADT^A40", "3", "PID|1||P-B", "MRG|P-A", at="20261123103000+0300")
        for text in (newer, older, adt("A08", "4", "A", at="20261123120000+0300")):
            assert await sender.code(text) == "AA"
    assert await patients(database) == {("A", "C")}


async def test_a_merge_of_version_2_3_and_one_of_several_pairs(database: Database) -> None:
    """HL7 v2.3 chapter 3.2.34 (A34): one PID and one MRG; v2.3.1 and later (A40): a repeating group of them."""
    async with gateway(database) as ports, sending(ports) as sender:
        for letter in "ABC":
            await sender.code(adt("A04", f"v{letter}", letter))
        a34 = message("ADT^A34", "a34", "EVN|A34|20261123", "PID|||P-Z^^^MRN||Test", "MRG|P-A^^^MRN", version="2.3")
        a40 = message("ADT^A40", "a40", "EVN|A40", "PID|1||P-Y", "MRG|P-B", "PID|2||P-X", "MRG|P-C")
        assert [await sender.code(text) for text in (a34, a40)] == ["AA", "AA"]
    assert await patients(database) == {("A", "Z"), ("B", "Y"), ("C", "X")}
