"""Which facts a message says, trigger by trigger: domain.md's HL7 section, PROFILE.md, the standard's chapters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad_center.facts.events import (
    Appointment,
    Bed,
    Code,
    Diagnosis,
    Document,
    Merge,
    Movement,
    OrderEvent,
    Prescription,
    Referral,
    Vaccination,
)
from marsad_center.facts.statements import columns, derive
from marsad_center.gateway.readers import READERS
from marsad_center.tests.gateway.playing import adt, message
from marsad_center.tests.gateway.reading import judged, overrides, read, segment, the

SENT = "20261123100000+0300"
PID = "PID|1||P1^^^MRN||Test^Patient"


def utc(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


class TestAppointments:
    """HL7 v2.5.1 chapter 10.3; domain.md: SIU S12 to S15 appointments, S26 no-show."""

    SCH = segment("SCH", f1="PL1", f2="FL1", f8="CONSULT", f11="^^30^20261125090000+0300", f25="Booked")
    AIS = segment("AIS", f1="1", f3="CARD^Cardiology clinic^L", f4="20261125093000+0300")

    @pytest.mark.parametrize(
        ("trigger", "filler_status", "status"),
        [
            ("S12", "", "booked"), ("S12", "Pending", None), ("S13", "", "booked"), ("S14", "", None),
            ("S14", "Started", "arrived"), ("S14", "Complete", "completed"), ("S14", "Noshow", "no_show"),
            ("S14", "our own word", None), ("S15", "Booked", "cancelled"), ("S17", "", "cancelled"),
            ("S26", "", "no_show"), ("S26", "Booked", "no_show"),
        ],
    )  # fmt: skip
    def test_the_state_is_the_triggers_or_that_of_sch_25(
        self, trigger: str, filler_status: str, status: str | None
    ) -> None:
        """HL7 v2.5.1 chapter 10.3 and table 0278."""
        sch = segment("SCH", f1="PL1", f2="FL1", f25=filler_status)
        found = the(Appointment, read(f"SIU^{trigger}", sch, PID))
        assert (found.key, found.status, found.event_at) == ("FL1", status, utc(7))

    def test_what_is_booked_when_where_and_for_whom(self) -> None:
        pv1 = segment("PV1", f2="O", f19="V9")
        found = the(Appointment, read("SIU^S12^SIU_S12", self.SCH, PID, pv1, "RGS|1", self.AIS))
        assert (found.starts_at, found.patient_key, found.visit_key) == (utc(6, day=25), "P1", "V9")
        assert (found.specialty, found.virtual) == (Code("L", "CARD", "Cardiology clinic"), False)
        served = the(Appointment, read("SIU^S12", self.SCH, segment("PV1", f2="O", f10="EMR"), self.AIS))
        assert served.specialty == Code("", "EMR")

    def test_a_time_may_stand_in_tq1_or_with_the_resources(self) -> None:
        """HL7 v2.7: SCH-11 is withdrawn, TQ1-7 takes its place."""
        bare = segment("SCH", f2="FL1")
        tq1 = segment("TQ1", f7="20261125110000+0300")
        ail = segment("AIL", f1="1", f3="CLINIC^2", f6="20261125090000+0300")
        assert the(Appointment, read("SIU^S12", bare, tq1, self.AIS, version="2.8")).starts_at == utc(8, day=25)
        assert the(Appointment, read("SIU^S12", bare, self.AIS, ail)).starts_at == utc(6, day=25)
        assert the(Appointment, read("SIU^S14", bare)).starts_at is None

    @pytest.mark.parametrize(
        ("patient_class", "kind", "virtual"),
        [("V", "", True), ("VR", "", True), ("O", "Telemedicine", True), ("O", "CONSULT", False), ("", "", None)],
    )
    def test_a_consultation_over_a_distance_is_virtual(
        self, patient_class: str, kind: str, virtual: bool | None
    ) -> None:
        segments = (segment("SCH", f2="FL1", f8=kind), segment("PV1", f2=patient_class))
        assert the(Appointment, read("SIU^S12", *segments)).virtual is virtual

    @pytest.mark.parametrize(
        ("trigger", "status", "state"),
        [
            ("SIU^S12", "", "booked"), ("SIU^S13", "", "booked"), ("SIU^S14", "Booked", "booked"),
            ("SIU^S14", "Started", "arrived"), ("SIU^S14", "", "cancelled"), ("SIU^S17", "", "cancelled"),
        ],
    )  # fmt: skip
    def test_what_is_said_after_a_cancellation_holds(self, trigger: str, status: str, state: str) -> None:
        """HL7 v2.5.1, 10.3: S12 booking, S13 rescheduling, S14 modification: of an appointment that takes place."""
        story = (("SIU^S12", "", "0900"), ("SIU^S15", "", "1000"), (trigger, status, "1100"))
        said = [
            the(Appointment, read(each, segment("SCH", f2="A-1", f25=word), at=f"20261123{time}00+0300"))
            for each, word, time in story
        ]
        for order in (said, said[::-1]):
            assert derive(order).status == state

    def test_an_appointment_without_a_number_is_refused(self) -> None:
        assert judged(message("SIU^S12", "1", segment("SCH", f25="Booked"))).reason == "missing-number"
        assert judged(message("SIU^S12", "1", PID)).reason == "missing-number"
        bad = segment("SCH", f2="FL1", f11="^^^tomorrow")
        assert judged(message("SIU^S12", "1", bad)).reason == "bad-time"


class TestReferrals:
    """HL7 v2.5.1 chapter 11.4 to 11.6; domain.md: REF I12 to I15 referral."""

    RF1 = segment("RF1", f1="P", f2="S^STAT", f3="394579002^Cardiology^SCT", f6="R-77^NUH", f10="S^Second opinion")
    PRDS = (
        segment("PRD", f1="RP", f2="Doc^Tor", f4="CLINIC^^^PHC-7", f7="123"),
        segment("PRD", f1="RT", f10="King Abdullah Medical City^^^^^^^^^KAMC"),
    )

    def test_who_refers_whom_where_for_what_and_how_urgently(self) -> None:
        found = the(Referral, read("REF^I12^REF_I12", self.RF1, *self.PRDS, PID))
        assert (found.key, found.status, found.event_at, found.patient_key) == ("R-77", "submitted", utc(7), "P1")
        assert (found.from_facility, found.to_facility) == ("PHC-7", "KAMC")
        assert (found.specialty, found.urgency) == (Code("SCT", "394579002", "Cardiology"), "stat")

    @pytest.mark.parametrize(
        ("trigger", "written", "status"),
        [
            ("REF^I12", "", "submitted"), ("REF^I13", "A", "accepted"), ("REF^I13", "R", "refused"),
            ("REF^I13", "", None), ("REF^I14", "A", "cancelled"), ("REF^I15", "", None), ("REF^I13", "E", "cancelled"),
            ("REF^I13", "SEEN", "seen"), ("REF^I13", "REPORTED", "reported"), ("RRI^I12", "A", "accepted"),
            ("RRI^I12", "", "submitted"),
        ],
    )  # fmt: skip
    def test_the_state_is_that_of_rf1_1(self, trigger: str, written: str, status: str | None) -> None:
        """HL7 table 0283; SEEN and REPORTED are this profile's words for the closed loop."""
        assert the(Referral, read(trigger, segment("RF1", f1=written, f11="R-1"))).status == status

    def test_why_it_was_refused_is_a_code(self) -> None:
        """HL7 v2.5.1 chapter 2.14.8.6 (MSA-6, an error condition)."""
        refused, accepted = (segment("RF1", f1=letter, f6="R-1") for letter in "RA")
        answer = "MSA|AA|1|Mrs Example|||NO-BED^No bed^L"
        assert the(Referral, read("RRI^I12", answer, refused)).refusal == Code("L", "NO-BED", "No bed")
        assert the(Referral, read("RRI^I12", answer, accepted)).refusal is None

    def test_why_it_was_refused_in_words_is_no_fact(self) -> None:
        rf1 = segment("RF1", f1="R", f6="R-1")
        for found in (read("REF^I13", rf1, "NTE|1||Mrs Example"), read("RRI^I12", "MSA|AA|1|Mrs Example", rf1)):
            assert the(Referral, found).status == "refused"
            assert "Example" not in repr(found)

    def test_a_referral_without_a_number_is_refused(self) -> None:
        assert judged(message("REF^I12", "1", "RF1|P", PID)).reason == "missing-number"


