"""Acknowledgements: which ones a message gets, and their bytes (HL7 v2.5.1 chapter 2.9, tables 0008, 0155, 0357)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from marsad_center.gateway import mllp
from marsad_center.gateway.hl7 import Header

Verdict = Literal["accept", "error", "reject"]
_LETTER: dict[Verdict, str] = {"accept": "A", "error": "E", "reject": "R"}

# Table 0357, by the reasons of PROFILE.md; what is not here is 207, application internal error.
_ERROR_CODES = {
    "missing-control-id": "101",
    "missing-type": "101",
    "missing-visit": "101",
    "missing-order": "101",
    "missing-number": "101",
    "bad-charset": "102",
    "bad-segment": "102",
    "bad-time": "102",
    "control-bytes": "102",
    "field-too-long": "102",
    "unknown-sender": "207",
    "unknown-trigger": "201",
    "conflict": "205",
}


def _wanted(condition: str, verdict: Verdict) -> bool:
    """Table 0155. A word that is not in it is read as AL: rather one answer too many than a sender that waits."""
    if condition in ("", "NE"):
        return False
    if condition == "SU":
        return verdict == "accept"
    if condition == "ER":
        return verdict != "accept"
    return True


def codes(accept_condition: str, application_condition: str, verdict: Verdict) -> tuple[str, ...]:
    """The codes to send, in order, for MSH-15 and MSH-16; () when the sender wants none."""
    letter = _LETTER[verdict]
    if not accept_condition and not application_condition:
        return (f"A{letter}",)
    accept = _wanted(accept_condition, verdict)
    # A negative accept acknowledgement says that the message was not taken: nothing is left to say for an application.
    application = _wanted(application_condition, verdict) and not (accept and verdict != "accept")
    return ((f"C{letter}",) if accept else ()) + ((f"A{letter}",) if application else ())


def verdict_code(header: Header, verdict: Verdict) -> str:
    """The code that the verdict has in the sender's mode, whether it is sent or not."""
    enhanced = header.field(15).strip() or header.field(16).strip()
    return ("C" if enhanced else "A") + _LETTER[verdict]


def build(header: Header, verdict: Verdict, *, reason: str, text: str, sha256: bytes, at: datetime) -> bytes:
    """All acknowledgements of a message as MLLP blocks, b"" when none is wanted.

    What is echoed (names, MSH-10, MSH-11, MSH-12, MSH-18) is copied as bytes, so it stays in the sender's own character
    set and escapes; `text` is ours and ASCII. The same message gives the same control id.
    """
    accept, application = (header.field(number).strip().decode("ascii", "replace") for number in (15, 16))
    return b"".join(
        mllp.wrap(_one(header, code, reason=reason, text=text, sha256=sha256, at=at))
        for code in codes(accept, application, verdict)
    )


def _one(header: Header, code: str, *, reason: str, text: str, sha256: bytes, at: datetime) -> bytes:
    marks = header.delimiters
    separator = header.field(1)
    trigger = header.field(9).split(marks.component.encode())[1:2]
    version = header.field(12) or b"2.5.1"
    kind = b"ACK"
    if trigger and trigger[0] and not version.startswith((b"2.1", b"2.2")):
        kind = marks.component.encode().join([b"ACK", trigger[0][:20]])
    control_id = b"M" + sha256.hex()[:18].encode() + code[:1].encode()
    fields = [b"MSH", header.field(2)]
    fields += [header.field(5), header.field(6), header.field(3), header.field(4)]
    fields += [at.strftime("%Y%m%d%H%M%S+0000").encode(), b"", kind, control_id]
    fields += [header.field(11) or b"P", version, b"", b"", b"", b"", header.field(17), header.field(18)]
    if code.startswith("A") and (header.field(15) or header.field(16)):
        fields[14] = fields[15] = b"NE"  # our application acknowledgement is not to be acknowledged in turn
    segments = [separator.join(fields), separator.join([b"MSA", code.encode(), header.field(10), text.encode("ascii")])]
    if not code.endswith("A") and version >= b"2.5":
        number = marks.component.encode().join([_ERROR_CODES.get(reason, "207").encode(), reason.encode(), b"HL70357"])
        segments.append(separator.join([b"ERR", b"", b"", number, b"E"]))
    return b"\r".join(segments) + b"\r"
