"""Whatever is wrong gets an OperationOutcome that says where and what to do, and goes to quarantine whole."""

from __future__ import annotations

import json
from typing import Any

from marsad_center.gateway.fhir.faults import ANSWERS
from marsad_center.gateway.fhir.validating import SERVED
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import Document, act, bundle, concept, encounter, resource, rows, send
from marsad_center.tests.gateway.playing import gateway

Issue = tuple[str, str | None, str]
SEND_ONE = "send one resource or Bundle in application/fhir+json"
STATUSES = (
    "'planned', 'arrived', 'triaged', 'in-progress', 'onleave', 'finished', 'cancelled', 'entered-in-error', 'unknown'"
)


def without(document: Document, name: str) -> Document:
    return {key: value for key, value in document.items() if key != name}


def acuity(**more: Any) -> Document:
    return resource("Observation", "O1", status="final", code=concept("11283-9", "http://loinc.org")) | more


# (request, content, status, reason of the quarantine, issues)
CASES: list[tuple[str, Document | bytes, int, str, list[Issue]]] = [
    (
        "PUT /fhir/Encounter/V1",
        b'{"resourceType": "Encounter", ',
        400,
        "not-json",
        [("structure", None, f"the body is no JSON in UTF-8: {SEND_ONE}")],
    ),
    (
        "PUT /fhir/Encounter/V1",
        b'{"resourceType": "Encounter", "id": "\xff"}',
        400,
        "not-json",
        [("structure", None, f"the body is no JSON in UTF-8: {SEND_ONE}")],
    ),
    (
        "PUT /fhir/Encounter/V1",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        400,
        "not-json",
        [("structure", None, f"it is nested too deeply: {SEND_ONE}")],
    ),
    (
        "PUT /fhir/Encounter/V1",
        b"[]",
        400,
        "not-json",
        [("structure", None, "the body is no JSON object: send one resource or Bundle")],
    ),
    (
        "PUT /fhir/Encounter/V1",
        without(encounter(), "resourceType"),
        400,
        "no-resource",
        [("structure", "resourceType", "resourceType is missing: say which resource this is")],
    ),
    (
        "PUT /fhir/Patient/V1",
        encounter(),
        400,
        "bad-value",
        [("value", "resourceType", "resourceType must be that of the address: Patient")],
    ),
    (
        "PUT /fhir/Encounter/V2",
        encounter(),
        400,
        "wrong-id",
        [("value", "Encounter.id", "Encounter.id must be the id of the address that it is put to")],
    ),
    (
        "PUT /fhir/Encounter?identifier=urn:v|7",
        encounter(identifier=[{"value": "8"}]),
        400,
        "wrong-id",
        [("value", "Encounter.identifier", "Encounter.identifier must have the value that it is put by")],
    ),
    (
        "PUT /fhir/Encounter/V1",
        without(without(encounter(), "status"), "class"),
        400,
        "missing-element",
        [
            ("required", "Encounter.status", "Encounter.status is required: add it"),
            ("required", "Encounter.class", "Encounter.class is required: add it"),
        ],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(status="gone"),
        422,
        "bad-code",
        [("code-invalid", "Encounter.status", f"Encounter.status must be one of {STATUSES}")],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(period={"start": "23.11.2026"}),
        400,
        "bad-value",
        [
            (
                "value",
                "Encounter.period.start",
                "Encounter.period.start cannot be read: write a dateTime as 2026-11-23T10:15:00+03:00, or its day as "
                "2026-11-23",
            )
        ],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(period={"start": "2026-02-30"}),
        400,
        "bad-value",
        [("value", "Encounter.period.start", "Encounter.period.start cannot be read: there is no such day")],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(updated="2026-11-23"),
        400,
        "bad-value",
        [
            (
                "value",
                "Encounter.meta.lastUpdated",
                "Encounter.meta.lastUpdated cannot be read: write an instant to the second and with its offset, as "
                "2026-11-23T10:15:00+03:00",
            )
        ],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(location=[{"location": {"reference": "Location/ED"}}, {"location": 7}]),
        400,
        "bad-element",
        [("structure", "Encounter.location[1].location", "Encounter.location[1].location must be an object")],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(class_=act("a  b")),
        400,
        "bad-value",
        [
            (
                "value",
                "Encounter.class.code",
                "Encounter.class.code cannot be read: a code has no spaces around it or doubled in it",
            )
        ],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(identifier=[{"value": "a\0b"}]),
        400,
        "bad-value",
        [
            (
                "value",
                "Encounter.identifier[0].value",
                "Encounter.identifier[0].value cannot be read: it has control characters",
            )
        ],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(subject={"reference": "Group/1/2/3"}),
        422,
        "bad-reference",
        [
            (
                "value",
                "Encounter.subject",
                "write a reference as Type/id, as an absolute address, as urn:uuid: of the transaction, or by "
                "identifier",
            )
        ],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(location=[{"location": {"reference": "Patient/P1"}}]),
        422,
        "bad-reference",
        [("value", "Encounter.location[0].location", "Encounter.location[0].location must refer to a Location")],
    ),
    (
        "PUT /fhir/Encounter/V1",
        encounter(subject={"reference": "urn:uuid:0f5e"}),
        422,
        "unresolved",
        [
            (
                "not-found",
                "Encounter.subject",
                "no entry of this transaction has this fullUrl: add it, or refer by identifier (the entries of a "
                "batch cannot refer to each other, send a transaction)",
            )
        ],
    ),
    (
        "POST /fhir/Observation",
        without(acuity(), "id"),
        422,
        "missing-key",
        [
            (
                "required",
                "Observation.identifier",
                "give the Observation an identifier with a value, or put it under an id: without either a repetition "
                "cannot be told from a second one",
            )
        ],
    ),
    (
        "PUT /fhir/Observation/O1",
        acuity(),
        422,
        "missing-visit",
        [
            (
                "required",
                "Observation.encounter",
                "Observation.encounter is required for what is said of a visit (acuity, first contact...): add it",
            )
        ],
    ),
    (
        "PUT /fhir/MedicationRequest/M1",
        resource("MedicationRequest", "M1", status="active", intent="order", subject={"reference": "Patient/1"}),
        400,
        "missing-element",
        [
            (
                "required",
                "MedicationRequest",
                "MedicationRequest needs exactly one of medicationCodeableConcept, medicationReference",
            )
        ],
    ),
    (
        "PUT /fhir/Appointment/A1",
        resource("Appointment", "A1", status="booked", participant=[]),
        400,
        "missing-element",
        [("required", "Appointment.participant", "Appointment.participant needs at least 1")],
    ),
    (
        "POST /fhir",
        encounter(),
        400,
        "no-resource",
        [
            (
                "structure",
                "resourceType",
                "POST /fhir takes a Bundle of type transaction or batch: post one resource to /fhir/[type]",
            )
        ],
    ),
    (
        "POST /fhir",
        bundle("searchset"),
        422,
        "bad-code",
        [("code-invalid", "Bundle.type", "Bundle.type must be one of 'transaction', 'batch'")],
    ),
    (
        "POST /fhir",
        bundle("transaction", ("DELETE Encounter/V1", encounter())),
        400,
        "bad-bundle",
        [
            (
                "invalid",
                "Bundle.entry[0].request",
                "request must be POST Encounter, PUT Encounter/[id] or PUT Encounter?identifier=[system]|[value]",
            )
        ],
    ),
    (
        "POST /fhir",
        {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": encounter()}]},
        400,
        "missing-element",
        [("required", "Bundle.entry[0].request", "Bundle.entry[0].request is required: add it")],
    ),
    (
        "POST /fhir",
        bundle("transaction", ("PUT Encounter/V1", encounter()), ("PUT Encounter/V1", encounter())),
        400,
        "bad-bundle",
        [
            (
                "invalid",
                "Bundle.entry[1]",
                "another entry of this transaction is the same resource: send each once",
            )
        ],
    ),
    (
        "POST /fhir",
        bundle("transaction", ("PUT Claim/1", {"resourceType": "Claim", "id": "1"})),
        404,
        "unknown-type",
        [
            (
                "not-supported",
                "Bundle.entry[0].resource",
                "this resource is not taken here, and a transaction is taken whole or not at all: leave the entry out, "
                "or send a batch, of which the rest is taken (its entries refer to each other by Type/id or "
                f"identifier, not by fullUrl). Taken are {SERVED}",
            )
        ],
    ),
    (
        "POST /fhir",
        bundle("transaction", ("PUT Encounter/V1", encounter(), "somewhere")),
        400,
        "bad-value",
        [
            (
                "value",
                "Bundle.entry[0].fullUrl",
                "write fullUrl as urn:uuid:..., or as an absolute http address",
            )
        ],
    ),
    (
        "POST /fhir",
        bundle("transaction", ("PUT Patient/P1", resource("Patient", "P1")), ("PUT Encounter/V1", encounter(class_=1))),
        400,
        "bad-element",
        [
            (
                "structure",
                "Bundle.entry[1].resource.class",
                "Encounter.class must be an object",
            )
        ],
    ),
]


async def test_every_fault_is_said_where_it_is_and_kept_whole(database: Database) -> None:
    assert len(CASES) >= 15
    async with gateway(database) as ports:
        for request, content, status, _reason, issues in CASES:
            method, _space, path = request.partition(" ")
            answer = await send(ports, method, path.replace("|", "%7C"), content)
            assert answer.headers["content-type"] == "application/fhir+json; fhirVersion=4.0"
            assert (answer.status, answer.issues) == (status, issues), request
            assert answer.body["resourceType"] == "OperationOutcome"
            assert {issue["severity"] for issue in answer.body["issue"]} == {"error"}
    kept = await rows(
        database, "SELECT reason, raw, detail, ack_code, facility FROM quarantine q JOIN feed f ON f.id = feed_id"
    )
    for _request, content, status, reason, issues in CASES:
        raw = json.dumps(content).encode() if isinstance(content, dict) else content
        _code, place, said = issues[0]
        expected = said if said.startswith(place or "") else f"{place}: {said}"
        assert (reason, raw, expected, str(status), "KAMC") in kept
    assert await rows(database, "SELECT count(*) FROM message") == [(0,)]
    assert await rows(database, "SELECT count(*) FROM movement") == [(0,)]
    counters = await rows(
        database, "SELECT received, accepted, rejected, quarantined FROM feed_counter WHERE received > 0"
    )
    assert counters == [(len(CASES), 0, len(CASES), len(CASES))]


async def test_no_answer_log_or_metric_holds_anything_of_the_content(database: Database, caplog: Any) -> None:
    import logging

    from marsad_center.ops import JsonFormatter
    from marsad_center.tests.gateway.test_process import get

    caplog.set_level(logging.DEBUG)
    secret = "SECRET-77"
    contents = [
        encounter(secret, status=secret),
        encounter(secret, period={"start": secret}),
        encounter(secret, subject={"reference": secret}),
        encounter(secret, subject={"reference": f"urn:uuid:{secret}"}),
        encounter(secret, class_=secret),
        {"resourceType": secret},
        encounter(secret) | {"id": f"{secret} "},
        acuity(subject={"reference": f"Patient/{secret}"}),
        bundle("batch", (f"PUT {secret}/1", encounter(secret))),
        bundle("transaction", ("PUT Encounter/1", {"resourceType": secret, secret: secret})),
    ]
    async with database.connect("postgres") as connection:
        await connection.execute(f"ALTER TABLE movement ADD CHECK (visit_key <> '{secret}')")
    async with gateway(database) as ports:
        answers = [
            await send(ports, "POST", "/fhir" if each["resourceType"] == "Bundle" else "/fhir/Encounter", each)
            for each in contents
        ]
        answers.append(await send(ports, "POST", "/fhir/Encounter", encounter(secret)))
        metrics = (await get(ports.metrics, "/metrics"))[2]
    assert answers[-1].status == 500
    assert answers[-1].issues[0][0] == "exception"
    said = [*(answer.raw.decode() for answer in answers), metrics]
    said += [JsonFormatter("gateway").format(record) for record in caplog.records]
    assert not [text for text in said if secret in text]


def test_every_reason_has_an_answer_of_the_value_set() -> None:
    # https://hl7.org/fhir/R4/valueset-issue-type.html
    types = {
        *("invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired"),
        *("forbidden", "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found"),
        *("deleted", "too-long", "code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient"),
        *("lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "informational"),
    }
    assert {answer.code for answer in ANSWERS.values()} <= types
    elsewhere = {"unknown-sender", "wrong-transport", "not-over-tls", "wrong-certificate"}
    assert {case[3] for case in CASES} == ANSWERS.keys() - {*elsewhere, "conflict", "too-long", "not-processed"}