class TestPharmacy:
    """HL7 v2.5.1 chapter 4A.3; domain.md: RDE, RDS prescription and dispense."""

    RXE = "RXE||1191^Aspirin^RXNORM|100||mg"

    def test_each_medicine_is_a_prescription_of_its_orders_number(self) -> None:
        orders = (
            segment("ORC", f1="NW", f2="RX1", f9="20261123094500+0300"),
            self.RXE,
            "ORC|NW|RX2",
            "RXE||6809^Metformin^RXNORM|500||mg",
        )
        facts = read("RDE^O11^RDE_O11", PID, *orders)
        assert [(fact.key, fact.status) for fact in facts if isinstance(fact, Prescription)] == [
            ("RX1", "issued"),
            ("RX2", "issued"),
        ]
        first = facts[0]
        assert isinstance(first, Prescription)
        assert (first.medication, first.event_at) == (Code("RXNORM", "1191", "Aspirin"), utc(6, 45))

    @pytest.mark.parametrize("trigger", ["RDS^O01", "RDS^O13"])  # to v2.3.1, since v2.4
    def test_a_dispense_belongs_to_the_same_number(self, trigger: str) -> None:
        rxd = "RXD|1|1191^Aspirin^RXNORM|20261123103000+0300|30"
        found = the(Prescription, read(trigger, PID, "ORC|RE|RX1", self.RXE, rxd))
        assert (found.key, found.status, found.event_at) == ("RX1", "dispensed", utc(7, 30))

    @pytest.mark.parametrize("control", ["CA", "OC", "DC"])
    def test_a_dispense_that_is_cancelled_cancels_no_prescription(self, control: str) -> None:
        """HL7 v2.5.1, 4.5.1.1: ORC-1 is of its own message; RXD-1 counts the dispenses of a prescription."""
        issued = read("RDE^O11", PID, segment("ORC", f1="NW", f2="RX1", f9="20261123080000+0300"), self.RXE)
        dispenses = [
            read("RDS^O13", PID, "ORC|RE|RX1", f"RXD|{n}|1191^Aspirin^RXNORM|202611230{7 + n}3000+0300") for n in (1, 2)
        ]
        gone = [read("RDS^O13", PID, f"ORC|{control}|RX1", f"RXD|{n}|1191^Aspirin^RXNORM") for n in (1, 2)]
        said = [the(Prescription, facts) for facts in (issued, *dispenses, *gone)]
        row = columns(derive(said[:4]))
        assert (row["status"], row["issued_at"], row["cancelled_at"]) == ("dispensed", utc(5).isoformat(), None)
        assert row["dispensed_at"] == utc(6, 30).isoformat()
        row = columns(derive(said))
        assert (row["status"], row["dispensed_at"]) == ("issued", None)

    def test_orc_1_cancels_and_a_number_may_stand_in_the_medicine(self) -> None:
        assert the(Prescription, read("RDE^O01", "ORC|DC|RX1", self.RXE)).status == "cancelled"
        numbered = segment("RXE", f2="1191^Aspirin", f15="N-1")
        assert the(Prescription, read("RDE^O01", "ORC|NW", numbered)).key == "N-1"
        assert judged(message("RDE^O11", "1", "ORC|NW", self.RXE)).reason == "missing-number"
        assert judged(message("RDE^O11", "1", "ORC|NW|RX1")).reason == "missing-number"


