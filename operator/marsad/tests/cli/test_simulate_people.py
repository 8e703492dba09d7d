"""Who comes, what happens to them and what is said of it: the pure part of `marsad simulate`."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import hl7
import pytest

from marsad.cli.simulate.hospital import Facility
from marsad.cli.simulate.message import Channel, Draft, Sender, escape, stamp
from marsad.cli.simulate.rhythm import DAY, EMERGENCY_DAY, OFFICE_DAY, hour_of, next_arrival
from marsad.cli.simulate.town import Clock, Town

BEGIN = datetime(2026, 3, 1, 9, tzinfo=ZoneInfo("Asia/Riyadh"))
KFH = Facility("KFH", {Channel.HIS: Sender("HIS", "KFH"), Channel.LABORATORY: Sender("LIS", "KFH")}, 30, 120)
VISITS = {"A01", "A02", "A03", "A04", "A08", "A11", "A12", "A13", "O01", "R01"}
CLINIC = Facility("AZIZ", {Channel.HIS: Sender("EMR", "AZIZ")}, 0, 0)


def town(seed: int = 1, *, warm: bool = False, facilities: tuple[Facility, ...] = (KFH, CLINIC)) -> Town:
    return Town(list(facilities), seed, Clock(BEGIN, 1.0), "run", warm)


def drafts(played: Town, days: float) -> list[tuple[Facility, Draft]]:
    end = BEGIN + timedelta(days=days)
    told = []
    while played.due < end:
        told += played.step(played.due)
    return told


def messages(told: list[tuple[Facility, Draft]]) -> list[bytes]:
    return [
        draft.write(facility.sender(draft.channel), f"C{number}", draft.occurred, ("", ""))
        for number, (facility, draft) in enumerate(told)
    ]


class TestArrivals:
    @pytest.mark.parametrize("shape", [EMERGENCY_DAY, OFFICE_DAY])
    def test_a_day_of_any_shape_has_the_stated_number_of_arrivals(self, shape):
        assert sum(shape) / 24 == pytest.approx(1)
        rng, at, days, count = Random(7), 0.0, 100, 0
        while (at := next_arrival(at, 50, shape, rng) or 0) < days * DAY:
            count += 1
        assert count == pytest.approx(50 * days, rel=0.05)  # 3.5 standard deviations of 5,000

    def test_each_hour_has_its_share(self):
        rng, at, hours = Random(7), 0.0, Counter[int]()
        while (at := next_arrival(at, 200, EMERGENCY_DAY, rng) or 0) < 100 * DAY:
            hours[hour_of(at)] += 1
        expected = [200 * 100 * share / 24 for share in EMERGENCY_DAY]
        assert [hours[hour] for hour in range(24)] == pytest.approx(expected, rel=0.2)

    def test_nobody_comes_where_nobody_is_expected(self):
        assert next_arrival(0.0, 0, EMERGENCY_DAY, Random(1)) is None


class TestMessages:
    def test_the_same_seed_gives_the_same_bytes(self):
        assert messages(drafts(town(3), 0.5)) == messages(drafts(town(3), 0.5))

    def test_another_seed_gives_others(self):
        assert messages(drafts(town(3), 0.1)) != messages(drafts(town(4), 0.1))

    def test_every_message_parses_and_names_its_visit(self):
        told = drafts(town(), 0.5)
        for (facility, draft), data in zip(told, messages(told), strict=True):
            parsed = hl7.parse(data.decode())
            assert str(parsed["MSH"][0][18]) == "UNICODE UTF-8"
            if draft.trigger in VISITS:
                assert str(parsed["PV1"][0][19][0][0]) == draft.key
            assert str(parsed["MSH"][0][4]) == facility.code

    def test_all_movements_orders_and_results_occur(self):
        triggers = Counter(draft.trigger for _, draft in drafts(town(facilities=(KFH,)), 10))
        assert set(triggers) == VISITS | {"A20", "S12", "S14", "S15", "S26", "I12", "I13", "O11", "O13", "V04"}

    def test_a_referral_to_a_facility_that_is_played_is_answered_by_it(self):
        told: dict[str, list[tuple[str, str]]] = {}
        receivers: dict[str, str] = {}
        for facility, draft in drafts(town(), 5):
            if draft.trigger.endswith(("I12", "I13")):
                told.setdefault(draft.key, []).append((facility.code, draft.trigger))
                segments = [segment.split("|") for segment in draft.segments]
                receivers[draft.key] = segments[2][10].removeprefix("^^")
                assert (segments[0][6], segments[2][1]) == (draft.key, "RT")
        answers = {facility for key, each in told.items() for facility, trigger in each if trigger.startswith("RRI")}
        assert answers == {KFH.code, CLINIC.code}
        for key, each in told.items():
            sender, answered = each[0][0], [facility for facility, trigger in each if trigger.startswith("RRI")]
            assert set(answered) <= {receivers[key]} - {sender}
            assert {facility for facility, trigger in each if trigger in ("I12", "I13")} == {sender}

    def test_results_come_from_the_laboratory_and_orders_from_the_his(self):
        told = drafts(town(facilities=(KFH,)), 1)
        senders = {(draft.trigger, facility.sender(draft.channel).application) for facility, draft in told}
        assert {sender for trigger, sender in senders if trigger == "O01"} == {"HIS"}
        assert {sender for trigger, sender in senders if trigger == "R01"} == {"HIS", "LIS"}  # radiology speaks as HIS

    def test_some_names_are_arabic_and_some_are_not(self):
        told = [(facility, draft) for facility, draft in drafts(town(), 1) if draft.trigger != "A20"]
        families = {str(hl7.parse(data.decode())["PID"][0][5][0][0]) for data in messages(told)}
        assert any("؀" <= family[0] <= "ۿ" for family in families)
        assert any(family.isascii() for family in families)

    def test_delimiters_in_text_are_escaped(self):
        assert escape("a|b^c&d~e\\f\rg") == "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f g"

    def test_a_time_says_its_offset(self):
        assert stamp(BEGIN) == "20260301090000.000+0300"


class TestPlausibility:
    def test_a_warm_hospital_stays_under_its_capacity_for_days(self):
        played = town(warm=True, facilities=(KFH,))
        list(played.history())
        (hospital,) = played.hospitals
        emergency, beds = [], []
        for hour in range(10 * 24):
            while played.due < BEGIN + timedelta(hours=hour):
                played.step(played.due)
            emergency.append(len(hospital.emergency) / KFH.ed_spaces)
            beds.append(hospital.occupied / KFH.beds)
        assert max(beds) <= 1.0
        assert max(emergency) <= 1.2
        assert 0.7 < sum(beds) / len(beds) < 0.95
        assert 0.3 < sum(emergency) / len(emergency) < 0.9

    def test_two_patients_are_never_in_one_bed(self):
        played = town(warm=True, facilities=(KFH,))
        list(played.history())
        (hospital,) = played.hospitals
        for hour in range(5 * 24):
            while played.due < BEGIN + timedelta(hours=hour):
                played.step(played.due)
            taken = [visit.place for visit in hospital.open.values() if visit.place.bed]
            assert len(taken) == len(set(taken))
            assert not set(taken) & set(hospital.free_beds)

    def test_a_warm_start_tells_of_the_past_as_events_of_now(self):
        told = list(town(warm=True).history())
        assert len(told) > 300
        assert all(BEGIN <= draft.occurred < BEGIN + timedelta(seconds=1) for _, draft in told)
        arrivals = [str(hl7.parse(data.decode())["PV1"][0][44]) for data in messages(told)]
        assert min(arrivals) < stamp(BEGIN - timedelta(days=2)) < max(arrivals)

    def test_a_faster_clock_shortens_what_lies_back(self):
        fast = Town([KFH], 1, Clock(BEGIN, 60.0), "run", True)
        slow = Town([KFH], 1, Clock(BEGIN, 1.0), "run", True)
        for played in (fast, slow):
            list(played.history())
        oldest_fast, oldest_slow = (
            BEGIN - min(visit.arrived for visit in played.hospitals[0].open.values()) for played in (fast, slow)
        )
        assert oldest_fast.total_seconds() == pytest.approx(oldest_slow.total_seconds() / 60, rel=0.01)

    def test_the_rate_at_lifes_own_pace_is_known(self):
        played = town(warm=True, facilities=(KFH, CLINIC))
        list(played.history())
        measured = len(drafts(played, 4)) / (4 * DAY)
        assert Town.busyness([KFH, CLINIC]) == pytest.approx(measured, rel=0.35)

    def test_at_the_end_everybody_can_be_sent_home(self):
        played = town(warm=True)
        told = [*played.history(), *drafts(played, 0.2)]
        open_visits = [visit for hospital in played.hospitals for visit in hospital.open.values()]
        inside = {visit.number for visit in open_visits if not visit.discharged}
        gone = [draft for _, draft in played.farewell(BEGIN + timedelta(days=1))]
        assert {draft.key for draft in gone} == inside
        assert {draft.trigger for draft in gone} == {"A03"}
        assert len(told) > len(inside) > 50

    def test_a_visit_is_told_in_an_order_that_can_happen(self):
        played = drafts(town(facilities=(KFH,)), 4)
        told = sorted((draft.key, number, draft.trigger) for number, (_, draft) in enumerate(played))
        for _, visit in itertools.groupby(told, key=lambda one: one[0]):
            movements = [trigger for *_, trigger in visit if trigger in VISITS]
            if not movements:
                continue  # a bed, an appointment...
            assert movements[0] in ("A04", "A01")
            closing = [trigger for trigger in movements if trigger in ("A03", "A13")]
            assert all(one != other for one, other in itertools.pairwise(closing))
