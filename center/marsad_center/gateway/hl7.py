"""A tokenizer for HL7 v2 (ER7): bytes to segments, fields on demand. Chapter 2 of the standard, versions 2.1 to 2.9.

Only what is asked for is split, so a message costs little more than finding its segments. The header is read from bytes
first, because it names the delimiters and the character set that everything else needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from marsad_center.gateway import charset

MAX_SEGMENTS = 20_000
MAX_HEADER = 16 * 1024  # bytes of MSH
DELETE = '""'


class MalformedMessage(ValueError):
    """Bytes that are no HL7 v2 message. `reason` is a word of PROFILE.md; the text holds nothing of the content."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2. `truncation` (v2.7) is only kept."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str


_PADDING = (b"",) * 19


@dataclass(frozen=True, slots=True)
class Header:
    """MSH as bytes: `fields[n]` is MSH-n (0 unused, 1 the field separator), filled up with b"" to MSH-18 at least."""

    delimiters: Delimiters
    fields: tuple[bytes, ...]

    def field(self, number: int) -> bytes:
        """MSH-`number`, b"" when it is not there."""
        return self.fields[number] if number < len(self.fields) else b""


def read_header(raw: bytes) -> Header:
    """The header of `raw`. Raises MalformedMessage (no-header, bad-header)."""
    if not raw.startswith(b"MSH"):
        raise MalformedMessage("no-header", "the frame does not begin with MSH")
    line = raw[: MAX_HEADER + 1].split(b"\r", 1)[0].split(b"\n", 1)[0]
    if len(line) > MAX_HEADER:
        raise MalformedMessage("bad-header", f"MSH is longer than {MAX_HEADER} bytes")
    if b"\x0b" in line or b"\x1c" in line:  # echoed, they would begin or end a block within the acknowledgement
        raise MalformedMessage("bad-header", "MSH holds the bytes that frame a message")
    separator = line[3:4]
    fields = line.split(separator) if separator else []
    marks = fields[1] if len(fields) > 1 else b""
    if not separator or len(fields) < 9 or not 2 <= len(marks) <= 5:
        raise MalformedMessage("bad-header", "MSH is cut short")
    delimiters = _delimiters(separator, marks)
    return Header(delimiters, (b"", separator, *fields[1:], *_PADDING[len(fields) :]))


@lru_cache(maxsize=64)
def _delimiters(separator: bytes, marks: bytes) -> Delimiters:
    alphabet = separator + marks[:4]
    if len(set(alphabet)) != len(alphabet) or not all(_is_mark(byte) for byte in alphabet):
        raise MalformedMessage("bad-header", "the encoding characters are not distinct marks")
    # A sender that gives fewer marks than four does not use the rest; NUL stands for "never found".
    component, repetition, escape, subcomponent = tuple((marks[:4].decode("ascii") + "\0\0")[:4])
    return Delimiters(separator.decode("ascii"), component, repetition, escape, subcomponent)


def _is_mark(byte: int) -> bool:
    return 0x21 <= byte < 0x7F and not chr(byte).isalnum()


class Segment:
    """One segment: its name, and its fields split when first asked for."""

    __slots__ = ("_codec", "_delimiters", "_fields", "_line", "name")

    def __init__(self, line: str, delimiters: Delimiters, codec: str) -> None:
        self._line, self._delimiters, self._codec = line, delimiters, codec
        self._fields: list[str] | None = None
        self.name = line[:3]

    def field(self, number: int) -> str:
        """Field `number` (from 1) as it is written, repetitions and escapes included; '' when it is not there."""
        fields = self._fields or self._split()
        return fields[number] if number < len(fields) else ""

    def _split(self) -> list[str]:
        separator = self._delimiters.field
        fields = self._line.split(separator)
        if self.name == "MSH":  # MSH-1 is the separator itself
            fields.insert(1, separator)
        self._fields = fields
        return fields

    def repetitions(self, number: int) -> list[str]:
        """The repetitions of a field as written; [] when it is empty."""
        text = self.field(number)
        return text.split(self._delimiters.repetition) if text else []

    def components(self, number: int) -> list[str]:
        """The components of the first repetition, unescaped; [] when the field is empty."""
        repetitions = self.repetitions(number)
        if not repetitions:
            return []
        return [self.unescape(part) for part in repetitions[0].split(self._delimiters.component)]

    def text(self, number: int, component: int = 1) -> str:
        """First repetition, `component` (from 1), first subcomponent, unescaped and stripped; '' when empty.

        DELETE (two quotation marks) means that the sender removes the value, unlike '' which says nothing about it.
        """
        fields = self._fields or self._split()
        if number >= len(fields) or not (text := fields[number]):
            return ""
        marks = self._delimiters
        if marks.repetition in text:
            text = text.split(marks.repetition, 1)[0]
        if marks.component in text:
            parts = text.split(marks.component)
            if component > len(parts):
                return ""
            text = parts[component - 1]
        elif component > 1:
            return ""
        if marks.subcomponent in text:
            text = text.split(marks.subcomponent, 1)[0]
        return (self.unescape(text) if marks.escape in text else text).strip()

    def unescape(self, text: str) -> str:
        r"""`text` with \F\ \S\ \T\ \R\ \E\ \Xdd..\ \.br\ put in; highlighting dropped; what is not known stays."""
        mark = self._delimiters.escape
        if mark not in text:
            return text
        pieces = text.split(mark)
        result = [pieces[0]]
        position = 1
        while position < len(pieces):
            if position + 1 == len(pieces):  # an escape that is not closed is text
                result.append(mark + pieces[position])
                break
            result.append(self._escape(pieces[position]))
            result.append(pieces[position + 1])
            position += 2
        return "".join(result)

    def _escape(self, code: str) -> str:
        marks = self._delimiters
        plain = {"F": marks.field, "S": marks.component, "T": marks.subcomponent, "R": marks.repetition}
        plain |= {"E": marks.escape, "H": "", "N": "", ".br": "\n"}
        if code in plain:
            return plain[code]
        if code[:1] == "X":
            try:
                return bytes.fromhex(code[1:]).decode(self._codec)
            except ValueError:  # no hexadecimal, or bytes that the character set does not have
                pass
        return f"{marks.escape}{code}{marks.escape}"