class TestVaccinations:
    """HL7 v2.5.1 chapter 4A.7; domain.md: VXU vaccination."""

    def rxa(self, status: str = "", action: str = "") -> str:
        return segment("RXA", f1="0", f2="1", f3="20261122", f5="208^COVID-19^CVX", f6="0.3", f20=status, f21=action)

    def test_what_was_given_when_and_as_which_dose(self) -> None:
        dose = "OBX|1|NM|30973-2^Dose number in series^LN||2||||||F"
        found = the(Vaccination, read("VXU^V04^VXU_V04", PID, "ORC|RE||VAC-9", self.rxa("CP"), dose))
        assert (found.key, found.status, found.event_at) == ("VAC-9", "given", utc(7))
        assert (found.given_at, found.refused_at) == (utc(0, day=22), None)
        assert (found.vaccine, found.dose) == (Code("CVX", "208", "COVID-19"), "2")

    @pytest.mark.parametrize(
        ("completion", "status"), [("", "given"), ("PA", "given"), ("RE", "refused"), ("NA", None)]
    )
    def test_whether_it_was_given_is_rxa_20(self, completion: str, status: str | None) -> None:
        """HL7 table 0322."""
        found = the(Vaccination, read("VXU^V04", PID, "ORC|RE||9", self.rxa(completion)))
        at = {"given": found.given_at, "refused": found.refused_at}
        assert found.status == status
        assert [name for name, moment in at.items() if moment] == ([status] if status else [])

    @pytest.mark.parametrize(("written", "period"), [("2019", "2019"), ("201905", "2019-05")])
    def test_an_old_dose_of_a_year_or_a_month_is_kept_and_of_no_day(self, written: str, period: str) -> None:
        """HL7 v2.5.1, 4A.7.1.3: RXA-3 is a TS, whose precision may be a year; records of old doses have no more."""
        rxa = segment("RXA", f3=written, f5="208^COVID-19^CVX", f20="CP")
        old = the(Vaccination, read("VXU^V04", PID, "ORC|RE||VAC-9", rxa))
        assert (old.status, old.given_at, old.period) == ("given", None, period)
        assert columns(derive([old]))["given_at"] is None
        exact = the(Vaccination, read("VXU^V04", PID, "ORC|RE||VAC-9", self.rxa("CP"), at="20261123110000+0300"))
        assert columns(derive([exact, old]))["given_at"] == utc(0, day=22).isoformat()
        later = replace(old, event_at=utc(9))
        assert columns(derive([exact, later]))["given_at"] is None
        wrong = message("VXU^V04", "1", PID, "ORC|RE||VAC-9", segment("RXA", f3="201913", f5="208"))
        assert judged(wrong).reason == "bad-time"

    def test_what_is_known_to_a_year_costs_no_message_and_the_events_of_a_visit_stay_exact(self) -> None:
        """The same; PROFILE.md, Times."""
        rxd = "RXD|1|1191^Aspirin^RXNORM|2026"
        assert the(Prescription, read("RDS^O13", PID, "ORC|RE|RX1", rxd)).event_at == utc(7)
        order = the(OrderEvent, read("ORM^O01", PID, "ORC|NW|1", segment("OBR", f2="1", f4="718-7", f6="2026")))
        assert order.ordered_at == utc(7)
        assert (
            judged(message("ADT^A04", "1", "EVN|A04|2026", PID, segment("PV1", f2="E", f19="V1"))).reason == "bad-time"
        )

    def test_what_is_deleted_was_recorded_in_error(self) -> None:
        found = the(Vaccination, read("VXU^V04", PID, "ORC|RE||VAC-9", self.rxa("CP", "D")))
        assert (found.status, found.event_at, found.given_at) == ("deleted", utc(7), None)

    def test_without_a_number_of_its_own_it_is_who_got_what_when(self) -> None:
        """Before v2.5 VXU has no ORC; CDC's guide has everything that was not given share the number 9999."""
        for orc in ((), ("ORC|RE||9999",)):
            assert the(Vaccination, read("VXU^V04", PID, *orc, self.rxa("RE"))).key == "P1^20261122^208"
        assert judged(message("VXU^V04", "1", self.rxa())).reason == "missing-number"


