"""Acknowledgements: which ones a message gets, and their bytes (HL7 v2.5.1 chapter 2.9, tables 0008, 0155, 0357)."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
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
    enhanced = header.fields[15].strip() or header.fields[16].strip()
    return ("C" if enhanced else "A") + _LETTER[verdict]


@lru_cache(maxsize=64)
def _codes(accept_condition: bytes, application_condition: bytes, verdict: Verdict) -> tuple[str, ...]:
    given = (accept_condition, application_condition)
    accept, application = (condition.strip().decode("ascii", "replace") for condition in given)
    return codes(accept, application, verdict)


def build(header: Header, verdict: Verdict, *, reason: str, text: str, sha256: bytes, at: datetime) -> bytes:
    """All acknowledgements of a message as MLLP blocks, b"" when none is wanted.

    What is echoed (names, MSH-10, MSH-11, MSH-12, MSH-18) is copied as bytes, so it stays in the sender's own character
    set and escapes; `text` is ours and ASCII. The same message gives the same control id.
    """
    wanted = _codes(header.fields[15], header.fields[16], verdict)
    blocks = [mllp.wrap(_one(header, code, reason=reason, text=text, sha256=sha256, at=at)) for code in wanted]
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _one(header: Header, code: str, *, reason: str, text: str, sha256: bytes, at: datetime) -> bytes:
    sent = header.fields
    separator, component = sent[1], header.delimiters.component.encode()
    trigger = sent[9].split(component, 2)[1:2]
    version = sent[12] or b"2.5.1"
    kind = b"ACK"
    if trigger and trigger[0] and not version.startswith((b"2.1", b"2.2")):
        kind = component.join([b"ACK", trigger[0][:20]])
    letters = code.encode()
    control_id = b"M" + sha256.hex()[:18].encode() + letters[:1]
    # Our application acknowledgement is not to be acknowledged in turn.
    never = b"NE" if code[0] == "A" and (sent[15] or sent[16]) else b""
    fields = (
        b"MSH", sent[2], sent[5], sent[6], sent[3], sent[4],
        b"%04d%02d%02d%02d%02d%02d+0000" % (at.year, at.month, at.day, at.hour, at.minute, at.second),
        b"", kind, control_id, sent[11] or b"P", version, b"", b"", never, never, sent[17], sent[18],
    )  # fmt: skip
    segments = [separator.join(fields), separator.join((b"MSA", letters, sent[10], text.encode("ascii")))]
    if code[1] != "A" and version >= b"2.5":
        number = component.join([_ERROR_CODES.get(reason, "207").encode(), reason.encode(), b"HL70357"])
        segments.append(separator.join([b"ERR", b"", b"", number, b"E"]))
    segments.append(b"")
    return b"\r".join(segments)
