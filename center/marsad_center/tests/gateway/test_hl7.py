"""The tokenizer: field by field what the `hl7` library says, and never an error that is not its own."""

from __future__ import annotations

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad_center.gateway.hl7 import DELETE, MalformedMessage, Message, Segment, parse, read_header
from marsad_center.tests.gateway.playing import message


def segment(line: str, charset: str = "UNICODE UTF-8") -> Segment:
    found = parse(message("ADT^A04", "1", line, charset=charset).encode()).first(line[:3])
    assert found is not None
    return found


def test_every_field_of_the_shared_file_is_what_the_hl7_library_reads(simhospital: list[bytes]) -> None:
    compared = 0
    for raw in simhospital:
        ours, theirs = parse(raw), hl7.parse(raw.decode("ascii"))
        assert [segment.name for segment in ours.segments] == [str(segment[0]) for segment in theirs]
        for mine, other in zip(ours.segments, theirs, strict=True):
            for number in range(1, len(other)):
                assert mine.field(number) == str(other[number]), (mine.name, number)
                compared += 1
    assert compared > 100_000


@given(st.binary(max_size=300))
def test_bytes_give_a_message_or_its_own_error(raw: bytes) -> None:
    for content in (raw, b"MSH|^~\\&|" + raw, message("ADT^A04", "1").encode() + raw):
        try:
            parsed = parse(content)
        except MalformedMessage:
            continue
        for part in parsed.segments:
            for number in range(12):
                part.text(number)
                part.components(number)


@given(st.text(st.sampled_from("|^&~\\aX0.br\n\r FSTREع"), max_size=40))
def test_text_with_any_marks_in_it_is_read_without_error(text: str) -> None:
    try:
        parsed = parse(message("ADT^A04", "1", f"NTE|1|{text}").encode())
    except MalformedMessage:
        assert "\r" in text or "\n" in text  # only a line that is no segment may be refused
    else:
        assert isinstance(parsed, Message)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a\F\b", "a|b"),
        (r"a\S\b\T\c\R\d", "a^b&c~d"),
        (r"C:\E\dir", "C:\\dir"),
        ("\\X4D53\\\\X48\\", "MSH"),
        (r"line 1\.br\line 2", "line 1\nline 2"),
        (r"\H\bold\N\ plain", "bold plain"),
        (r"\Zunknown\ stays", r"\Zunknown\ stays"),
        (r"not closed \F", r"not closed \F"),
        (r"\XZZ\ is no hexadecimal", r"\XZZ\ is no hexadecimal"),
    ],
)
def test_escapes(written: str, read: str) -> None:
    """HL7 v2.5.1 chapter 2.7; domain.md: escapes (F, S, T, R, E, Xdd)."""
    assert segment(f"NTE|1||{written}").text(3) == read


def test_repetitions_components_and_subcomponents() -> None:
    """HL7 v2.5.1 chapter 2.5; domain.md: repetitions."""
    pid = segment("PID|1||1^^^A~2^^^B||Family&van^Given")
    assert pid.repetitions(3) == ["1^^^A", "2^^^B"]
    assert (pid.text(3), pid.text(3, 4), pid.text(5), pid.text(5, 2)) == ("1", "A", "Family", "Given")
    assert pid.components(3) == ["1", "", "", "A"]


def test_empty_is_not_delete() -> None:
    """HL7 v2.5.1 chapter 2.5.3; domain.md: empty versus two quotation marks (delete)."""
    pv1 = segment('PV1|1||""')
    assert (pv1.text(2), pv1.text(3), pv1.text(40)) == ("", DELETE, "")


def test_other_delimiters_are_honoured() -> None:
    raw = b"MSH*:+!;*HIS*KAMC*M*K*20261123**ADT:A04*7*P*2.5\rPID*1**9:x:y;z+8*!F!\r"
    pid = parse(raw).first("PID")
    assert pid is not None
    assert (pid.text(3), pid.text(3, 3), pid.repetitions(3), pid.text(4)) == ("9", "y", ["9:x:y;z", "8"], "*")


@pytest.mark.parametrize(
    ("msh_18", "codec"),
    [
        ("8859/6", "iso8859_6"),
        ("UNICODE UTF-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("", "utf-8"),
        ("8859/6~ASCII", "iso8859_6"),
    ],
)
def test_arabic_is_decoded_by_msh_18(msh_18: str, codec: str) -> None:
    """HL7 table 0211; domain.md: decode by MSH-18 from bytes."""
    raw = message("ADT^A04", "1", "PID|1||||محمد", charset=msh_18).encode(codec)
    pid = parse(raw).first("PID")
    assert pid is not None
    assert pid.text(5) == "محمد"


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_segments_may_end_as_senders_end_them(end: str) -> None:
    raw = message("ADT^A04", "1", "PID|1", "PV1|1|E").replace("\r", end).encode()
    assert [part.name for part in parse(raw).segments] == ["MSH", "PID", "PV1"]


def test_msh_15_of_the_shared_file_is_al_and_msh_16_is_empty(simhospital: list[bytes]) -> None:
    for raw in simhospital:
        header = read_header(raw)
        assert (header.field(12), header.field(15), header.field(16), header.field(18)) == (
            b"2.3",
            b"AL",
            b"",
            b"ASCII",
        )