class TestDocuments:
    """HL7 v2.5.1 chapter 9.5; domain.md: MDM document."""

    @pytest.mark.parametrize(
        ("trigger", "completion", "availability", "status"),
        [
            ("T01", "", "", "created"), ("T02", "DO", "", "created"), ("T02", "LA", "", "final"),
            ("T03", "AU", "", "final"), ("T04", "", "", None), ("T08", "IP", "", "created"), ("T06", "", "", "created"),
            ("T11", "AU", "", "cancelled"), ("T03", "AU", "CA", "cancelled"), ("T03", "AU", "OB", "replaced"),
        ],
    )  # fmt: skip
    def test_how_far_it_is_is_said_by_the_trigger_txa_17_and_txa_19(
        self, trigger: str, completion: str, availability: str, status: str | None
    ) -> None:
        """HL7 tables 0271 and 0273."""
        txa = segment("TXA", f1="1", f2="DS", f12="D-1^HIS", f17=completion, f19=availability)
        found = the(Document, read(f"MDM^{trigger}", PID, txa))
        assert (found.key, found.status, found.category) == ("D-1", status, Code("", "DS"))

    def test_a_replacement_replaces_its_parent(self) -> None:
        txa = segment("TXA", f1="1", f2="DS", f12="^^D-2", f13="D-1", f17="AU")
        facts = read("MDM^T10", PID, txa)
        assert [(fact.key, fact.status) for fact in facts if isinstance(fact, Document)] == [
            ("D-2", "final"),
            ("D-1", "replaced"),
        ]

    def test_a_document_without_a_number_is_refused(self) -> None:
        assert judged(message("MDM^T02", "1", "TXA|1|DS")).reason == "missing-number"


