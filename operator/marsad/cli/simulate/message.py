"""Writes HL7 v2.5.1: segments as lists of fields, text escaped, time stamps with their offset, UTF-8 on the wire.

Source: HL7 v2.5.1 chapter 2 (encoding rules 2.6, escape sequences 2.7, MSH 2.15.9). MSH-18 is `UNICODE UTF-8`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

STRUCTURES = {
    "A01": "ADT^A01^ADT_A01", "A02": "ADT^A02^ADT_A02", "A03": "ADT^A03^ADT_A03", "A04": "ADT^A04^ADT_A01",
    "A08": "ADT^A08^ADT_A01", "A11": "ADT^A11^ADT_A09", "A12": "ADT^A12^ADT_A12", "A13": "ADT^A13^ADT_A01",
    "A20": "ADT^A20^ADT_A20", "O01": "ORM^O01^ORM_O01", "R01": "ORU^R01^ORU_R01",
    "S12": "SIU^S12^SIU_S12", "S14": "SIU^S14^SIU_S12", "S15": "SIU^S15^SIU_S12", "S26": "SIU^S26^SIU_S12",
    "I12": "REF^I12^REF_I12", "I13": "REF^I13^REF_I12", "RRI I12": "RRI^I12^RRI_I12", "RRI I13": "RRI^I13^RRI_I12",
    "O11": "RDE^O11^RDE_O11", "O13": "RDS^O13^RDS_O13", "V04": "VXU^V04^VXU_V04",
}  # fmt: skip
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "})


class Channel(Enum):
    """Which of a facility's systems speaks: the HIS, the laboratory's or the radiology's."""

    HIS = "his"
    LABORATORY = "lis"
    RADIOLOGY = "ris"


@dataclass(frozen=True)
class Sender:
    """MSH-3 and MSH-4."""

    application: str
    facility: str


@dataclass(frozen=True)
class Draft:
    """What happened, not yet written as a message: its control id and time of recording come when it is sent.

    `occurred` is the event's own time; `key` orders: drafts with the same key must be delivered in order. `by`: the
    code of the facility that says it, where that is another than the one it happens in.
    """

    trigger: str
    key: str
    occurred: datetime
    segments: tuple[str, ...] = field(repr=False)
    channel: Channel = Channel.HIS
    by: str = ""

    def write(self, sender: Sender, control_id: str, recorded: datetime, acknowledge: tuple[str, str]) -> bytes:
        """The message's bytes, segments ended by CR. `acknowledge`: MSH-15 and MSH-16, both empty in original mode."""
        structure = STRUCTURES[self.trigger]
        header = fields("MSH", {3: escape(sender.application), 4: escape(sender.facility), 5: "MARSAD", 6: "CENTER",
                                7: stamp(recorded), 9: structure, 10: control_id, 11: "P", 12: "2.5.1",
                                15: acknowledge[0], 16: acknowledge[1], 18: "UNICODE UTF-8"})  # fmt: skip
        lines = [header]
        if structure.startswith("ADT"):
            # EVN-2 is when the system recorded it, EVN-6 when it happened: they part company in a late entry.
            lines.append(fields("EVN", {1: self.trigger, 2: stamp(recorded), 6: stamp(self.occurred)}))
        return ("\r".join((*lines, *self.segments)) + "\r").encode()


def escape(text: str) -> str:
    """Text as a field's content: delimiters become escape sequences, line ends become spaces."""
    return text.translate(_ESCAPES)


def stamp(moment: datetime) -> str:
    """An HL7 TS to the millisecond with its offset, such as 20260301093000.250+0300. `moment` must be aware."""
    return f"{moment:%Y%m%d%H%M%S}.{moment.microsecond // 1000:03}{moment:%z}"


def fields(name: str, values: dict[int, str]) -> str:
    """A segment from its numbered fields; numbers that are left out are empty. MSH-1 and MSH-2 are filled in."""
    first = 3 if name == "MSH" else 1
    rest = [values.get(number, "") for number in range(first, max(values) + 1)]
    return "|".join(["MSH", "^~\\&", *rest] if name == "MSH" else [name, *rest])
