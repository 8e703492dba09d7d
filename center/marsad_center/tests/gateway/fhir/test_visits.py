"""An Encounter becomes the visit that it is a picture of, in whatever order its versions come."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import act, bundle, concept, encounter, put, resource, rows, send
from marsad_center.tests.gateway.playing import gateway


def at(hour: int, minute: int = 0) -> datetime:
    """That time of the day in Makkah."""
    return datetime(2026, 11, 23, hour - 3, minute, tzinfo=UTC)


def told(hour: int, minute: int = 0) -> str:
    return f"2026-11-23T{hour:02}:{minute:02}:00+03:00"


async def visit(database: Database, key: str = "V1") -> dict[str, Any]:
    async with database.connect("postgres") as connection:
        return dict(await connection.fetchrow("SELECT * FROM encounter WHERE visit_key = $1", key))


async def test_an_emergency_encounter_is_an_arrival_in_the_emergency_department(database: Database) -> None:
    async with gateway(database) as ports:
        answer = await put(ports, encounter(version="1"))
    assert (answer.status, answer.headers["location"], answer.headers["etag"]) == (
        200,
        "/fhir/Encounter/V1/_history/1",
        'W/"1"',
    )
    assert answer.issues == [("informational", None, "Stored.")]
    found = await visit(database)
    assert (found["facility"], found["class"], found["state"], found["in_ed"]) == ("KAMC", "E", "present", True)
    assert (found["patient_key"], found["point_of_care"], found["arrived_at"]) == ("P1", "ED", at(10))


async def test_a_whole_stay_is_read_from_its_histories(database: Database) -> None:
    whole = encounter(
        status="finished",
        class_=act("IMP"),
        serviceType=concept("394802001"),
        period={"start": told(10), "end": told(20)},
        statusHistory=[
            {"status": "arrived", "period": {"start": told(10)}},
            {"status": "triaged", "period": {"start": told(10, 5)}},
            {"status": "in-progress", "period": {"start": told(10, 30)}},
        ],
        classHistory=[
            {"class": act("EMER"), "period": {"start": told(10), "end": told(13)}},
            {"class": act("IMP"), "period": {"start": told(13)}},
        ],
        location=[
            {"location": {"reference": "Location/ED"}, "period": {"start": told(10)}},
            {
                "location": {"reference": "Location/W5"},
                "physicalType": concept("wa"),
                "period": {"start": told(15)},
            },
            {
                "location": {"reference": "Location/W5-12"},
                "physicalType": concept("bd"),
                "period": {"start": told(15)},
            },
        ],
        hospitalization={"dischargeDisposition": concept("home", "http://terminology.hl7.org/CodeSystem/d")},
    )
    async with gateway(database) as ports:
        assert (await put(ports, whole)).status == 200
    found = await visit(database)
    assert (found["state"], found["class"], found["disposition"]) == ("departed", "I", "home")
    assert (found["arrived_at"], found["ed_arrived_at"], found["seen_at"]) == (at(10), at(10), at(10, 30))
    assert (found["admitted_at"], found["ed_departed_at"], found["discharged_at"]) == (at(13), at(15), at(20))
    assert (found["point_of_care"], found["room"], found["bed"]) == ("W5", None, "W5-12")


async def test_versions_in_any_order_of_arrival_give_the_newest(database: Database) -> None:
    versions = [
        encounter(version="1", updated=told(10, 1), period={"start": told(9, 50)}),
        encounter(version="2", updated=told(10, 2), location=[{"location": {"reference": "Location/RESUS"}}]),
        encounter(version="3", updated=told(14), status="finished", period={"start": told(10, 10), "end": told(14)}),
    ]
    async with gateway(database) as ports:
        for number, order in enumerate(permutations(versions)):
            for version in order:
                assert (await put(ports, {**version, "id": f"V{number}"})).status == 200
    found = await rows(database, "SELECT DISTINCT state, point_of_care, arrived_at, discharged_at FROM encounter")
    assert found == [("departed", "ED", at(10, 10), at(14))]
    assert (await rows(database, "SELECT count(*) FROM message"))[0] == (18,)


async def test_a_cancelled_encounter_never_was_and_can_be_again(database: Database) -> None:
    async with gateway(database) as ports:
        await put(ports, encounter(version="1", updated=told(10)))
        await put(ports, encounter(version="2", updated=told(11), status="entered-in-error"))
        assert (await visit(database))["state"] == "cancelled"
        await put(ports, encounter(version="3", updated=told(12)))
        assert (await visit(database))["state"] == "present"


async def test_a_start_that_nobody_states_does_not_move_with_every_version(database: Database) -> None:
    async with gateway(database) as ports:
        for version, hour in (("1", 10), ("2", 11), ("3", 12)):
            await put(ports, encounter(version=version, updated=told(hour), period={}))
    found = await visit(database)
    assert (found["arrived_at"], found["state"]) == (at(10), "present")


async def test_a_planned_encounter_is_expected_and_a_virtual_one_is_of_class_v(database: Database) -> None:
    async with gateway(database) as ports:
        await put(ports, encounter("planned", status="planned"))
        await put(ports, encounter("virtual", class_=act("VR"), location=[]))
    assert (await visit(database, "planned"))["state"] == "expected"
    found = await visit(database, "virtual")
    assert (found["class"], found["in_ed"], found["state"]) == ("V", False, "present")


async def test_an_acuity_is_the_triage_of_its_visit_and_its_newest_version_counts(database: Database) -> None:
    def acuity(version: str, level: int, **more: Any) -> dict[str, Any]:
        return resource(
            "Observation",
            "O1",
            version,
            told(11, int(version)),
            code=concept("11283-9", "http://loinc.org"),
            encounter={"reference": "Encounter/V1"},
            effectiveDateTime=told(10, 4),
            **{"status": "final", "valueInteger": level} | more,
        )

    async with gateway(database) as ports:
        assert (await put(ports, acuity("2", 2))).status == 200
        assert (await put(ports, acuity("1", 4))).status == 200
        await put(ports, encounter())
        found = await visit(database)
        assert (found["triage_level"], found["triaged_at"]) == (2, at(10, 4))
        await put(ports, acuity("3", 2, status="entered-in-error"))
        assert (await visit(database))["triage_level"] is None
        words = {"valueCodeableConcept": {"text": "CTAS-3"}, "valueInteger": None}
        await put(ports, acuity("4", 0, **words))
        assert (await visit(database))["triage_level"] == 3


async def test_first_contact_is_said_by_an_observation_too(database: Database) -> None:
    seen = resource(
        "Observation",
        "O2",
        status="final",
        code=concept("PHYSICIAN-CONTACT", "urn:99MARSAD"),
        encounter={"reference": "Encounter/V1"},
        valueDateTime=told(10, 40),
    )
    async with gateway(database) as ports:
        await put(ports, encounter())
        await put(ports, seen)
    assert (await visit(database))["seen_at"] == at(10, 40)


async def test_an_acuity_of_no_visit_is_refused(database: Database) -> None:
    stray = resource("Observation", "O1", status="final", code=concept("75636-1", "http://loinc.org"), valueInteger=3)
    async with gateway(database) as ports:
        answer = await put(ports, stray)
    assert answer.status == 422
    assert answer.issues[0][:2] == ("required", "Observation.encounter")


async def test_patients_that_are_replaced_are_one_in_all_their_visits(database: Database) -> None:
    link = [{"other": {"reference": "Patient/P9"}, "type": "replaced-by"}]
    async with gateway(database) as ports:
        await put(ports, encounter())
        assert (await put(ports, resource("Patient", "P1", link=link))).status == 200
        assert await rows(database, "SELECT patient_key FROM encounter_patient") == [("P9",)]
        replaces = [{"other": {"reference": "Patient/P9"}, "type": "replaces"}]
        await put(ports, resource("Patient", "P10", link=replaces))
        assert await rows(database, "SELECT patient_key FROM encounter_patient") == [("P10",)]


async def test_hl7_and_fhir_of_one_visit_meet_in_it(database: Database) -> None:
    from marsad_center.tests.gateway.playing import adt, sending

    async with gateway(database) as ports, sending(ports) as sender:
        assert await sender.code(adt("A04", "1", "V1", at="20261123100000+0300")) == "AA"
        await put(ports, encounter(status="finished", period={"start": told(10), "end": told(12)}))
    found = await visit(database)
    assert (found["state"], found["arrived_at"], found["discharged_at"]) == ("departed", at(10), at(12))


async def test_places_of_a_transaction_say_which_ward_a_bed_is_in(database: Database) -> None:
    bed = resource("Location", "B7", physicalType=concept("bd"), partOf={"reference": "Location/W3"}, status="active")
    stay = encounter(class_=act("IMP"), location=[{"location": {"reference": "urn:uuid:b7"}}])
    both = bundle("transaction", ("PUT Encounter/V1", stay), ("PUT Location/B7", bed, "urn:uuid:b7"))
    async with gateway(database) as ports:
        assert (await send(ports, "POST", "/fhir", both)).status == 200
    found = await visit(database)
    assert (found["point_of_care"], found["bed"]) == ("W3", "B7")
