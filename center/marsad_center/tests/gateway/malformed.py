"""Malformed MLLP and HL7 as data: what to send, what comes back, what the quarantine says. Used by the kind tests too.

Every case is a stream of bytes (sent as the chunks say) on a connection of its own to a gateway that knows the sender
HIS|KAMC; imports only the standard library.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass

CLOSED = ""
MIB = 1024 * 1024


@dataclass(frozen=True)
class Malformed:
    """`chunks` are written one after the other. `answer`: the codes (MSA-1) of all acknowledgements in order, "" at the
    end for a connection that the gateway closes. `reason`: the reason of the quarantine row, None for input that is odd
    but whole and therefore accepted. `hang_up`: the sender closes its side after the last chunk. `kept`: bytes that the
    quarantine row's raw column must begin with. `rows`: how many rows it leaves in quarantine."""

    name: str
    chunks: tuple[bytes, ...]
    answer: tuple[str, ...]
    reason: str | None
    hang_up: bool = False
    kept: bytes = b"MSH"
    rows: int = 1


def _header(
    control_id: str = "{id}",
    kind: str = "ADT^A04",
    sender: str = "HIS|KAMC",
    conditions: str = "|",
    charset: str = "UNICODE UTF-8",
    time: str = "20261123100000+0300",
) -> str:
    return f"MSH|^~\\&|{sender}|MARSAD|MKH|{time}||{kind}|{control_id}|P|2.5.1|||{conditions}||{charset}\r"


_EVN = "EVN|A04|20261123100000+0300\r"
_PID = "PID|1||P1^^^MRN||Test^Patient\r"
_PV1 = "PV1|1|E|ED^R1^B1||||||||||||||||V-MALFORMED\r"
_BODY = _EVN + _PID + _PV1


def _frame(content: str | bytes) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return b"\x0b" + raw + b"\x1c\x0d"


