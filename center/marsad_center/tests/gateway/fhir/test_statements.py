"""Each other resource becomes its fact: in the tables of PostgreSQL, after a real request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import Document, bundle, concept, encounter, put, resource, rows, send
from marsad_center.tests.gateway.playing import gateway, message, sending

LOINC = "http://loinc.org"
SUBJECT = {"reference": "Patient/P1"}
VISIT = {"reference": "Encounter/V1"}


def told(hour: int, minute: int = 0) -> str:
    return f"2026-11-23T{hour:02}:{minute:02}:00+03:00"


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour - 3, minutes=minute)


def order(id_: str = "R1", **more: Any) -> Document:
    usual: Document = {
        "status": "active",
        "intent": "order",
        "subject": SUBJECT,
        "encounter": VISIT,
        "category": [concept("108252007")],
        "code": concept("718-7", LOINC, "Haemoglobin"),
        "authoredOn": told(10),
    }
    return resource("ServiceRequest", id_, **usual | more)


def report(id_: str = "D1", **more: Any) -> Document:
    usual: Document = {
        "status": "final",
        "code": concept("58410-2", LOINC, "CBC"),
        "issued": told(11),
        "subject": SUBJECT,
    }
    return resource("DiagnosticReport", id_, **usual | more)


@pytest.mark.parametrize("report_first", [False, True])
async def test_an_order_and_the_report_on_it_give_one_turnaround(database: Database, report_first: bool) -> None:
    pair = [order(), report(basedOn=[{"reference": "ServiceRequest/R1"}])]
    async with gateway(database) as ports:
        for each in reversed(pair) if report_first else pair:
            assert (await put(ports, each)).status == 200
    found = await rows(database, "SELECT placer, visit_key, kind, ordered_at, resulted_at FROM clinical_order")
    assert found == [("R1", "V1", "lab", at(10), at(11))]
    assert await rows(database, "SELECT count(*) FROM document") == [(0,)]


async def test_an_order_was_asked_for_by_its_encounters_service_and_acuity(database: Database) -> None:
    """ServiceRequest.performerType is who is to do it."""
    acuity = resource(
        "Observation", "A1", status="final", code=concept("11283-9", LOINC), valueInteger=2, encounter=VISIT
    )
    async with gateway(database) as ports:
        await put(ports, order(performerType=concept("159285000", display="Laboratory technician")))
        await put(ports, encounter(serviceType=concept("CARD")))
        await put(ports, acuity)
    assert await rows(database, "SELECT specialty, triage_level FROM order_turnaround") == [("CARD", 2)]


async def test_a_value_of_an_order_is_its_result_and_keeps_what_was_ordered(database: Database) -> None:
    value = resource(
        "Observation",
        "O1",
        status="final",
        code=concept("785-6", LOINC, "MCH"),
        category=[concept("laboratory", "http://terminology.hl7.org/CodeSystem/observation-category")],
        basedOn=[{"reference": "ServiceRequest/R1"}],
        issued=told(10, 40),
    )
    async with gateway(database) as ports:
        await put(ports, order())
        await put(ports, value)
        await put(ports, resource("Observation", "O2", status="preliminary", code=concept("785-6", LOINC)))
    found = await rows(database, "SELECT order_key, code_system, code, resulted_at FROM clinical_order ORDER BY 1")
    assert found == [("O2", LOINC, "785-6", None), ("R1", LOINC, "718-7", at(10, 40))]


async def test_a_preliminary_report_is_none_and_a_revoked_order_is_not_waited_for(database: Database) -> None:
    async with gateway(database) as ports:
        await put(ports, order("R1", category=[concept("363679005")]))
        await put(ports, report(status="preliminary", basedOn=[{"identifier": {"value": "R1"}}]))
        await put(ports, order("R2", status="revoked"))
        await put(ports, order("R3", intent="proposal"))
    found = await rows(database, "SELECT order_key, kind, resulted_at, cancelled_at FROM clinical_order ORDER BY 1")
    assert found == [("R1", "radiology", None, None), ("R2", "lab", None, at(12))]


@pytest.mark.parametrize("late", [False, True])
async def test_a_result_in_error_is_none_and_an_order_is_as_its_newest_version_says(
    database: Database, late: bool
) -> None:
    """FHIR R4, Observation.status and DiagnosticReport.status entered-in-error; ServiceRequest.status revoked."""

    def version(document: Document, number: int, hour: int, minute: int = 0, **more: Any) -> Document:
        return document | {"meta": {"versionId": str(number), "lastUpdated": told(hour, minute)}} | more

    of: Document = {"basedOn": [{"reference": "ServiceRequest/R1"}]}
    value = resource("Observation", "O1", status="final", issued=told(11), code=concept("718-7", LOINC), **of)
    whole = report("O1", issued=told(11, 30), **of)
    steps: list[tuple[list[Document], tuple[Any, ...]]] = [
        ([version(order(), 1, 10), version(value, 1, 11), version(whole, 1, 11, 30)], (at(10), at(11), False)),
        ([version(value, 2, 13, status="entered-in-error")], (at(10), at(11, 30), False)),
        ([version(whole, 2, 14, status="entered-in-error")], (at(10), None, False)),
        ([version(order(), 2, 15, status="revoked")], (at(10), None, True)),
        ([version(order(), 3, 16, authoredOn=told(10, 20))], (at(10, 20), None, False)),
        ([version(value, 3, 17, issued=told(17))], (at(10, 20), at(17), False)),
    ]
    sql = "SELECT ordered_at, resulted_at, cancelled_at IS NOT NULL FROM clinical_order"
    async with gateway(database) as ports:
        if late:
            for each in reversed([each for documents, _expected in steps for each in documents]):
                assert (await put(ports, each)).status == 200
            assert await rows(database, sql) == [steps[-1][1]]
            return
        for documents, expected in steps:
            for each in documents:
                assert (await put(ports, each)).status == 200
            assert await rows(database, sql) == [expected]


async def test_a_report_on_no_order_is_a_document(database: Database) -> None:
    async with gateway(database) as ports:
        await put(ports, report(category=[concept("LP29684-5", LOINC, "Radiology")], encounter=VISIT))
    found = await rows(database, "SELECT key, visit_key, status, category_code, final_at FROM document")
    assert found == [("D1", "V1", "final", "LP29684-5", at(11))]


def referral(**more: Any) -> Document:
    usual: Document = {
        "category": [concept("3457005")],
        "code": None,
        "performerType": concept("394579002", display="Cardiology"),
        "priority": "urgent",
        "requester": {"reference": "Organization/POLY7"},
        "performer": [{"reference": "Organization/KAMC"}],
    }
    return order("F1", **usual | more)


def task(status: str, hour: int, **more: Any) -> Document:
    usual = {"intent": "order", "focus": {"reference": "ServiceRequest/F1"}, "authoredOn": told(10)}
    said = usual | {"lastModified": told(hour)} | more
    return resource("Task", "T1", status, told(hour), status=status, **said)


async def test_a_referral_goes_its_way_by_its_tasks_in_any_order(database: Database) -> None:
    way = [referral(), task("requested", 10), task("accepted", 11), task("completed", 14, output=[{"type": {}}])]
    async with gateway(database) as ports:
        for each in reversed(way):
            assert (await put(ports, each)).status == 200
    columns = "from_facility, to_facility, specialty_code, urgency, status, submitted_at, accepted_at, reported_at"
    found = await rows(database, f"SELECT {columns} FROM referral")
    assert found == [("POLY7", "KAMC", "394579002", "urgent", "reported", at(10), at(11), at(14))]


async def test_a_referral_is_refused_by_a_code_and_words_stay_in_the_message(database: Database) -> None:
    coding = {"system": "urn:reasons", "code": "AWAY", "display": "Not in the region"}
    reason = {"coding": [coding], "text": "Mrs Example has moved away"}
    async with gateway(database) as ports:
        await put(ports, referral())
        await put(ports, task("rejected", 12, statusReason=reason))
    found = await rows(database, "SELECT status, refused_at, refusal_code, refusal_display, refusal FROM referral")
    assert found == [("refused", at(12), "AWAY", "Not in the region", "")]
    assert await rows(database, "SELECT count(*) FROM statement WHERE body::text ~ 'Example'") == [(0,)]


async def test_a_task_about_an_order_of_the_same_transaction_is_no_referral(database: Database) -> None:
    about = resource("Task", "T2", status="accepted", intent="order", focus={"reference": "urn:uuid:r1"})
    async with gateway(database) as ports:
        both = bundle("transaction", ("PUT ServiceRequest/R1", order(), "urn:uuid:r1"), ("PUT Task/T2", about))
        assert (await send(ports, "POST", "/fhir", both)).status == 200
    assert await rows(database, "SELECT count(*) FROM referral") == [(0,)]


def appointment(status: str, hour: int, **more: Any) -> Document:
    usual: Document = {
        "created": told(8),
        "start": told(12),
        "specialty": [concept("394579002", display="Cardiology")],
        "participant": [{"actor": SUBJECT, "status": "accepted"}],
    }
    return resource("Appointment", "A1", status, told(hour), status=status, **usual | more)


@pytest.mark.parametrize(
    ("status", "state"), [("fulfilled", "completed"), ("noshow", "no_show"), ("cancelled", "cancelled")]
)
async def test_an_appointment_is_booked_and_then_what_became_of_it(database: Database, status: str, state: str) -> None:
    async with gateway(database) as ports:
        for each in (appointment(status, 13), appointment("booked", 8)):
            assert (await put(ports, each)).status == 200
    found = await rows(
        database,
        f"SELECT status, booked_at, {state}_at, starts_at, specialty_code, virtual, patient_key FROM appointment",
    )
    assert found == [(state, at(8), at(13), at(12), "394579002", False, "P1")]


@pytest.mark.parametrize(
    "how",
    [
        {"appointmentType": concept("VR", "http://terminology.hl7.org/CodeSystem/v3-ActCode")},
        {"serviceType": [concept("448337001")]},
        {"extension": [{"url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.virtualService"}]},
    ],
)
async def test_a_virtual_appointment_says_so_in_one_of_three_ways(database: Database, how: Document) -> None:
    async with gateway(database) as ports:
        await put(ports, appointment("booked", 8, **how))
    assert await rows(database, "SELECT virtual FROM appointment") == [(True,)]


async def test_an_appointment_that_is_moved_has_its_newest_time_in_any_order(database: Database) -> None:
    async with gateway(database) as ports:
        await put(ports, appointment("booked", 10, start=told(15)) | {"meta": {"lastUpdated": told(10)}})
        await put(ports, appointment("booked", 9, start=told(14)) | {"meta": {"lastUpdated": told(9)}})
    assert await rows(database, "SELECT starts_at FROM appointment") == [(at(15),)]


async def test_a_prescription_is_issued_dispensed_and_stopped(database: Database) -> None:
    medicine = concept("387517004", display="Paracetamol")
    request: Document = {"intent": "order", "subject": SUBJECT, "authoredOn": told(10), "encounter": VISIT}
    dispense = resource(
        "MedicationDispense",
        "MD1",
        status="completed",
        medicationReference={"reference": "Medication/1"},
        authorizingPrescription=[{"reference": "MedicationRequest/M1"}],
        whenHandedOver=told(11),
    )
    contained: Document = {
        "contained": [{"resourceType": "Medication", "id": "m", "code": medicine}],
        "medicationReference": {"reference": "#m"},
    }
    async with gateway(database) as ports:
        await put(ports, dispense)
        prescribed = resource("MedicationRequest", "M1", status="active", medicationCodeableConcept=medicine, **request)
        assert (await put(ports, prescribed)).status == 200
        stopped = resource("MedicationRequest", "M2", status="stopped", **request, **contained)
        assert (await put(ports, stopped)).status == 200
    columns = "key, visit_key, status, medication_code, issued_at, dispensed_at, cancelled_at"
    assert await rows(database, f"SELECT {columns} FROM prescription ORDER BY key") == [
        ("M1", "V1", "dispensed", "387517004", at(10), at(11), None),
        ("M2", "V1", "cancelled", "387517004", at(10), None, at(12)),
    ]


@pytest.mark.parametrize("error_first", [False, True])
async def test_what_was_entered_in_error_did_not_happen(database: Database, error_first: bool) -> None:
    """FHIR R4, status entered-in-error of MedicationDispense, Communication and GuidanceResponse; in any order."""
    of = {"authorizingPrescription": [{"reference": "MedicationRequest/M1"}], "whenHandedOver": told(11)}
    medicine = {"medicationCodeableConcept": concept("387517004")}
    request = resource("MedicationRequest", "M1", "1", told(10), status="active", intent="order", subject=SUBJECT,
                       authoredOn=told(10), **medicine)  # fmt: skip
    right = [
        resource("MedicationDispense", "MD1", "1", told(12), status="completed", **of, **medicine),
        resource("Communication", "K1", "1", told(12), status="completed", sent=told(10), received=told(11)),
        resource("GuidanceResponse", "G1", "1", told(12), status="success", moduleUri="urn:m",
                 occurrenceDateTime=told(11)),
    ]  # fmt: skip
    wrong = [
        each | {"status": "entered-in-error", "meta": {"versionId": "2", "lastUpdated": told(13)}} for each in right
    ]
    async with gateway(database) as ports:
        for each in (request, *(wrong + right if error_first else right + wrong)):
            assert (await put(ports, each)).status == 200
    found = await rows(database, "SELECT status, issued_at, dispensed_at FROM prescription")
    assert found == [("issued", at(10), None)]
    found = await rows(database, "SELECT status, open_at, completed_at, deleted_at FROM contact")
    assert found == [("deleted", None, None, at(13))]
    assert await rows(database, "SELECT status, answered_at FROM guidance") == [("deleted", None)]


async def test_a_vaccination_is_given_refused_or_taken_back(database: Database) -> None:
    def dose(id_: str, status: str, **more: Any) -> Document:
        usual = {"vaccineCode": concept("140", "http://hl7.org/fhir/sid/cvx"), "patient": SUBJECT}
        said = usual | {"occurrenceDateTime": "2026-11-23"} | more
        said = {name: value for name, value in said.items() if value is not None}
        return resource("Immunization", id_, status=status, **said)

    async with gateway(database) as ports:
        await put(ports, dose("I1", "completed", protocolApplied=[{"doseNumberPositiveInt": 2}]))
        await put(ports, dose("I2", "not-done"))
        await put(ports, dose("I4", "completed", occurrenceDateTime="2019-05"))
        await put(ports, dose("I5", "completed", occurrenceDateTime=None, occurrenceString="as a child"))
        await put(ports, dose("I3", "completed", meta={"versionId": "1"}) | {"meta": {"lastUpdated": told(1)}})
        await put(ports, dose("I3", "entered-in-error"))
    found = await rows(database, "SELECT key, status, dose, vaccine_code, given_at FROM vaccination ORDER BY key")
    day = datetime(2026, 11, 23, tzinfo=UTC)
    assert found[:2] == [("I1", "given", "2", "140", day), ("I2", "refused", "", "140", None)]
    assert found[2][:2] == ("I3", "deleted")
    assert [each[4] for each in found[3:]] == [None, None]  # no day: of none, and not of the day it was told


@pytest.mark.parametrize("day", [21, 25])
async def test_a_vaccinations_time_that_is_corrected_moves(database: Database, day: int) -> None:
    """Earlier and later, over both roads, and whichever of the two arrives first."""

    def dose(version: int, occurred: int) -> Document:
        said = {"vaccineCode": concept("140", "http://hl7.org/fhir/sid/cvx"), "patient": SUBJECT}
        when = {"occurrenceDateTime": f"2026-11-{occurred}"}
        return resource("Immunization", "I1", str(version), told(9 + version), status="completed", **said | when)

    def rxa(control: str, number: str, at: str, occurred: int) -> str:
        line = f"RXA|0|1|202611{occurred}||140^Influenza^CVX|1||||||||||||||{'CP'}"
        return message("VXU^V04", control, "PID|1||P1", f"ORC|RE||{number}", line, at=f"20261123{at}00+0300")

    async with gateway(database) as ports, sending(ports) as sender:
        for document in (dose(1, 23), dose(2, day)):
            await put(ports, document)
        for text in (rxa("a", "N1", "1000", 23), rxa("b", "N1", "1100", day)):
            assert await sender.code(text) == "AA"
        for text in (rxa("c", "N2", "1100", day), rxa("d", "N2", "1000", 23)):
            assert await sender.code(text) == "AA"
    found = await rows(database, "SELECT key, given_at FROM vaccination ORDER BY key")
    assert found == [(key, datetime(2026, 11, day, tzinfo=UTC)) for key in ("I1", "N1", "N2")]


async def test_a_bed_is_in_the_state_that_was_told_last_by_the_sources_time(database: Database) -> None:
    def bed(hour: int, state: str) -> Document:
        operational = {"system": "http://terminology.hl7.org/CodeSystem/v2-0116", "code": state}
        more = {"physicalType": concept("bd"), "partOf": {"reference": "Location/W5"}, "status": "active"}
        return resource("Location", "B12", str(hour), told(hour), operationalStatus=operational, **more)

    async with gateway(database) as ports:
        for hour, state in ((12, "H"), (11, "O"), (10, "U")):
            assert (await put(ports, bed(hour, state))).status == 200
        assert (await put(ports, resource("Location", "W5", status="active", name="Ward 5"))).status == 200
    assert await rows(database, "SELECT key, status, since FROM bed") == [("W5^^B12", "housekeeping", at(12))]


async def test_a_diagnosis_is_told_by_the_encounter_or_by_its_condition(database: Database) -> None:
    icd = "http://hl7.org/fhir/sid/icd-10"
    contained = {"resourceType": "Condition", "id": "c", "subject": SUBJECT, "code": concept("I21", icd, "Infarction")}
    use = concept("AD", "http://terminology.hl7.org/CodeSystem/diagnosis-role")
    told_in = encounter(contained=[contained], diagnosis=[{"condition": {"reference": "#c"}, "use": use}])
    own = resource("Condition", "C2", subject=SUBJECT, encounter=VISIT, code=concept("J18", icd))
    refuted = own | {"verificationStatus": concept("refuted", "http://t"), "meta": {"lastUpdated": told(13)}}
    async with gateway(database) as ports:
        for each in (told_in, own, refuted):
            assert (await put(ports, each)).status == 200
    found = await rows(
        database, "SELECT key, status, diagnosis_system, diagnosis_code, role FROM diagnosis ORDER BY key"
    )
    assert found == [("V1^I21", "stated", icd, "I21", "AD"), ("V1^J18", "deleted", icd, "J18", "")]


async def test_the_contact_center_and_decision_support_are_heard(database: Database) -> None:
    call = resource(
        "Communication",
        "K1",
        status="completed",
        topic=concept("referral", "urn:topics"),
        medium=[concept("PHONE", "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode")],
        sent=told(10),
        received=told(10, 3),
        subject=SUBJECT,
    )
    answer = resource(
        "GuidanceResponse",
        "G1",
        status="data-required",
        moduleUri="urn:sepsis",
        occurrenceDateTime=told(11),
        reasonCode=[concept("91302008", display="Sepsis")],
    )
    async with gateway(database) as ports:
        for each in (call, resource("Communication", "K2", status="stopped", sent=told(9)), answer):
            assert (await put(ports, each)).status == 200
    contacts = await rows(
        database, "SELECT key, status, topic_code, medium, open_at, completed_at FROM contact ORDER BY 1"
    )
    assert contacts == [
        ("K1", "completed", "referral", "PHONE", at(10), at(10, 3)),
        ("K2", "abandoned", "", "", at(9), None),
    ]
    guidance = await rows(database, "SELECT key, status, module, reason_code, answered_at FROM guidance")
    assert guidance == [("G1", "data-required", "urn:sepsis", "91302008", at(11))]
