"""Transactions, batches, repetition, senders and bounds: what HTTP and FHIR promise, over real sockets."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from marsad_center.gateway.fhir.limits import FhirLimits
from marsad_center.gateway.limits import Limits
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import (
    Document,
    bundle,
    concept,
    encounter,
    put,
    resource,
    rows,
    send,
    with_fhir,
)
from marsad_center.tests.gateway.playing import gateway

GIVEN: Document = {"patient": {"reference": "Patient/P1"}, "occurrenceDateTime": "2026-11-23"}
SEPARATE = "SELECT message_type, trigger, ack_code FROM message ORDER BY id"


def stay(id_: str | None = None, **more: Any) -> Document:
    """A visit that refers to a patient of its Bundle."""
    found = encounter(id_ or "V1", subject={"reference": "urn:uuid:p"}, **more)
    return found if id_ else {key: value for key, value in found.items() if key != "id"}


def triage() -> Document:
    code = concept("11283-9", "http://loinc.org")
    refers: Document = {"encounter": {"reference": "urn:uuid:e"}, "subject": {"reference": "urn:uuid:p"}}
    said: Document = {"status": "final", "code": code, "valueInteger": 2, **refers}
    return {"resourceType": "Observation", "identifier": [{"value": "O1"}], **said}


def three(last: Document) -> Document:
    """A patient, his visit, and `last` about it."""
    return bundle(
        "transaction",
        ("PUT Patient/P7", resource("Patient", "P7"), "urn:uuid:p"),
        ("POST Encounter", stay(identifier=[{"value": "V7"}]), "urn:uuid:e"),
        ("POST Observation", last, "urn:uuid:o"),
    )


async def test_a_transaction_is_one_message_whose_entries_know_each_other(database: Database) -> None:
    async with gateway(database) as ports:
        answer = await send(ports, "POST", "/fhir", three(triage()))
        again = await send(ports, "POST", "/fhir", three(triage()))
    assert (answer.status, answer.body["type"]) == (200, "transaction-response")
    assert [each["response"] for each in answer.body["entry"]] == [
        {"status": "200 OK", "location": "Patient/P7"},
        {"status": "201 Created", "location": "Encounter/V7"},
        {"status": "201 Created", "location": "Observation/O1"},
    ]
    assert again.raw == answer.raw
    assert await rows(database, SEPARATE) == [("Bundle", "transaction", "200")]
    assert await rows(database, "SELECT visit_key, patient_key, triage_level FROM encounter") == [("V7", "P7", 2)]
    assert await rows(database, "SELECT accepted, duplicate FROM feed_counter WHERE received > 0") == [(1, 1)]


async def test_a_transaction_with_one_wrong_entry_leaves_nothing_but_its_quarantine(database: Database) -> None:
    async with gateway(database) as ports:
        answer = await send(ports, "POST", "/fhir", three(triage() | {"status": "perhaps"}))
    assert (answer.status, answer.issues[0][:2]) == (422, ("code-invalid", "Bundle.entry[2].resource.status"))
    assert await rows(database, "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM encounter)") == [(0, 0)]
    assert await rows(database, "SELECT reason FROM quarantine") == [("bad-code",)]


async def test_a_transaction_that_the_database_refuses_in_the_middle_leaves_nothing(database: Database) -> None:
    async with database.connect("postgres") as connection:
        await connection.execute("ALTER TABLE movement ADD CHECK (triage_level IS NULL)")
    async with gateway(database) as ports:
        answer = await send(ports, "POST", "/fhir", three(triage()))
    assert (answer.status, answer.issues[0][0]) == (500, "exception")
    assert await rows(database, "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM encounter)") == [(0, 0)]
    assert await rows(database, "SELECT reason FROM quarantine") == [("not-processed",)]


async def test_each_entry_of_a_batch_is_a_message_by_itself(database: Database) -> None:
    good, bad = encounter("V1", "1"), encounter("V2", status="perhaps")
    whole = bundle(
        "batch", ("PUT Encounter/V1", good), ("PUT Encounter/V2", bad), ("PUT Encounter/V3", encounter("V3"))
    )
    content = json.dumps(whole).replace('"entry": [', '"entry" :\n [ ').encode()  # not as we would write it
    async with gateway(database) as ports:
        answer = await send(ports, "POST", "/fhir", content)
    assert (answer.status, answer.body["type"]) == (200, "batch-response")
    said = [each["response"] for each in answer.body["entry"]]
    assert [each["status"] for each in said] == ["200 OK", "422 Unprocessable Entity", "200 OK"]
    assert (said[0]["location"], said[0]["etag"]) == ("Encounter/V1/_history/1", 'W/"1"')
    assert said[1]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]
    stored = await rows(database, "SELECT raw FROM message UNION ALL SELECT raw FROM quarantine")
    assert {raw for (raw,) in stored} == {json.dumps(each).encode() for each in (good, bad, encounter("V3"))}
    assert await rows(database, "SELECT count(*) FROM encounter") == [(2,)]


async def test_what_is_not_served_fails_a_transaction_whole_and_of_a_batch_only_its_entry(database: Database) -> None:
    """https://hl7.org/fhir/R4/http.html#transaction: all or nothing, and for a batch entry by entry."""
    entries = (
        ("PUT Patient/P1", resource("Patient", "P1")),
        ("PUT Claim/C1", resource("Claim", "C1")),
        ("PUT Encounter/V1", encounter("V1")),  # refers to Patient/P1
        ("POST Provenance", {"resourceType": "Provenance"}),
        ("PUT Location/L1", {"resourceType": "Encounter", "id": "L1"}),
    )
    async with gateway(database) as ports:
        refused = await send(ports, "POST", "/fhir", bundle("transaction", *entries))
        nothing = "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM encounter)"
        assert await rows(database, nothing) == [(0, 0)]
        taken = await send(ports, "POST", "/fhir", bundle("batch", *entries))
    assert refused.status == 404
    assert [each[:2] for each in refused.issues] == [
        ("not-supported", "Bundle.entry[1].resource"),
        ("not-supported", "Bundle.entry[3].resource"),
    ], "the sender learns of all at once"
    assert all("or send a batch, of which the rest is taken" in each[2] for each in refused.issues)
    assert taken.status == 200
    said = [each["response"] for each in taken.body["entry"]]
    assert [each["status"][:3] for each in said] == ["200", "404", "200", "404", "400"]
    for number in (1, 3):
        issue = said[number]["outcome"]["issue"][0]
        assert (issue["code"], issue["expression"]) == ("not-supported", [f"Bundle.entry[{number}].resource"])
        assert "leave it out" in issue["diagnostics"]
    assert await rows(database, "SELECT message_type FROM message ORDER BY 1") == [("Encounter",), ("Patient",)]
    assert await rows(database, "SELECT visit_key, patient_key FROM encounter_patient") == [("V1", "P1")]
    assert await rows(database, "SELECT reason, count(*) FROM quarantine GROUP BY 1 ORDER BY 1") == [
        ("bad-bundle", 1),
        ("unknown-type", 3),
    ]


