"""The second reader is itself checked: on the shared file by plain search, and on small stories by plain sense."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from e2e import oracle
from e2e.oracle import Count


def story(folder: Path, *lines: tuple[str, str, str, str, str]) -> Count:
    """Count of ADT messages given as (time, trigger, class, location, further segment)."""
    messages = []
    for number, (time, trigger, patient_class, location, more) in enumerate(lines):
        stamp = f"20261123{time}00+0300"
        messages.append(
            f"MSH|^~\\&|HIS|KAMC|||{stamp}||ADT^{trigger}|{number}|P|2.5.1||||||UNICODE UTF-8\rEVN|{trigger}|{stamp}\r"
            f"PID|1||77^^^KAMC||نورة\rPV1|1|{patient_class}|{location}|{'|' * 15}V1\r{more}"
        )
    file = folder / "story.hl7"
    file.write_bytes("\r\n\n".join(messages).encode())
    return oracle.count(file)


class TestSharedFile:
    @pytest.fixture
    def text(self) -> str:
        if not oracle.SHARED_FILE.exists():
            pytest.skip(f"{oracle.SHARED_FILE} is not on this machine (set MARSAD_SHARED)")
        return oracle.SHARED_FILE.read_bytes().decode("ascii")

    def test_messages_and_triggers_agree_with_a_plain_search_of_the_text(self, text: str) -> None:
        counted = oracle.count(oracle.SHARED_FILE)
        assert counted.messages == len(re.findall(r"(?m)^MSH", text)) == 600
        assert counted.by_trigger == {"ORU^R01": 352, "ADT^A01": 245, "MDM^T02": 2, "ADT^A34": 1}

    def test_visits_agree_with_a_plain_search_of_the_text(self, text: str) -> None:
        counted = oracle.count(oracle.SHARED_FILE)
        admissions = [part for part in text.split("\n\n") if "|ADT^A01|" in part]
        visits = set(re.findall(r"\rPV1\|(?:[^|]*\|){18}(\d+)\^", "".join(admissions)))
        assert counted.encounters == counted.beds_occupied == counted.inpatients == len(visits) == 245
        assert counted.encounters_by_class == {"I": 245}
        assert (counted.ed_arrivals, counted.ed_census, counted.waiting) == (0, 0, {})

    def test_orders_agree_with_a_plain_search_of_the_text(self, text: str) -> None:
        counted = oracle.count(oracle.SHARED_FILE)
        scans, vital_signs = (
            len(re.findall(rf"\rOBR[^\r]*{words}", text)) for words in ("MRI Ankle Lt", "Vital Signs")
        )
        assert counted.orders == {"lab": 352 - scans - vital_signs, "radiology": scans, "other": vital_signs}
        assert {kind: len(seconds) for kind, seconds in counted.turnaround.items()} == counted.orders
        assert {second for seconds in counted.turnaround.values() for second in seconds} == {0.0}, (
            "ordered when resulted"
        )


class TestVisits:
    TRIAGE = "OBX|1|NM|11283-9^Acuity assessment^LN||CTAS-3|||||F\r"
    SEEN = "OBX|1|TS|PHYSICIAN-CONTACT^First contact^99MARSAD||20261123103000+0300|||||F\r"

    def test_a_triaged_arrival_waits_until_a_physician_comes(self, tmp_path: Path) -> None:
        arrival = ("1000", "A04", "E", "ED", "")
        triaged = ("1005", "A08", "E", "ED", self.TRIAGE)
        assert story(tmp_path, arrival).waiting == {"unknown": 1}
        assert story(tmp_path, arrival, triaged).waiting == {"3": 1}
        seen = story(tmp_path, arrival, triaged, ("1030", "A08", "E", "ED", self.SEEN))
        assert (seen.waiting, seen.ed_census, seen.ed_arrivals) == ({}, 1, 1)

    def test_an_admitted_patient_boards_in_the_ed_until_a_bed_elsewhere(self, tmp_path: Path) -> None:
        arrival, admission = ("1000", "A04", "E", "ED", ""), ("1100", "A01", "I", "ED^^T4", "")
        boarding = story(tmp_path, arrival, admission)
        assert (boarding.ed_census, boarding.inpatients, boarding.beds_occupied) == (1, 1, 0)
        bedded = story(tmp_path, arrival, admission, ("1200", "A02", "I", "WARD^1^B2", ""))
        assert (bedded.ed_census, bedded.inpatients, bedded.beds_occupied) == (0, 1, 1)

    def test_reversals_take_back_the_newest_of_their_kind(self, tmp_path: Path) -> None:
        visit = [("1000", "A04", "E", "ED", ""), ("1100", "A01", "I", "WARD^1^B2", ""), ("1200", "A03", "I", "", "")]
        assert story(tmp_path, *visit).beds_occupied == 0
        assert story(tmp_path, *visit, ("1210", "A13", "", "", "")).beds_occupied == 1
        undone = story(tmp_path, *visit, ("1210", "A13", "", "", ""), ("1220", "A11", "", "", ""))
        assert (undone.beds_occupied, undone.ed_census, undone.encounters_by_class) == (0, 1, {"E": 1})

    def test_a_transfer_shows_a_patient_unless_it_went_with_a_cancelled_admission(self, tmp_path: Path) -> None:
        admission, cancelled = ("1000", "A01", "I", "WARD^1^B2", ""), ("1100", "A11", "", "", "")
        early, late = ("1030", "A02", "I", "ICU^1^B9", ""), ("1130", "A02", "I", "ICU^1^B9", "")
        assert story(tmp_path, late).beds_occupied == 1
        assert story(tmp_path, admission, cancelled, late).beds_occupied == 1
        gone = story(tmp_path, admission, early, cancelled)
        assert (gone.encounters, gone.encounters_by_class, gone.beds_occupied) == (1, {}, 0)
        assert story(tmp_path, late, ("1200", "A03", "I", "", ""), ("1230", "A02", "I", "ICU^1^B9", "")).inpatients == 0

    def test_the_order_of_arrival_does_not_matter(self, tmp_path: Path) -> None:
        visit = [("1000", "A04", "E", "ED", ""), ("1100", "A01", "I", "WARD^1^B2", ""), ("1200", "A03", "I", "", "")]
        late = [("1130", "A02", "I", "ICU^1^B9", ""), ("1140", "A12", "", "", "")]
        assert story(tmp_path, *visit, *late) != story(tmp_path, *visit[:2], *late)
        forward, backward = story(tmp_path, *visit, *late), story(tmp_path, *reversed([*visit, *late]))
        assert forward == backward

    def test_the_same_control_id_counts_once(self, tmp_path: Path) -> None:
        story(tmp_path, ("1000", "A04", "E", "ED", ""))
        file = tmp_path / "story.hl7"
        file.write_bytes(file.read_bytes() + b"\r\n\n" + file.read_bytes())
        assert oracle.count(file).messages == 1


class TestOrders:
    def test_turnaround_runs_from_the_earliest_order_to_the_earliest_final_result(self, tmp_path: Path) -> None:
        def message(number: int, kind: str, control: str, order: str) -> str:
            head = f"MSH|^~\\&|LIS|KAMC|||20261123130000||{kind}|{number}|P|2.5.1\r"
            return f"{head}ORC|{control}|P1|||||||20261123100000\rOBR|1|P1|F1|CBC^Blood count^L|{order}"

        times = [f"{'|' * 17}20261123{at}00||CH|{status}" for at, status in (("1020", "P"), ("1045", "F"))]
        file = tmp_path / "orders.hl7"
        texts = [
            message(1, "ORM^O01", "NW", ""),
            message(2, "ORU^R01", "RE", times[0]),
            message(3, "ORU^R01", "RE", times[1]),
        ]
        file.write_bytes("\r\n\n".join(texts).encode())
        counted = oracle.count(file)
        assert (counted.orders, counted.turnaround) == ({"lab": 1}, {"lab": (2700.0,)})

    @pytest.mark.parametrize(
        ("service", "words", "kind"),
        [("CT", "", "radiology"), ("HM", "", "lab"), ("PT", "", "other"), ("", "MRI Ankle Lt", "radiology"),
         ("", "Vital Signs", "other"), ("", "UREA AND ELECTROLYTES", "lab")],
    )  # fmt: skip
    def test_the_kind_is_what_the_section_says_else_what_the_words_say(
        self, service: str, words: str, kind: str
    ) -> None:
        assert oracle.kind(service, words) == kind
