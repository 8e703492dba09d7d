"""Acknowledgement modes: the table of PROFILE.md, as codes and over a real connection."""

from __future__ import annotations

import pytest

from marsad_center.gateway.acknowledge import codes
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.playing import adt, code, gateway, sending


@pytest.mark.parametrize(
    ("msh_15", "msh_16", "accepted", "error", "rejected"),
    [
        # original mode
        ("", "", ("AA",), ("AE",), ("AR",)),
        # enhanced, accept acknowledgement only (the shared file's mode is the first)
        ("AL", "", ("CA",), ("CE",), ("CR",)),
        ("AL", "NE", ("CA",), ("CE",), ("CR",)),
        ("ER", "NE", (), ("CE",), ("CR",)),
        ("SU", "NE", ("CA",), (), ()),
        # enhanced, application acknowledgement only
        ("NE", "AL", ("AA",), ("AE",), ("AR",)),
        ("", "AL", ("AA",), ("AE",), ("AR",)),
        ("NE", "ER", (), ("AE",), ("AR",)),
        ("NE", "SU", ("AA",), (), ()),
        # both: a negative accept acknowledgement leaves nothing to say
        ("AL", "AL", ("CA", "AA"), ("CE",), ("CR",)),
        ("AL", "ER", ("CA",), ("CE",), ("CR",)),
        ("AL", "SU", ("CA", "AA"), ("CE",), ("CR",)),
        ("ER", "AL", ("AA",), ("CE",), ("CR",)),
        ("ER", "ER", (), ("CE",), ("CR",)),
        ("SU", "AL", ("CA", "AA"), ("AE",), ("AR",)),
        ("SU", "ER", ("CA",), ("AE",), ("AR",)),
        ("SU", "SU", ("CA", "AA"), (), ()),
        # nothing wanted
        ("NE", "NE", (), (), ()),
        # a word that table 0155 does not have
        ("YES", "NE", ("CA",), ("CE",), ("CR",)),
    ],
)
def test_conditions_decide_which_acknowledgements_are_sent(
    msh_15: str, msh_16: str, accepted: tuple[str, ...], error: tuple[str, ...], rejected: tuple[str, ...]
) -> None:
    """HL7 v2.5.1 chapter 2.9 and table 0155; domain.md: both empty is the original mode, else honour AL, NE, ER, SU."""
    assert codes(msh_15, msh_16, "accept") == accepted
    assert codes(msh_15, msh_16, "error") == error
    assert codes(msh_15, msh_16, "reject") == rejected


async def test_both_acknowledgements_come_in_order_and_the_second_asks_for_none(database: Database) -> None:
    """HL7 v2.5.1 chapter 2.9.3: CA after durable storage, then the application acknowledgement."""
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.send(adt("A04", "both", conditions="AL|AL"))
        accept, application = await sender.receive(), await sender.receive()
    assert (code(accept), code(application)) == ("CA", "AA")
    assert accept.split("\r")[1] == "MSA|CA|both|"
    header = application.split("\r")[0].split("|")
    assert header[14:16] == ["NE", "NE"]


async def test_a_message_that_wants_no_answer_is_stored_and_the_next_one_is_answered(database: Database) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.send(adt("A04", "quiet", conditions="NE|NE"), adt("A08", "loud"))
        assert "MSA|AA|loud" in await sender.receive()
    async with database.connect("postgres") as connection:
        rows = await connection.fetch("SELECT control_id, ack_code, ack IS NULL FROM message ORDER BY control_id")
    assert [tuple(row) for row in rows] == [("loud", "AA", False), ("quiet", "CA", True)]


async def test_the_acknowledgement_goes_back_the_way_the_message_came(database: Database) -> None:
    """HL7 v2.5.1 chapter 2.15.8 (MSA); domain.md: MSA-2 echoes MSH-10."""
    async with gateway(database) as ports, sending(ports) as sender:
        ack = await sender.ask(adt("A04", "12\\T\\3"))
    header, answer, *_rest = ack.split("\r")
    fields = header.split("|")
    assert fields[:6] == ["MSH", "^~\\&", "MARSAD", "MKH", "HIS", "KAMC"]
    assert fields[8] == "ACK^A04"
    assert fields[10:12] == ["P", "2.5.1"]
    assert fields[17] == "UNICODE UTF-8"
    assert answer == "MSA|AA|12\\T\\3|"


async def test_many_messages_at_once_are_answered_in_their_order(database: Database) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        # every other one is bad, so that commits and refusals mix
        ids = [f"n{number}" for number in range(100)]
        await sender.send(*(adt("A04" if number % 2 else "Z99", id_, f"V{number}") for number, id_ in enumerate(ids)))
        answers = [(await sender.receive()).split("\r")[1].split("|")[1:3] for _ in ids]
    assert answers == [["AA" if number % 2 else "AR", id_] for number, id_ in enumerate(ids)]