async def test_entries_of_a_batch_cannot_refer_to_each_other(database: Database) -> None:
    both = bundle(
        "batch", ("PUT Patient/P7", resource("Patient", "P7"), "urn:uuid:p"), ("PUT Encounter/V1", stay("V1"))
    )
    async with gateway(database) as ports:
        answer = await send(ports, "POST", "/fhir", both)
    assert [each["response"]["status"][:3] for each in answer.body["entry"]] == ["200", "422"]


async def test_the_same_version_again_is_one_record_and_one_answer(database: Database) -> None:
    async with gateway(database) as ports, gateway(database) as other:
        first = await put(ports, encounter(version="1"))
        assert (await put(other, encounter(version="1"))).raw == first.raw
        conflict = await put(ports, encounter(version="1", status="arrived"))
        assert (conflict.status, conflict.issues[0][0]) == (409, "conflict")
        assert "another meta.versionId" in conflict.issues[0][2]
        assert (await put(ports, encounter(version="2", status="arrived"))).status == 200
        without_version = encounter("V2", updated=None)
        for _again in range(2):
            assert (await put(ports, without_version)).status == 200
        posted = {key: value for key, value in encounter(identifier=[{"value": "V3"}]).items() if key != "id"}
        answers = [await send(ports, "POST", "/fhir/Encounter", posted) for _again in range(2)]
        assert [(each.status, each.headers["location"]) for each in answers] == [(201, "/fhir/Encounter/V3")] * 2
        by_number = await send(ports, "PUT", "/fhir/Encounter?identifier=urn:v%7CV3", posted)
        assert by_number.status == 201, "it is the same thing, however it is addressed, and is answered as it was"
    assert await rows(database, "SELECT count(*) FROM encounter") == [(3,)]
    counters = "SELECT received, accepted, rejected, duplicate, quarantined FROM feed_counter WHERE received > 0"
    assert await rows(database, counters) == [(9, 4, 1, 4, 1)]
    assert await rows(database, "SELECT reason, detail FROM quarantine") == [
        ("conflict", "this version was sent before with other content")
    ]