class Message:
    """A tokenized message. `codec` is the one its bytes were decoded with. Of its segments only those are made that are
    asked for: a result may have hundreds of which its facts need three. `worked_out`: a reader's note to itself."""

    __slots__ = ("_firsts", "_lines", "_made", "_names", "codec", "header", "worked_out")

    def __init__(self, header: Header, lines: list[str], codec: str) -> None:
        self.header, self.codec = header, codec
        self._lines, self._names = lines, [line[:3] for line in lines]
        self._made: dict[int, Segment] = {}
        self._firsts: dict[str, Segment | None] = {}
        self.worked_out: dict[str, Any] = {}

    def _segment(self, place: int) -> Segment:
        segment = self._made.get(place)
        if segment is None:
            segment = self._made[place] = Segment(self._lines[place], self.header.delimiters, self.codec)
        return segment

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All segments, in order."""
        return tuple(self._segment(place) for place in range(len(self._lines)))

    def all(self, *names: str) -> list[Segment]:
        """Segments of these names, in order."""
        return [self._segment(place) for place, name in enumerate(self._names) if name in names]

    def count(self, name: str) -> int:
        """How many segments of this name there are."""
        return self._names.count(name)

    def below(self, name: str, above: str) -> list[Iterator[Segment]]:
        """For each segment `above` the segments `name` between it and the next such one, made when they are come to."""
        places = [place for place, each in enumerate(self._names) if each == above]
        ends = [*places[1:], len(self._names)]
        return [
            (self._segment(place) for place in range(start, end) if self._names[place] == name)
            for start, end in zip(places, ends, strict=False)  # where there is none, the end is over
        ]

    def first(self, name: str) -> Segment | None:
        """The first segment of this name."""
        firsts = self._firsts
        if name not in firsts:
            firsts[name] = self._segment(self._names.index(name)) if name in self._names else None
        return firsts[name]


def parse(raw: bytes, header: Header | None = None) -> Message:
    """Tokenize `raw`. Raises MalformedMessage and nothing else."""
    header = header or read_header(raw)
    codec = charset.codec(header.fields[18].decode("ascii", "replace"))
    if codec is None:
        raise MalformedMessage("bad-charset", "the character set of MSH-18 is not known")
    if b"\0" in raw:
        raise MalformedMessage("control-bytes", "the message holds a NUL byte")
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        raise MalformedMessage("bad-charset", f"byte {error.start} is not {codec}, the set of MSH-18") from None
    return Message(header, _lines(text, header.delimiters.field), codec)


def _lines(text: str, separator: str) -> list[str]:
    """One a segment, without its end and blank lines."""
    terminator = "\r" if "\r" in text else "\n"
    lines = text.split(terminator)
    if len(lines) > MAX_SEGMENTS + 1:
        raise MalformedMessage("too-many-segments", f"more than {MAX_SEGMENTS} segments")
    if terminator == "\r" and "\n" in text:
        lines = [line.strip("\n") for line in lines]
    blank = False
    for number, line in enumerate(lines, start=1):
        if line[3:4] == separator and line[:3].isalnum():
            continue
        if line and not line.isspace():
            if len(line) == 3 and line.isalnum():
                continue
            raise MalformedMessage("bad-segment", f"line {number} is no segment")
        blank = True
    return [line for line in lines if line and not line.isspace()] if blank else lines
