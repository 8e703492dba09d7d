"""A facility that writes otherwise than PROFILE.md says so in its feed's profile, and is read so."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from marsad_center import registry
from marsad_center.facts.events import Appointment, Code, Movement, OrderEvent
from marsad_center.gateway.profile import DEFAULT, Profile, profile
from marsad_center.registry import FeedProfile, RegistryError
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.gateway.playing import adt, gateway, sending
from marsad_center.tests.gateway.reading import judged, overrides, read, segment, the


def movement(how: Profile, *more: str) -> Movement:
    return the(Movement, list(judged(adt("A08", "1", more=more), how).facts))


def test_what_is_given_takes_the_place_of_that_default_and_of_no_other() -> None:
    how = overrides(triageCodes=["CTAS"], ambulanceModes=["rc"])
    assert movement(how, "OBX|1|NM|ctas^Triage^L||2").triage_level == 2
    assert movement(how, "OBX|1|NM|11283-9||2").triage_level is None
    assert movement(how, segment("PV2", f38="RC")).arrival_mode == "ambulance"
    assert movement(how, segment("PV2", f38="A")).arrival_mode == "A"
    assert movement(how, "OBX|1|TS|PHYSICIAN-CONTACT").seen_at is not None
    assert how.virtual_codes == DEFAULT.virtual_codes


def test_codes_of_a_facilitys_own_for_every_moment() -> None:
    how = overrides(
        physicianContactCodes=["DOC"], admitDecisionCodes=["ADM"], offloadCodes=["OFF"], ventilatedCodes=["VENT"],
        lwbsDispositions=["07"],
    )  # fmt: skip
    found = movement(how, "OBX|1|TS|DOC", "OBX|2|TS|ADM", "OBX|3|TS|OFF", "OBX|4|ST|VENT||Y")
    at = datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert (found.seen_at, found.decided_at, found.offloaded_at, found.ventilated) == (at, at, at, True)
    pv1 = segment("PV1", f2="E", f19="V1", f36="07")
    assert the(Movement, read("ADT^A03", "PID|1||P", pv1, how=how)).disposition == "LWBS"
    assert the(Movement, read("ADT^A03", "PID|1||P", pv1)).disposition == "07"


def test_the_specialty_of_an_appointment_is_read_where_the_feed_says() -> None:
    how = overrides(appointmentSpecialty=["SCH-7", "PV1-10"], virtualCodes=["ONLINE"])
    segments = (segment("SCH", f2="A1", f7="DERM^Skin^L", f8="online"), segment("PV1", f2="O", f10="MED"))
    found = the(Appointment, read("SIU^S12", *segments, how=how))
    assert (found.specialty, found.virtual) == (Code("L", "DERM", "Skin"), True)


def test_the_specialty_that_asks_is_the_hospital_service_unless_the_feed_says_otherwise() -> None:
    """Of each order its own ORC and OBR; what is deleted is not said."""
    segments = (
        segment("PV1", f2="I", f10="CARD"), segment("ORC", f1="NW", f2="1", f17="ICU^Intensive care^L"),
        "OBR|1|1||718-7^Hb^LN", segment("ORC", f1="NW", f2="2", f17='""'), "OBR|2|2||718-7^Hb^LN",
    )  # fmt: skip

    def asked(trigger: str, *given: str, how: Profile = DEFAULT) -> list[tuple[str, bool]]:
        events = [fact for fact in read(trigger, *given, how=how) if isinstance(fact, OrderEvent)]
        return [(event.specialty, event.specialty_asked) for event in events]

    assert asked("ORM^O01", *segments) == [("CARD", True), ("CARD", True)]
    assert asked("ORU^R01", *segments) == [("CARD", False), ("CARD", False)]
    assert asked("ORM^O01", *segments[1:]) == [("", False), ("", False)]
    ward = overrides(orderSpecialty=["ORC-17", "PV1-10"])
    assert asked("OML^O21", *segments, how=ward) == [("ICU", True), ("CARD", True)]


def test_without_a_profile_the_defaults_hold_in_the_feeds_zone() -> None:
    zone = ZoneInfo("Africa/Algiers")
    assert profile(None, zone).zone is zone
    assert profile(FeedProfile(), UTC) == DEFAULT


def test_a_place_that_is_none_is_told_of(tmp_path: object) -> None:
    feed = {"name": "his", "sendingApplication": "HIS", "sendingFacility": "X"}
    wrong = feed | {"profile": {"appointmentSpecialty": ["the service"]}}
    with pytest.raises(ValueError, match="appointmentSpecialty"):
        registry.Feed.model_validate(wrong)
    later = registry.Feed.model_validate(feed | {"profile": {"ofALaterRelease": 1}})
    assert later.profile == FeedProfile()
    assert issubclass(RegistryError, ValueError)


async def test_a_running_gateway_reads_each_feed_by_its_own_profile(database: Database) -> None:
    facilities = [dict(facility) for facility in CENTER["facilities"]]
    facilities[0]["feeds"] = [dict(facilities[0]["feeds"][0], profile={"triageCodes": ["CTAS"]})]
    (database.folder / "center.json").write_text(json.dumps(CENTER | {"facilities": facilities}))
    async with gateway(database) as ports, sending(ports) as sender:
        for sending_facility in ("KAMC", "ALNOOR"):
            text = adt("A04", "1", sender=f"HIS|{sending_facility}", more=("OBX|1|NM|CTAS||3", "OBX|2|NM|11283-9||5"))
            assert await sender.code(text) == "AA"
    async with database.connect("postgres") as connection:
        rows = await connection.fetch("SELECT facility, triage_level FROM encounter ORDER BY 1")
    assert [tuple(row) for row in rows] == [("ALNOOR", 5), ("KAMC", 3)]