class TestBeds:
    """HL7 v2.5.1 chapter 3.3.20; domain.md: A20 bed status."""

    @pytest.mark.parametrize(
        ("written", "status"),
        [("C", "closed"), ("H", "housekeeping"), ("I", "isolated"), ("K", "contaminated"), ("O", "occupied"),
         ("U", "unoccupied"), ("X", None)],
    )  # fmt: skip
    def test_the_state_is_that_of_npu_2(self, written: str, status: str | None) -> None:
        """HL7 table 0116."""
        found = the(Bed, read("ADT^A20", f"EVN|A20|{SENT}||||20261123095500+0300", f"NPU|W5^1^12^KAMC|{written}"))
        assert (found.key, found.status, found.event_at) == ("W5^1^12", status, utc(6, 55))

    def test_a_status_of_no_bed_is_refused(self) -> None:
        assert judged(message("ADT^A20", "1", "NPU|W5|U")).reason == "missing-number"
        assert judged(message("ADT^A20", "1", f"EVN|A20|{SENT}")).reason == "missing-number"


class TestVisits:
    """HL7 v2.5.1 chapter 3; the choices are PROFILE.md's."""

    def movement(self, *more: str, how: Any = None, **fields: str) -> Movement:
        pv1 = segment("PV1", **{"f2": "E", "f3": "ED^R1^B1", "f19": "V1", **fields})
        given = {} if how is None else {"how": how}
        return the(Movement, read("ADT^A08", f"EVN|A08|{SENT}", PID, pv1, *more, **given))

    def test_the_specialty_is_the_hospital_service(self) -> None:
        assert self.movement(f10="CAR").specialty == "CAR"
        assert self.movement().specialty is None
        assert self.movement(f10='""').specialty == ""

    def test_a_visit_over_a_distance_is_of_class_v(self) -> None:
        """HL7 table 0004; FHIR's class VR (ActCode)."""
        assert [self.movement(f2=word).patient_class for word in ("V", "VR", "virtual")] == ["V", "V", "V"]

    @pytest.mark.parametrize("code", ["ADMIT-DECISION", "AMBULANCE-OFFLOAD", "PHYSICIAN-CONTACT"])
    def test_a_moment_is_obx_5_else_obx_14_else_that_of_the_event(self, code: str) -> None:
        field = {"ADMIT-DECISION": "decided_at", "AMBULANCE-OFFLOAD": "offloaded_at", "PHYSICIAN-CONTACT": "seen_at"}
        for obx, at in (
            (segment("OBX", f3=f"{code}^^99MARSAD", f5="20261123093000+0300", f14="20261123094000+0300"), utc(6, 30)),
            (segment("OBX", f3=code, f14="20261123094000+0300"), utc(6, 40)),
            (segment("OBX", f3=code), utc(7)),
        ):
            assert getattr(self.movement(obx), field[code]) == at

    @pytest.mark.parametrize("status", ["D", "W", "X", "N"])
    def test_what_is_no_result_says_nothing(self, status: str) -> None:
        """HL7 v2.5.1, 7.4.2.11 and table 0085: deletes the record, posted as wrong, cannot be obtained, not asked."""
        said = (("11283-9", "3"), ("PHYSICIAN-CONTACT", "20261123093000+0300"), ("VENTILATED", "Y"))
        obxs = [segment("OBX", f3=code, f5=value, f11=status) for code, value in said]
        found = self.movement(*obxs)
        assert (found.triage_level, found.seen_at, found.ventilated) == (None, None, None if status == "N" else False)
        assert found.corrects == (None if status == "N" else "triage_level seen_at")
        final = self.movement(*(obx[: -len(status)] + "F" for obx in obxs))
        assert (final.triage_level, final.seen_at, final.ventilated) == (3, utc(6, 30), True)

    def test_a_value_that_is_put_right_takes_the_place_of_what_was_said(self) -> None:
        """The same table: C, record coming over is a correction and thus replaces a final result."""
        contact = {"f3": "PHYSICIAN-CONTACT", "f5": "20261123093000+0300"}
        corrected = self.movement(segment("OBX", **contact, f11="C"))
        assert (corrected.seen_at, corrected.corrects) == (utc(6, 30), "seen_at")
        assert self.movement(segment("OBX", f3="PHYSICIAN-CONTACT", f11="C")).corrects is None  # it says no time
        for gone in (segment("OBX", **contact, f11="D"), segment("OBX", f3="PHYSICIAN-CONTACT", f5='""', f11="F")):
            found = self.movement(gone)
            assert (found.seen_at, found.corrects) == (None, "seen_at")
            found = self.movement(gone, segment("OBX", **contact, f11="F"))
            assert (found.seen_at, found.corrects) == (utc(6, 30), "seen_at")
        level = self.movement(segment("OBX", f3="11283-9", f5="2", f11="C"))
        assert (level.triage_level, level.triaged_at, level.corrects) == (2, None, "triage_level")
        pv2 = segment("PV2", f8="20261123180000+0300")
        undecided = self.movement(pv2, segment("OBX", f3="ADMIT-DECISION", f11="D"))
        assert (undecided.decided_at, undecided.corrects) == (None, "decided_at")

    def test_an_expected_admission_of_an_emergency_is_a_decision_to_admit(self) -> None:
        """PV2-8: who asks for a bed in the house has decided; an A05 of a planned patient says nothing of the kind."""
        pv2 = segment("PV2", f8="20261123180000+0300")
        assert self.movement(pv2).decided_at == utc(7)
        assert self.movement(pv2, f2="I").decided_at is None
        assert self.movement(pv2, segment("OBX", f3="ADMIT-DECISION", f5="20261123091000+0300")).decided_at == utc(
            6, 10
        )
        assert self.movement(pv2, how=overrides(expectedAdmissionIsDecision=False)).decided_at is None

    @pytest.mark.parametrize(
        ("value", "ventilated"),
        [("Y", True), ("SIMV", True), ("1", True), ("N", False), ("None", False), ("0", False), ('""', False)],
    )
    def test_whether_a_patient_is_ventilated(self, value: str, ventilated: bool) -> None:
        for code in ("VENTILATED^^99MARSAD", "20124-4^Ventilation mode^LN"):
            assert self.movement(segment("OBX", f3=code, f5=value)).ventilated is ventilated
        assert self.movement().ventilated is None

    def test_how_the_patient_came(self) -> None:
        """HL7 table 0430 in PV2-38, since v2.5; before, PV1-4 where it says so in words."""
        assert self.movement(segment("PV2", f38="A^Ambulance")).arrival_mode == "ambulance"
        assert self.movement(segment("PV2", f38="F^On foot")).arrival_mode == "F"
        assert self.movement(f4="AMB").arrival_mode == "ambulance"
        assert self.movement(f4="A").arrival_mode is None  # accident

    def test_whoever_left_unseen_has_one_disposition(self) -> None:
        assert [self.movement(f36=word).disposition for word in ("LWBS", "lwobs", "DNW", "01")] == ["LWBS"] * 3 + ["01"]

    def test_diagnoses_are_facts_of_the_visit(self) -> None:
        """HL7 v2.5.1 chapter 6.5.2 (DG1), table 0052; before v2.4 the system stands in DG1-2."""
        dg1 = segment("DG1", f1="1", f3="I21.9^Infarction^I10", f6="W")
        found = the(Diagnosis, [fact for fact in read_visit(dg1) if isinstance(fact, Diagnosis)])
        assert (found.key, found.status, found.role) == ("V1^I21.9", "stated", "working")
        assert (found.diagnosis, found.visit_key, found.event_at) == (Code("I10", "I21.9", "Infarction"), "V1", utc(7))
        old = the(Diagnosis, read_visit(segment("DG1", f1="1", f2="I10", f3="J18.9", f6="A")))
        assert (old.diagnosis, old.role) == (Code("I10", "J18.9"), "admitting")
        gone = the(Diagnosis, read_visit(segment("DG1", f1="1", f3="I21.9^^I10", f21="D")))
        assert gone.status == "deleted"
        assert not [fact for fact in read_visit("DG1|1||^in words only") if isinstance(fact, Diagnosis)]

    def test_a_field_that_says_a_code_twice_is_read_in_the_system_of_everybody(self) -> None:
        local_first = segment("DG1", f1="1", f3="MI^Heart attack^L^I21.9^Infarction^I10")
        assert the(Diagnosis, read_visit(local_first)).diagnosis == Code("I10", "I21.9", "Infarction")
        local_only = segment("DG1", f1="1", f3="MI^Heart attack^L^X^Other^L2")
        assert the(Diagnosis, read_visit(local_only)).diagnosis == Code("L", "MI", "Heart attack")


