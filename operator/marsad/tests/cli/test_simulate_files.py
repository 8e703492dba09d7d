"""Files that `marsad simulate` reads: messages to play, declarations of facilities."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marsad.cli.simulate.account import Account
from marsad.cli.simulate.envelope import envelope
from marsad.cli.simulate.facilities import Unusable, from_file, from_word
from marsad.cli.simulate.message import Channel, Sender
from marsad.cli.simulate.mllp import Answer
from marsad.cli.simulate.playlist import messages

REPOSITORY = Path(__file__).resolve().parents[4]
ONE, TWO = b"MSH|^~\\&|A|B\rPID|1\r", "MSH|^~\\&|A|B\rPID|2||\u0645\r".encode()


class TestPlaylist:
    @pytest.mark.parametrize(
        "data",
        [
            ONE + b"\n\n" + TWO + b"\n\n",  # as in the shared file
            ONE + b"\n" + TWO,
            ONE[:-1] + b"\r\n\r\n" + TWO,
            (ONE + b"\n" + TWO).replace(b"\r", b"\n"),  # an editor's line ends
            (ONE + b"\n" + TWO).replace(b"\r", b"\r\n"),
            b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r",
        ],
    )
    def test_messages_are_found_whatever_separates_them(self, tmp_path, data):
        (tmp_path / "two.hl7").write_bytes(data)
        assert messages(tmp_path / "two.hl7") == [ONE, TWO]

    def test_an_empty_file_is_refused(self, tmp_path):
        (tmp_path / "none.hl7").write_bytes(b"\n\n")
        with pytest.raises(Unusable, match="holds no message"):
            messages(tmp_path / "none.hl7")

    def test_the_shared_file_keeps_every_byte(self):
        path = Path(os.environ.get("MARSAD_SHARED", REPOSITORY.parent / "shared")) / "data" / "simhospital.hl7"
        if not path.exists():
            pytest.skip(f"{path} is not on this machine (set MARSAD_SHARED)")
        found = messages(path)
        assert len(found) == 600
        assert b"".join(found) == path.read_bytes().replace(b"\n", b"")


class TestEnvelope:
    @pytest.mark.parametrize(
        ("conditions", "accept", "application"),
        [("|", False, True), ("AL|", True, False), ("AL|AL", True, True), ("NE|NE", False, False), ("|AL", False, True),
         ("ER|SU", False, False)],
    )  # fmt: skip
    def test_the_header_says_which_answers_to_wait_for(self, conditions, accept, application):
        read = envelope(f"MSH|^~\\&|A|B|||||ADT^A08|C1|P|2.5.1|||{conditions}\rPID|1||77^^^X\r".encode())
        assert (read.accept, read.application) == (accept, application)
        assert (read.sender, read.control_id, read.lane) == ("A/B", "C1", "77")

    @pytest.mark.parametrize("data", [b"", b"MSH", b"nonsense", b"\xff\xfe", b"MSH|^~\\&|\rPID"])
    def test_what_is_no_message_can_still_be_sent(self, data):
        assert envelope(data).data == data


class TestFacilities:
    def test_a_word_gives_sender_and_capacity(self):
        facility = from_word("KFH=HIS/KFH:8:20")
        assert (facility.code, facility.ed_spaces, facility.beds) == ("KFH", 8, 20)
        assert facility.sender(Channel.LABORATORY) == Sender("HIS", "KFH")

    def test_the_example_declares_three_and_a_laboratory_with_a_feed_of_its_own(self):
        facilities = {facility.code: facility for facility in from_file(REPOSITORY / "examples" / "makkah.yaml")}
        assert set(facilities) == {"KFH", "NOOR", "AZIZ"}
        assert facilities["NOOR"].sender(Channel.LABORATORY) == Sender("NOORLIS", "NOOR")
        assert facilities["NOOR"].sender(Channel.RADIOLOGY) == Sender("NOORHIS", "NOOR")
        assert facilities["AZIZ"].sender(Channel.HIS) == Sender("PHCEMR", "AZIZ")
        assert facilities["KFH"].beds == 532

    def test_a_file_without_facilities_is_refused(self, tmp_path):
        (tmp_path / "center.yaml").write_text("kind: HealthCluster\n")
        with pytest.raises(Unusable, match="declares no Facility"):
            from_file(tmp_path / "center.yaml")


class TestAccount:
    def test_percentiles_are_at_most_five_percent_too_high(self):
        account = Account()
        for milliseconds in range(1, 1001):
            account.note(envelope(ONE), Answer("", "AA", milliseconds / 1000, 1))
        for share in (0.5, 0.95, 1.0):
            assert share <= (account.latency(share) or 0) <= share * 1.051
        assert Account().latency(0.5) is None