async def test_a_sender_that_nobody_declared_is_refused_and_listed(database: Database) -> None:
    source = {"meta": {"source": "urn:marsad:feed:EMR:ALNOOR"}}
    async with gateway(database) as ports:
        for feed, content in (("EMR|NOWHERE", encounter()), (None, encounter()), ("EMR", encounter() | source)):
            answer = await put(ports, content, feed=feed)
            known = content.get("meta", {}).get("source")
            assert answer.status == (200 if known else 403)
            assert "X-Marsad-Feed: APPLICATION|FACILITY" in answer.issues[0][2] or known
        one = bundle("transaction", ("PUT Encounter/V9", encounter("V9")), **source)
        assert (await send(ports, "POST", "/fhir", one, feed=None)).status == 200
        each = bundle("batch", ("PUT Encounter/V8", encounter("V8") | source), ("PUT Encounter/V7", encounter("V7")))
        answer = await send(ports, "POST", "/fhir", each, feed=None)
        assert [entry["response"]["status"] for entry in answer.body["entry"]] == ["200 OK", "403 Forbidden"]
    listed = await rows(
        database, "SELECT reason, sending_application, sending_facility, feed_id FROM quarantine ORDER BY 3 NULLS FIRST"
    )
    assert listed == [
        ("unknown-sender", None, None, None),
        ("unknown-sender", None, None, None),
        ("unknown-sender", "EMR", "NOWHERE", None),
    ] or listed == [("unknown-sender", None, None, None), ("unknown-sender", "EMR", "NOWHERE", None)]
    assert {row[0] for row in await rows(database, "SELECT facility FROM encounter")} == {"ALNOOR"}


async def test_names_in_arabic_are_senders_too_and_content_in_any_script_is_kept(database: Database) -> None:
    center = database.folder / "center.json"
    told = json.loads(center.read_text())
    told["facilities"][0]["feeds"][1]["sendingFacility"] = "مكة"
    center.write_text(json.dumps(told))
    code = concept("1", display="急诊 – urgences – طوارئ")
    content = json.dumps(
        resource("Immunization", "I1", status="completed", vaccineCode=code) | GIVEN, ensure_ascii=False
    )
    async with gateway(database) as ports:
        header = "EMR|مكة".encode().decode("latin-1")
        answer = await send(ports, "PUT", "/fhir/Immunization/I1?_format=json", content.encode(), feed=header)
        source = {"meta": {"source": "urn:marsad:feed:EMR:%D9%85%D9%83%D8%A9"}}
        assert (await put(ports, encounter() | source, feed=None)).status == 200
    assert answer.status == 200
    assert await rows(database, "SELECT vaccine_display FROM vaccination") == [("急诊 – urgences – طوارئ",)]
    assert (await rows(database, "SELECT raw FROM message ORDER BY id"))[0] == (content.encode(),)


async def test_freshness_runs_from_when_the_source_changed_the_resource(database: Database) -> None:
    async with gateway(database) as ports:
        await put(ports, encounter("V1", updated="2026-11-23T12:00:00+03:00"))
        await put(ports, encounter("V2", updated=None))
        timed = bundle("transaction", ("PUT Encounter/V3", encounter("V3")), timestamp="2026-11-23T13:00:00Z")
        await send(ports, "POST", "/fhir", timed)
    start = datetime(2026, 11, 23, 7, tzinfo=UTC)
    found = await rows(database, "SELECT sent_at, event_at FROM message ORDER BY id")
    assert found == [
        (datetime(2026, 11, 23, 9, tzinfo=UTC), start),
        (None, start),
        (datetime(2026, 11, 23, 13, tzinfo=UTC), start),
    ]
    assert await rows(database, "SELECT count(*) FROM unmeasured") == [(3,)]


async def test_days_are_those_of_the_feeds_zone(database: Database) -> None:
    text = (database.folder / "center.json").read_text()
    (database.folder / "center.json").write_text(
        text.replace('"code": "MKH"', '"code": "MKH", "timeZone": "Asia/Riyadh"')
    )
    async with gateway(database) as ports:
        await put(ports, encounter(period={"start": "2026-11-23"}))
    assert await rows(database, "SELECT arrived_at FROM encounter") == [(datetime(2026, 11, 22, 21, tzinfo=UTC),)]


