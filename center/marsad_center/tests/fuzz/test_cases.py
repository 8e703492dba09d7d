"""What fuzzing found stays found: each kept case holds, and so do quick mutations of real messages."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from marsad_center.tests.fuzz.targets import TARGETS, framer, message
from marsad_center.tests.gateway.malformed import cases

KEPT = sorted((Path(__file__).parent / "cases").glob("*/*"))


@pytest.mark.parametrize("case", KEPT, ids=lambda path: f"{path.parent.name}-{path.name[:24]}")
def test_a_kept_case_holds(case: Path) -> None:
    TARGETS[case.parent.name](case.read_bytes())


def test_every_known_malformation_holds_whole_and_in_pieces() -> None:
    for case in cases("fuzz"):
        stream = b"".join(case.chunks)[:8192]
        framer(stream)
        message(stream.strip(b"\x0b\x1c\r"))


def test_mutations_of_real_messages_are_read_or_refused(simhospital: list[bytes]) -> None:
    chance = random.Random(2026)
    marks = [b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b'""', b"", b"\0", b"\xff", b"\xd8\xa7", b"OBX", b"ZBE|1|"]
    for _ in range(4000):
        text = bytearray(chance.choice(simhospital).replace(b"SIMHOSP|SFAC", b"HIS|KAMC"))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(9, len(text))
            text[at : at + chance.randrange(4)] = chance.choice(marks)
        message(bytes(text))