def read_visit(*more: str) -> list[Any]:
    found = judged(adt("A08", "1", more=more))
    assert found.verdict == "accept"
    return list(found.facts)


@pytest.mark.parametrize("trigger", ["ORM^O01", "OML^O21", "OML^O33", "OML^O35", "OMG^O19", "OMI^O23"])
def test_an_order_is_an_order_in_every_form(trigger: str) -> None:
    """HL7 v2.5.1 chapter 4: OML orders by order (O21), by specimen (O33), by container (O35); OMI: imaging."""
    specimen = ("SPM|1|S-1||BLD", "SAC||C-1")
    groups = (
        segment("ORC", f1="NW", f2="O-1", f9="20261123093000+0300"),
        "OBR|1|O-1||718-7^Haemoglobin^LN",
        "ORC|NW|O-2",
        "OBR|2|O-2||X^CT^L",
    )
    orders = [fact for fact in read(trigger, PID, *specimen, *groups) if isinstance(fact, OrderEvent)]
    assert [(order.key, order.kind, order.code) for order in orders] == [
        ("O-1", "lab", "718-7"),
        ("O-2", "radiology", "X"),
    ]
    assert orders[0].ordered_at == utc(6, 30)


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8"])
def test_versions_are_read_alike(version: str) -> None:
    pv1 = segment("PV1", f2="E", f3="ED", f19="V1")
    assert the(Movement, read("ADT^A04", f"EVN|A04|{SENT}", PID, pv1, version=version)).visit_key == "V1"
    assert the(Merge, read("ADT^A34", PID, "MRG|P0", version=version)).merged == "P0"
    assert the(Appointment, read("SIU^S12", "SCH|1", version=version)).status == "booked"


