"""From frames to facts: the shared file against an independent count, triggers, late and reversed events, orders."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import hl7
import pytest

from marsad_center.facts.kinds import bits
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.playing import adt, code, gateway, message, sending


async def count(database: Database, sql: str) -> list[tuple[Any, ...]]:
    async with database.connect("postgres") as connection:
        return [tuple(row) for row in await connection.fetch(sql)]


async def encounter(database: Database, visit: str = "V1") -> dict[str, Any]:
    async with database.connect("postgres") as connection:
        return dict(await connection.fetchrow("SELECT * FROM encounter WHERE visit_key = $1", visit))


async def test_the_shared_file_sent_twice_equals_an_independent_count(
    database: Database, simhospital: list[bytes]
) -> None:
    parsed = [hl7.parse(raw.decode("ascii")) for raw in simhospital]
    triggers = Counter(str(m.segment("MSH")[9]) for m in parsed)
    orders = {str(obr[2]) for m in parsed if str(m.segment("MSH")[9]).startswith("ORU") for obr in m.segments("OBR")}
    visits = {str(m.segment("PV1")[19]).split("^")[0] for m in parsed if str(m.segment("MSH")[9]) == "ADT^A01"}
    newest = max(str(m.segment("MSH")[7]) for m in parsed)

    first: list[str] = []
    async with gateway(database) as ports:
        for again in (False, True):
            async with sending(ports) as sender:
                await sender.send(*simhospital)
                answers = [await sender.receive() for _ in simhospital]
            assert Counter(map(code, answers)) == {"CA": 600}
            if again:
                assert answers == first  # byte for byte
            first = answers

    stored = await count(database, "SELECT message_type || '^' || trigger, count(*) FROM message GROUP BY 1")
    assert dict(stored) == dict(triggers)
    assert await count(database, "SELECT count(*), count(DISTINCT order_key) FROM clinical_order") == [
        (len(orders), len(orders))
    ]
    present = "SELECT visit_key FROM encounter WHERE state = 'present' AND class = 'I' AND bed <> ''"
    assert {row[0] for row in await count(database, present)} == visits
    counters = await count(
        database,
        "SELECT received, accepted, rejected, duplicate, quarantined, last_event_at FROM feed_counter"
        " JOIN feed ON id = feed_id WHERE facility = 'SFAC'",
    )
    event = datetime.strptime(newest, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    assert counters == [(1200, 600, 0, 600, 0, event)]
    assert await count(database, "SELECT count(*), count(*) FILTER (WHERE sent_at < received_at) FROM unmeasured") == [
        (600, 600)
    ]
    assert await count(database, "SELECT count(*) FROM quarantine") == [(0,)]
    raws = {row[0] for row in await count(database, "SELECT raw FROM message")}
    assert raws == set(simhospital)


async def test_every_supported_trigger_is_accepted_and_known_ones_are_stored(database: Database) -> None:
    visit_triggers = ("A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13", "A28", "A31")
    order = ("PID|1||P1", "ORC|NW|7|8", "OBR|1|7|8|718-7^Haemoglobin^LN")
    async with gateway(database) as ports, sending(ports) as sender:
        for trigger in visit_triggers:
            assert await sender.code(adt(trigger, f"c-{trigger}", f"V-{trigger}")) == "AA"
        for trigger in ("ADT^A34", "ADT^A40"):
            assert await sender.code(message(trigger, trigger, "PID|1||new", "MRG|old")) == "AA"
        for trigger in ("ORM^O01", "OML^O21", "ORU^R01"):
            assert await sender.code(message(trigger, trigger, *order)) == "AA"
        assert await sender.code(message("MDM^T02", "doc", "PID|1||P1", f"TXA|1{'|' * 11}D1")) == "AA"
        assert await sender.code(message("SIU^S23", "siu")) == "AR"
    assert await count(database, "SELECT count(*) FROM message") == [(len(visit_triggers) + 7,)]
    assert await count(database, "SELECT count(*) FROM movement") == [(11,)]


async def test_a_late_arrival_gives_the_same_encounter_as_one_in_time(database: Database) -> None:
    """domain.md: there is no historic movement in v2: key each encounter on event time, recompute on late arrivals."""
    visit: list[tuple[str, str, dict[str, Any]]] = [
        ("A04", "20261123100000+0300", {}),
        ("A01", "20261123113000+0300", {"patient_class": "I"}),
        ("A02", "20261123120000+0300", {"patient_class": "I", "place": "W5^1^12"}),
        ("A03", "20261125090000+0300", {"patient_class": "I", "place": "W5^1^12"}),
    ]
    async with gateway(database) as ports, sending(ports) as sender:
        for number, (event, moment, more) in enumerate(visit):
            assert await sender.code(adt(event, f"in-{number}", "in-time", at=moment, **more)) == "AA"
        for number, (event, moment, more) in reversed(list(enumerate(visit))):
            assert await sender.code(adt(event, f"late-{number}", "late", at=moment, **more)) == "AA"
    in_time, late = await encounter(database, "in-time"), await encounter(database, "late")
    for name in ("id", "visit_key", "patient_key", "updated_at"):
        in_time.pop(name)
        late.pop(name)
    assert late == in_time
    assert late["state"] == "departed"
    assert late["ed_departed_at"] == datetime(2026, 11, 23, 9, tzinfo=UTC)


async def test_a_reversal_is_seen_in_the_encounter_and_in_the_log(database: Database) -> None:
    """HL7 v2.5.1 chapter 3.3.11 to 3.3.13; domain.md: A11, A12, A13 reverse A01, A02, A03."""
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.code(adt("A04", "1"))
        await sender.code(adt("A03", "2", at="20261123110000+0300"))
        assert (await encounter(database))["state"] == "departed"
        await sender.code(adt("A13", "3", at="20261123110500+0300"))
    assert (await encounter(database))["state"] == "present"
    log = await count(database, "SELECT event, cancelled_by IS NOT NULL FROM movement ORDER BY id")
    assert log == [("A04", False), ("A03", True), ("A13", False)]


async def test_triage_and_first_contact_follow_the_profile(database: Database) -> None:
    """domain.md: what HL7 v2 leaves open is a documented feed profile (PROFILE.md)."""
    triage = "OBX|1|NM|11283-9^Acuity^LN||CTAS-2||||||F|||20261123100400+0300"
    contact = "OBX|1|TS|PHYSICIAN-CONTACT^First contact^99MARSAD||20261123102000+0300||||||F"
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.code(adt("A04", "1", pv1_44="20261123095500+0300", patient_class="EMERGENCY"))
        await sender.code(adt("A08", "2", at="20261123100500+0300", more=(triage,)))
        await sender.code(adt("A08", "3", at="20261123102100+0300", more=(contact,)))
        await sender.code(adt("A08", "4", at="20261123102200+0300", more=("OBX|1|NM|11283-9||9",)))
    found = await encounter(database)
    assert (found["class"], found["in_ed"], found["triage_level"]) == ("E", True, 2)
    assert found["arrived_at"] == datetime(2026, 11, 23, 6, 55, tzinfo=UTC)
    assert found["triaged_at"] == datetime(2026, 11, 23, 7, 4, tzinfo=UTC)
    assert found["seen_at"] == datetime(2026, 11, 23, 7, 20, tzinfo=UTC)


RESULT = (
    "PID|1||P1",
    "ORC|RE|O-1|F-1",
    "OBR|1|O-1|F-1|718-7^Haemoglobin^LN||||||||||||||||||20261123104500+0300||LAB|F",
)
ORDER = ("PID|1||P1", "ORC|NW|O-1||||||20261123100000+0300", "OBR|1|O-1||718-7^Haemoglobin^LN")


@pytest.mark.parametrize("result_first", [False, True])
async def test_an_order_and_its_result_give_one_turnaround_in_either_order(
    database: Database, result_first: bool
) -> None:
    """HL7 v2.5.1 chapters 4 and 7; domain.md: ORM, OML order; ORU result; order to result turnaround."""
    pair = [message("ORM^O01", "order", *ORDER), message("ORU^R01", "result", *RESULT)]
    async with gateway(database) as ports, sending(ports) as sender:
        for text in reversed(pair) if result_first else pair:
            assert await sender.code(text) == "AA"
    rows = await count(
        database,
        "SELECT placer, filler, kind, code_system, code, display, resulted_at - ordered_at FROM clinical_order",
    )
    assert [row[:6] for row in rows] == [("O-1", "F-1", "lab", "LN", "718-7", "Haemoglobin")]
    assert rows[0][6].total_seconds() == 45 * 60


async def test_a_preliminary_result_is_none_and_a_correction_does_not_move_the_first(database: Database) -> None:
    obr = "OBR|1|O-1|F-1|718-7^Hb^LN||||||||||||||||||{at}||LAB|{status}"
    async with gateway(database) as ports, sending(ports) as sender:
        for number, (moment, status) in enumerate((("1030", "P"), ("1045", "F"), ("1200", "C"))):
            line = obr.format(at=f"20261123{moment}+0300", status=status)
            await sender.code(message("ORU^R01", f"r{number}", line))
            resulted = await count(database, "SELECT resulted_at IS NOT NULL FROM clinical_order")
            assert resulted == [(status != "P",)]
    assert await count(database, "SELECT resulted_at FROM clinical_order") == [
        (datetime(2026, 11, 23, 7, 45, tzinfo=UTC),)
    ]


async def test_a_result_under_the_fillers_number_alone_finds_its_order(database: Database) -> None:
    alone = "OBR|1||F-9|24627-2^CT chest^LN||||||||||||||||||20261123110000+0300|||F"
    both = ("ORC|NW|O-9|F-9|||||20261123100000+0300", "OBR|1|O-9|F-9|24627-2^CT chest^LN")
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.code(message("ORU^R01", "first", alone))
        await sender.code(message("ORM^O01", "then", *both))
        await sender.code(message("ORU^R01", "again", alone.replace("1100", "1130")))
    rows = await count(database, "SELECT order_key, kind, resulted_at IS NOT NULL FROM clinical_order")
    assert rows == [("O-9", "radiology", True)]


async def test_a_cancelled_order_is_not_waited_for(database: Database) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.code(message("ORM^O01", "new", *ORDER))
        cancel = ("ORC|CA|O-1||||||20261123101000+0300", "OBR|1|O-1||718-7^Haemoglobin^LN")
        await sender.code(message("ORM^O01", "cancel", *cancel))
    assert await count(database, "SELECT cancelled_at IS NOT NULL, ordered_at IS NOT NULL FROM clinical_order") == [
        (True, True)
    ]


async def moments_of_the_order(database: Database) -> tuple[Any, ...]:
    (row,) = await count(database, "SELECT ordered_at, resulted_at, cancelled_at IS NOT NULL FROM clinical_order")
    return row


@pytest.mark.parametrize("late", [False, True])
async def test_an_order_is_put_right_cancelled_and_placed_again_by_the_newest_message(
    database: Database, late: bool
) -> None:
    """HL7 v2.5.1, 4.5.1.1 and 4.5.1.9, table 0119: ORC-1 NW and CA, and ORC-9, the time of what ORC-1 tells of."""

    def told(control: str, ordered: str, sent: str) -> str:
        orc = f"ORC|{control}|O-1|||||||20261123{ordered}00+0300"
        return message("ORM^O01", f"{control}{sent}", orc, "OBR|1|O-1||718-7^Hb^LN", at=f"20261123{sent}00+0300")

    story = [told("NW", "1000", "1000"), told("NW", "1010", "1015"), told("SC", "1020", "1020")]
    cancelled = [told("CA", "1030", "1030")]
    again = [told("NW", "1040", "1041")]
    async with gateway(database) as ports, sending(ports) as sender:
        for texts, expected in (
            (story, (datetime(2026, 11, 23, 7, 10, tzinfo=UTC), None, False)),
            (cancelled, (datetime(2026, 11, 23, 7, 10, tzinfo=UTC), None, True)),
            (again, (datetime(2026, 11, 23, 7, 40, tzinfo=UTC), None, False)),
        ):
            for text in reversed(texts) if late else texts:
                assert await sender.code(text) == "AA"
            assert await moments_of_the_order(database) == expected


@pytest.mark.parametrize(
    ("status", "observed", "holds"),
    [("X", "F", False), ("C", "D", False), ("F", "X", False), ("C", "DW", False), ("C", "DF", True), ("C", "", True)],
)
async def test_a_result_that_is_taken_back_is_none_until_there_is_another(
    database: Database, status: str, observed: str, holds: bool
) -> None:
    """HL7 v2.5.1, 7.4.1.25 with table 0123 (X: no results available), 7.4.2.11 with table 0085 (D, W, X)."""

    def result(moment: str, status: str, observed: str) -> str:
        obr = f"OBR|1|O-1|F-1|718-7^Hb^LN||||||||||||||||||20261123{moment}+0300||LAB|{status}"
        obxs = [f"OBX|{n}|NM|718-7^Hb^LN||12||||||{each}" for n, each in enumerate(observed, start=1)]
        other = ("OBR|2|O-2|F-2|2951-2^Na^LN|||||||||||||||||||||F", "OBX|1|NM|2951-2||140||||||F")
        return message("ORU^R01", f"r{moment}", obr, *obxs, *other)

    first, last = datetime(2026, 11, 23, 7, 45, tzinfo=UTC), datetime(2026, 11, 23, 10, tzinfo=UTC)
    rows = "SELECT resulted_at FROM clinical_order ORDER BY order_key"
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.code(result("1045", "F", "F"))
        await sender.code(result("1200", status, observed))
        found = await count(database, rows)
        assert found[0] == (first if holds else None,)
        assert found[1][0] is not None
        await sender.code(result("1300", "F", "F"))
        assert (await count(database, rows))[0] == (first if holds else last,)


async def test_merged_patients_are_one_in_all_their_visits(database: Database) -> None:
    """HL7 v2.5.1 chapter 3.3.40; domain.md: A34, A40 merge."""
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.code(adt("A04", "1", "V1"))
        await sender.code(message("ADT^A40", "m1", "PID|1||P-new", "MRG|P-V1"))
        await sender.code(adt("A08", "2", "V1", at="20261123110000+0300"))
        await sender.code(message("ADT^A40", "m2", "PID|1||P-last", "MRG|P-new"))
        await sender.code(adt("A03", "3", "V1", at="20261123120000+0300"))
    async with database.connect("gateway") as connection:
        assert await connection.fetchval("SELECT patient_key FROM encounter_patient") == "P-last"


async def test_times_without_an_offset_are_read_in_the_feeds_zone(database: Database) -> None:
    text = (database.folder / "center.json").read_text()
    (database.folder / "center.json").write_text(
        text.replace('"code": "MKH"', '"code": "MKH", "timeZone": "Asia/Riyadh"')
    )
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.code(adt("A04", "1", at="20261123100000"))
    assert (await encounter(database))["arrived_at"] == datetime(2026, 11, 23, 7, tzinfo=UTC)


async def test_a_commit_tells_analytics_which_facilities_changed(database: Database) -> None:
    heard: list[str] = []
    async with gateway(database) as ports, database.connect("analytics") as listener, sending(ports) as sender:
        await listener.add_listener("facts", lambda *arguments: heard.append(arguments[-1]))
        await sender.code(adt("A04", "1"))
        await listener.execute("SELECT 1")
    assert heard == ['{"facilities": ["KAMC"]}']


async def test_whoever_has_no_bed_is_in_none(database: Database) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        await sender.code(adt("A01", "1", patient_class="I", place="W5^1^12"))
        assert (await encounter(database))["bed"] == "12"
        await sender.code(adt("A02", "2", patient_class="I", place="LOUNGE", at="20261123110000+0300"))
    found = await encounter(database)
    assert (found["point_of_care"], found["room"], found["bed"]) == ("LOUNGE", None, None)


async def test_a_message_is_measured_by_its_own_time_and_not_by_what_it_tells_of(database: Database) -> None:
    result = ("PID|1||P1", "ORC|RE|1|2", f"OBR|1|1|2|718-7^Haemoglobin^LN|{'|' * 17}20261123080000+0300||LAB|F")
    at = "20261123101500+0300"
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(message("ORU^R01", "result", *result, at=at)) == "AA"
    sent, event = datetime(2026, 11, 23, 7, 15, tzinfo=UTC), datetime(2026, 11, 23, 5, tzinfo=UTC)
    assert await count(database, "SELECT sent_at, event_at FROM message") == [(sent, event)]
    assert await count(database, "SELECT sent_at, event_at FROM unmeasured") == [(sent, event)]
    assert await count(database, "SELECT resulted_at, source_at FROM clinical_order") == [(event, event)]
    sources = "SELECT last_event_at, last_sent_at FROM feed_counter WHERE received > 0"
    assert await count(database, sources) == [(event, sent)]


@pytest.mark.parametrize("written", ["", "20261123", "2026112310", "202611231", "noon", "20261332101500"])
async def test_a_header_without_a_usable_time_costs_no_message_and_leaves_the_event_to_measure_by(
    database: Database, written: str
) -> None:
    at = "20261123101500+0300"
    text = adt("A04", "1", at=at).replace(f"|{at}||ADT", f"|{written}||ADT", 1)
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(text) == "AA"
    assert await count(database, "SELECT sent_at FROM message") == [(None,)]
    assert await count(database, "SELECT sent_at FROM unmeasured") == [(datetime(2026, 11, 23, 7, 15, tzinfo=UTC),)]


async def test_a_clock_that_is_ahead_never_makes_a_source_time_of_tomorrow(database: Database) -> None:
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(adt("A04", "1", at="20991231101500+0300")) == "AA"
    same = "SELECT last_sent_at = last_received_at FROM feed_counter WHERE received > 0"
    assert await count(database, same) == [(True,)]
    assert await count(database, "SELECT sent_at > received_at FROM unmeasured") == [(True,)]


async def test_only_what_was_accepted_is_remembered_as_accepted(database: Database) -> None:
    moments = "SELECT last_received_at, last_accepted_at FROM feed_counter WHERE received > 0"
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(adt("Z01", "1")) == "AR"
        assert await sender.code(adt("Z01", "1")) == "AR"  # a duplicate of what was refused
        ((_, accepted),) = await count(database, moments)
        assert accepted is None
        assert await sender.code(adt("A04", "2")) == "AA"
        ((received, accepted),) = await count(database, moments)
        assert accepted == received
        assert await sender.code(adt("Z01", "3")) == "AR"
        ((received, before),) = await count(database, moments)
        assert before == accepted < received
        assert await sender.code(adt("A04", "2")) == "AA"  # sent again: it was taken, and is
        ((received, accepted),) = await count(database, moments)
        assert before < accepted == received


async def test_a_feed_is_known_by_the_kinds_of_facts_it_ever_told(database: Database) -> None:
    """Not by what was refused, and what was said once stays."""
    known = "SELECT tells FROM feed_counter WHERE received > 0"
    result = ("PID|1||P1", "ORC|RE|1|2", f"OBR|1|1|2|718-7^Haemoglobin^LN|{'|' * 17}20261123080000+0300||LAB|F")
    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(adt("Z01", "1")) == "AR"
        assert await count(database, known) == [(None,)]
        assert await sender.code(message("ORU^R01", "2", *result)) == "AA"
        assert await count(database, known) == [(bits(["lab"]),)]
        assert await sender.code(adt("A04", "3")) == "AA"
        assert await sender.code(adt("A31", "4")) == "AA"
        assert await count(database, known) == [(bits(["lab", "visits"]),)]