async def test_what_is_not_served_says_what_is(database: Database) -> None:
    async with gateway(database) as ports:
        for method, path, kind, headers, status in (
            ("POST", "/fhir/Patient", "application/fhir+xml", {}, 415),
            ("POST", "/fhir/Patient", "application/fhir+json; charset=latin-1", {}, 415),
            ("POST", "/fhir/Patient", "application/fhir+json; fhirVersion=3.0", {}, 415),
            ("POST", "/fhir/Patient", "application/json", {"Content-Encoding": "gzip"}, 415),
            ("POST", "/fhir/Patient", "application/json", {"Accept": "application/fhir+xml"}, 406),
            ("GET", "/fhir/Patient/P1", "application/json", {}, 405),
            ("DELETE", "/fhir/Patient/P1", "application/json", {}, 405),
            ("PUT", "/fhir/Patient", "application/json", {}, 405),
            ("PUT", "/fhir", "application/json", {}, 405),
            ("POST", "/fhir/metadata", "application/json", {}, 405),
            ("POST", "/fhir/Claim", "application/json", {}, 404),
            ("GET", "/fhir/Patient/P1/_history/2", "application/json", {}, 405),
        ):
            answer = await send(ports, method, path, b"{}" if method != "GET" else None, kind=kind, **headers)
            assert (answer.status, answer.issues[0][0]) == (status, "not-supported"), path
        answer = await send(ports, "GET", "/fhir/metadata")
        assert answer.body["fhirVersion"] == "4.0.1"
        (rest,) = answer.body["rest"]
        assert {each["type"] for each in rest["resource"]} >= {"Encounter", "GuidanceResponse"}
    assert await rows(database, "SELECT count(*) FROM quarantine") == [(0,)]


async def test_a_body_that_is_too_long_is_refused_with_its_beginning_kept(database: Database) -> None:
    limits = FhirLimits(body=20_000, kept=1_000, entries=2)
    long = json.dumps(encounter(note="x" * 30_000)).encode()
    async with gateway(database, fhir_limits=limits) as ports:
        answer = await send(ports, "PUT", "/fhir/Encounter/V1", long)
        assert (answer.status, answer.issues[0][0]) == (413, "too-long")
        many = bundle("transaction", *((f"PUT Patient/P{n}", resource("Patient", f"P{n}")) for n in range(3)))
        answer = await send(ports, "POST", "/fhir", many)
        assert answer.issues == [("invalid", "Bundle.entry", "a Bundle has at most 2 entries here: send it in parts")]
    kept = await rows(database, "SELECT raw, size, cut FROM quarantine WHERE reason = 'too-long'")
    assert kept == [(long[:1_000], len(long), True)]


async def talk(port: int, *pieces: bytes) -> bytes:
    """Write pieces over one connection, and read until the other side ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), 120)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_whoever_is_slow_is_not_waited_for_for_ever(database: Database) -> None:
    head = (
        b"PUT /fhir/Encounter/V1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"
    )
    limits = FhirLimits(head_seconds=0.3, piece_seconds=0.3)
    async with gateway(database, fhir_limits=limits) as ports:
        stalled = await talk(ports.http, head, b'{"resourceType"')
        assert stalled.startswith(b"HTTP/1.1 408")
        assert b'"timeout"' in stalled
        assert await talk(ports.http) == b""
        assert await talk(ports.http, head[:40]) == b""
        assert (await put(ports, encounter())).status == 200
    assert await rows(database, "SELECT count(*) FROM quarantine") == [(0,)]


async def test_connections_over_the_limit_are_ended_and_metrics_stay_reachable(database: Database) -> None:
    from marsad_center.tests.gateway.test_process import get

    async with gateway(database, fhir_limits=FhirLimits(connections=2, head_seconds=30)) as ports:
        held = [await asyncio.open_connection("127.0.0.1", ports.http) for _number in range(2)]
        await asyncio.sleep(0)
        assert await talk(ports.http) == b""
        status, _kind, text = await get(ports.metrics, "/metrics")
        assert status == 200
        assert 'marsad_gateway_http_closed_total{cause="too-many"}' in text
        assert (await get(ports.metrics, "/healthz"))[0] == 200
        for _reader, writer in held:
            writer.close()


@pytest.mark.postgres
async def test_nothing_is_answered_well_before_it_is_committed(durable_database: Database) -> None:
    limits = Limits(hold_seconds=1.5)
    async with gateway(with_fhir(durable_database), limits) as ports:
        assert (await put(ports, encounter("V1"))).status == 200
        durable_database.server.kill()
        answer = await put(ports, encounter("V2"))
        assert (answer.status, answer.issues[0][0]) == (503, "transient")
        assert answer.headers["retry-after"] == "5"
        each = await send(ports, "POST", "/fhir", bundle("batch", ("PUT Encounter/V3", encounter("V3"))))
        assert each.body["entry"][0]["response"]["status"] == "503 Service Unavailable"
        durable_database.server.start()
        await durable_database.server.wait()
        for _attempt in range(30):
            answer = await put(ports, encounter("V2"))
            if answer.status == 200:
                break
        assert answer.status == 200
    stored = await rows(durable_database, "SELECT visit_key FROM encounter ORDER BY 1")
    assert stored == [("V1",), ("V2",)]