def test_every_trigger_of_the_table_is_read_and_every_other_refused_and_stored() -> None:
    """domain.md: unknown triggers are stored, acknowledged AR and counted."""
    for kind, trigger in (("ADT", "A99"), ("SIU", "S23"), ("QBP", "Q11"), ("ADT", ""), ("ORU", "")):
        assert (kind, trigger) not in READERS
        found = judged(message(f"{kind}^{trigger}", "1", PID))
        assert (found.verdict, found.reason, found.stored, found.code) == ("reject", "unknown-trigger", True, "AR")


def test_what_is_known_of_a_person_alone_is_stored_and_says_no_fact() -> None:
    for trigger in ("A28", "A31"):
        assert read(f"ADT^{trigger}", f"EVN|{trigger}|{SENT}", PID) == []


@pytest.mark.parametrize("trigger", ["A09", "A10", "A32", "A33"])
def test_where_a_patient_is_for_a_while_ends_no_stay(trigger: str) -> None:
    """HL7 v2.5.1, 3.3.9, 3.3.10, 3.3.32, 3.3.33: tracking; the assigned place does not change."""
    pv1 = segment("PV1", f2="E", f3="ED", f11="RAD", f19="V1")
    assert read(f"ADT^{trigger}", f"EVN|{trigger}|{SENT}", PID, pv1) == []


