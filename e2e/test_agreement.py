"""The gateway with a real PostgreSQL, and the second reader of e2e/oracle.py, count the same in the same messages."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e import facts, oracle
from e2e.mllp import messages
from e2e.oracle import Count
from marsad_center.tests.conftest import Database, database, postgres_server, sealed_database  # noqa: F401 - fixtures
from marsad_center.tests.gateway.playing import Sender, code, gateway, sending


@dataclass
class Played:
    """A gateway to send files to, and its database."""

    database: Database
    sender: Sender

    async def play(self, file: Path) -> None:
        """Send the file; every message must be accepted."""
        for message in messages(file):
            answer = await self.sender.ask(message)
            assert code(answer) in {"AA", "CA"}, answer

    async def counts_like(self, count: Count, facility: str) -> None:
        """Compare what the database holds with the second reader's count."""
        async with self.database.connect("postgres") as connection:
            assert json.loads(await connection.fetchval(facts.query(facility))) == facts.told(count)
            assert await connection.fetchval("select count(*) from center.message") == count.messages


@pytest.fixture
async def played(sealed_database: Database) -> AsyncIterator[Played]:  # noqa: F811
    async with gateway(sealed_database) as ports, sending(ports) as sender:
        yield Played(sealed_database, sender)


async def test_the_shared_file_counts_the_same(played: Played) -> None:
    if not oracle.SHARED_FILE.exists():
        pytest.skip(f"{oracle.SHARED_FILE} is not on this machine (set MARSAD_SHARED)")
    await played.play(oracle.SHARED_FILE)
    await played.counts_like(oracle.count(oracle.SHARED_FILE), "SFAC")


@pytest.mark.parametrize("seed", range(8))
async def test_a_made_up_day_counts_the_same_in_whatever_order_it_arrives(
    played: Played, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    day = [text for visit in range(40) for text in visit_story(chance, visit)]
    if seed % 2:
        chance.shuffle(day)
    file = tmp_path / "day.hl7"
    numbered = (text.replace("|CONTROL|", f"|{number}|", 1) for number, text in enumerate(day))
    file.write_bytes("\r\n\n".join(numbered).encode())
    await played.play(file)
    await played.counts_like(oracle.count(file), "KAMC")


TRIAGE = "OBX|1|NM|11283-9^Acuity assessment^LN||{}|||||F\r"
SEEN = "OBX|1|TS|PHYSICIAN-CONTACT^First physician contact^99MARSAD||20261123103000+0300|||||F\r"


def visit_story(chance: random.Random, visit: int) -> Iterator[str]:
    """One visit from its arrival to some later moment: all of it, or cut short; some movements are taken back."""
    steps = chance.choice((emergency, inpatient, outpatient))(chance)
    minute = chance.randrange(60)
    for trigger, patient_class, location, more in steps[: chance.randint(1, len(steps))]:
        minute += chance.randint(1, 40)
        yield adt(visit, minute, trigger, patient_class, location, more)
        reversal = {"A01": "A11", "A04": "A11", "A02": "A12", "A03": "A13"}.get(trigger)
        if reversal and chance.random() < 0.15:
            yield adt(visit, minute + 1, reversal, patient_class, "", "")
            minute += 2
            after = chance.random()
            if after < 0.3:
                return
            if after < 0.7:
                yield adt(visit, minute, trigger, patient_class, location, more)  # this time it was meant
            # Otherwise it goes on without it: a transfer or a discharge of a patient whose admission was cancelled.
    if chance.random() < 0.1:
        yield adt(visit, minute + 1, "A11", "", "", "")  # too late: with all that happened since


def emergency(chance: random.Random) -> list[tuple[str, str, str, str]]:
    """Arrival, triage, physician, and home; or admission, boarding, a ward, another ward, and home. Sometimes with a
    transfer within the ED, sometimes known only from that on; sometimes with a transfer that is told after the end."""
    admission = chance.choice(("ED^^T1", "WARD^1^B1"))
    steps = [("A04", "E", "ED", ""), ("A08", "E", "ED", TRIAGE.format(chance.randint(1, 5))), ("A08", "E", "ED", SEEN)]
    if chance.random() < 0.5:
        steps += [("A01", "I", admission, ""), ("A02", "I", "WARD^1^B2", ""), ("A02", "I", "ICU^1^B7", "")]
    inside = chance.random()
    if inside < 0.4:
        steps[inside < 0.2 : 1] = [("A02", "E", "ED^^T9", "")]
    late = [("A02", "I", "WARD^9^B9", "")] if chance.random() < 0.1 else []
    return [*steps, ("A03", steps[-1][1], "", ""), *late]


def inpatient(chance: random.Random) -> list[tuple[str, str, str, str]]:
    """An admission, sometimes planned before, sometimes known only from its first transfer on."""
    steps = [("A01", "I", "WARD^2^B1", ""), ("A02", "I", "ICU^1^B3", ""), ("A03", "I", "", "")]
    return chance.choice((steps, [("A05", "P", "WARD^2", ""), *steps], steps[1:]))


def outpatient(chance: random.Random) -> list[tuple[str, str, str, str]]:
    """A clinic visit; sometimes it ends in a bed."""
    steps = [("A04", "O", "CLINIC^3", ""), ("A08", "O", "CLINIC^3", "")]
    return [*steps, ("A06", "I", "WARD^3^B4", ""), ("A03", "I", "", "")] if chance.random() < 0.3 else steps


def adt(visit: int, minute: int, trigger: str, patient_class: str, location: str, more: str) -> str:
    """One ADT message, its control id left as the word CONTROL."""
    stamp = f"20261123{minute // 60 % 24:02}{minute % 60:02}00+0300"
    pv1 = "|".join(["PV1", "1", patient_class, location, *[""] * 15, f"V{visit}"])
    return (
        f"MSH|^~\\&|HIS|KAMC|||{stamp}||ADT^{trigger}|CONTROL|P|2.5.1||||||UNICODE UTF-8\rEVN|{trigger}|{stamp}\r"
        f"PID|1||P{visit}^^^MRN||نورة^{visit}\r{pv1}\r{more}"
    )