def cases(run: str, sender: str = "HIS|KAMC") -> list[Malformed]:
    """All cases. `run` makes the control ids (and so the quarantine's rows) of this run unlike those of another;
    `sender` is MSH-3|MSH-4 of a declared feed. Some cases hold a good message too: the arrival of visit V-MALFORMED."""

    header = functools.partial(_header, sender=sender)

    def id_(name: str) -> str:
        return f"{run}-{name}"[:199]

    def whole(name: str, content: str | bytes, answer: str, reason: str | None) -> Malformed:
        return Malformed(name, (_frame(content),), (answer,) if answer else (CLOSED,), reason)

    good = header(id_("fragments")) + _BODY
    note = f"NTE|1||{run}\r"
    return [
        Malformed("no header", (_frame(f"PID|1||{run}\r"),), (CLOSED,), "no-header", kept=b"PID"),
        # As many blanks as make the frame of this run its own: the same bytes again would only be counted.
        Malformed(
            "blank frame", (_frame(b" " * (zlib.crc32(run.encode()) % 5000 + 1)),), (CLOSED,), "no-header", kept=b""
        ),
        whole("a header that does not end", f"MSH|^~\\&|{sender}|{run}" + "|x" * 20_000, CLOSED, "bad-header"),
        whole("header cut short", f"MSH|^~\\&|HIS|{run}", CLOSED, "bad-header"),
        whole(
            "encoding characters that are letters",
            f"MSH|abcd|{sender}|{run}||||ADT^A04|1|P|2.5\r",
            CLOSED,
            "bad-header",
        ),
        Malformed(
            "no start byte",
            ((header(id_("no-start")) + _BODY).encode() + b"\x1c\x0d",),
            (CLOSED,),
            "no-start",
        ),
        Malformed(
            "wrong end byte",
            (b"\x0b" + (header(id_("wrong-end")) + _BODY).encode() + b"\x0d\x1c",),
            (CLOSED,),
            "truncated",
            hang_up=True,
        ),
        Malformed(
            "junk before a good frame",
            (f"hello {run}".encode() + _frame(header(id_("after-junk")) + _BODY),),
            ("AA",),
            "junk",
            kept=b"hello",
        ),
        Malformed("another protocol", (f"GET /{run} HTTP/1.1\r\n\r\n".encode(),), (CLOSED,), "junk", True, b"GET"),
        Malformed("junk without end", (run.encode() + b"x" * (80 * 1024),), (CLOSED,), "junk", kept=run.encode()),
        Malformed(
            "truncated by hanging up",
            (b"\x0b" + (header(id_("cut")) + "EVN|A0").encode(),),
            (CLOSED,),
            "truncated",
            hang_up=True,
        ),
        Malformed(
            "truncated by the next frame",
            (b"\x0b" + (header(id_("cut-2")) + "EVN|A0").encode() + _frame(header(id_("next")) + _BODY),),
            ("AA",),
            "truncated",
        ),
        Malformed(
            "2000 messages begun in one frame",
            (
                b"\x0b" + b"\x0b".join(f"MSH|{run}-{number}".encode() for number in range(2000)),
                _frame(header(id_("last")) + _BODY),
            ),
            ("AA",),
            "truncated",
            rows=16,
        ),
        Malformed(
            "20 MB message",
            (b"\x0b" + (header(id_("huge")) + _BODY + "NTE|1||").encode(), *[b"x" * MIB] * 20, b"\r\x1c\x0d"),
            ("AE",),
            "too-long",
        ),
        Malformed(
            "20 MB without a header",
            (b"\x0b" + run.encode(), *[b"y" * MIB] * 20, b"\x1c\x0d"),
            (CLOSED,),
            "too-long",
            kept=run.encode(),
        ),
        whole("missing MSH-10", header("") + _BODY + note, "AE", "missing-control-id"),
        whole("missing MSH-10, enhanced mode", header("", conditions="AL|") + _BODY + note, "CE", "missing-control-id"),
        whole("missing MSH-9", header(id_("no-type"), kind="") + _BODY, "AR", "missing-type"),
        whole("MSH-10 of 5000 characters", header(id_("long") + "9" * 5000) + _BODY, "AE", "field-too-long"),
        whole("control id over the limit", header(id_("long2").ljust(300, "9")) + _BODY, "AE", "field-too-long"),
        whole("unknown sender", header(id_("who"), sender="NOBODY|NOWHERE") + _BODY, "AR", "unknown-sender"),
        whole(
            "unknown sender, enhanced mode",
            header(id_("who-2"), sender="NOBODY|NOWHERE", conditions="AL|NE") + _BODY,
            "CR",
            "unknown-sender",
        ),
        whole(
            "unknown sender of much",
            header(id_("who-much"), sender="NOBODY|NOWHERE") + _BODY + "NTE|1||" + "x" * 200_000,
            "AR",
            "unknown-sender",
        ),
        whole("unknown trigger", header(id_("trigger"), kind="ZZZ^Z99") + _BODY, "AR", "unknown-trigger"),
        whole(
            "unknown trigger, enhanced mode",
            header(id_("trigger-2"), kind="SIU^S99", conditions="AL|AL") + _BODY,
            "CR",
            "unknown-trigger",
        ),
        whole("unknown character set", header(id_("set"), charset="EBCDIC") + _BODY, "AE", "bad-charset"),
        whole(
            "bytes that MSH-18 does not have",
            (header(id_("bytes")) + _EVN).encode() + "PID|1||P1||محمد\r".encode("iso8859_6") + _PV1.encode(),
            "AE",
            "bad-charset",
        ),
        whole(
            "Arabic declared as ASCII",
            (header(id_("ascii"), charset="ASCII") + "PID|1||P||محمد\r"),
            "AE",
            "bad-charset",
        ),
        whole("NUL byte", header(id_("nul")) + _BODY + "NTE|1||a\0b\r", "AE", "control-bytes"),
        whole("100,000 segments", header(id_("many")) + "NTE|1\r" * 100_000, "AE", "too-many-segments"),
        whole("a line that is no segment", header(id_("line")) + _BODY + "what is this?\r", "AE", "bad-segment"),
        whole("a movement without PV1", header(id_("pv1")) + _EVN + _PID, "AE", "missing-visit"),
        whole("a movement of nobody", header(id_("nobody")) + _EVN + "PID|1\rPV1|1|E\r", "AE", "missing-visit"),
        whole("an order without OBR", header(id_("obr"), kind="ORM^O01") + _PID + "ORC|NW|1\r", "AE", "missing-order"),
        whole("a day that does not exist", header(id_("day")) + "EVN|A04|20260230\r" + _PID + _PV1, "AE", "bad-time"),
        whole("a time in words", header(id_("time"), time="yesterday") + _PID + _PV1, "AE", "bad-time"),
        Malformed("1-byte fragments", tuple(bytes([byte]) for byte in _frame(good)), ("AA",), None),
        Malformed(
            "two frames in one packet with line ends between",
            (_frame(header(id_("two-a")) + _BODY) + b"\r\n" + _frame(header(id_("two-b")) + _BODY),),
            ("AA", "AA"),
            None,
        ),
    ]