ARABIC, CHINESE, FRENCH = "قسم القلب", "心内科", "Cardiologie générale"


@pytest.mark.parametrize(
    ("charset", "codec", "words"),
    [("UNICODE UTF-8", "utf-8", ARABIC), ("UNICODE UTF-8", "utf-8", CHINESE), ("UNICODE UTF-8", "utf-8", FRENCH),
     ("8859/6", "iso8859_6", ARABIC), ("8859/1", "iso8859_1", FRENCH)],
)  # fmt: skip
def test_words_keep_their_script(charset: str, codec: str, words: str) -> None:
    """HL7 table 0211; domain.md: decode by MSH-18 from bytes."""
    rf1 = segment("RF1", f1="R", f3=f"CARD^{words}^L", f6="R-1")
    text = message("REF^I13", "1", rf1, charset=charset)
    found = the(Referral, list(judged(text.encode(codec)).facts))
    assert found.specialty == Code("L", "CARD", words)
    utf8 = judged(text.encode())
    if codec != "utf-8" and utf8.reason != "bad-charset":
        assert the(Referral, list(utf8.facts)).specialty != found.specialty


NAMES = st.sampled_from(["EVN", "PID", "PV1", "PV2", "OBX", "DG1", "SCH", "TQ1", "AIS", "RF1", "PRD", "NTE", "ORC",
                         "OBR", "RXE", "RXD", "RXA", "TXA", "NPU", "MRG", "ZBE", "MSA"])  # fmt: skip
FIELDS = st.lists(st.sampled_from(["", '""', "1", "A^B^L", "x&y~z", "20261123", "20261123100000", "\\E\\", "عربي"]))
LINES = st.builds(lambda name, fields: "|".join([name, *fields]), NAMES, FIELDS)


@given(st.sampled_from(sorted(READERS)), st.lists(LINES, max_size=8))
def test_whatever_the_segments_hold_a_message_is_read_or_refused_with_a_reason(
    kind: tuple[str, str], lines: list[str]
) -> None:
    """A fault of the mapping would be refused as not-processed: it must not come to that."""
    found = judged(message("^".join(kind), "1", *lines))
    assert (found.verdict == "accept") == (not found.reason)
    assert found.reason != "not-processed"
