"""A message's key: the sender's pair and MSH-10, with a hash of the bytes."""

from __future__ import annotations

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.playing import adt, code, gateway, sending


async def test_the_same_bytes_are_one_record_and_get_the_same_answer(database: Database) -> None:
    """domain.md: same bytes: same ACK, one record."""
    async with gateway(database) as ports, sending(ports) as sender:
        answers = [await sender.ask(adt("A04", "1")) for _ in range(3)]
    assert len(set(answers)) == 1
    async with database.connect("postgres") as connection:
        assert await connection.fetchval("SELECT count(*) FROM message") == 1
        assert await connection.fetchval("SELECT count(*) FROM movement") == 1


async def test_other_bytes_under_a_known_key_go_to_quarantine_and_the_first_stay(database: Database) -> None:
    """domain.md: other bytes: quarantine. The same number of another sender is another message."""
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(adt("A04", "1", "V1")) == "AA"
        assert await sender.code(adt("A04", "1", "V2")) == "AE"
        assert await sender.code(adt("A04", "1", "V3", sender="HIS|ALNOOR")) == "AA"
        await sender.send(adt("A04", "2", "V4"), adt("A04", "2", "V5"))  # both in one batch
        assert [code(await sender.receive()) for _ in range(2)] == ["AA", "AE"]
    async with database.connect("postgres") as connection:
        visits = await connection.fetch("SELECT visit_key FROM encounter ORDER BY 1")
        refused = await connection.fetch("SELECT reason, control_id FROM quarantine ORDER BY id")
    assert [row[0] for row in visits] == ["V1", "V3", "V4"]
    assert [tuple(row) for row in refused] == [("conflict", "1"), ("conflict", "2")]
