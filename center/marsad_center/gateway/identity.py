"""Who a patient is: the identifiers of PID-3 (and of MRG-1), which of them the sender knows the patient by, and which
hold in the whole country.

Sources: HL7 v2.5.1 chapter 2A.14 (CX), chapter 3.4.2.3 (PID-3, which repeats in any order), table 0203 (types of
identifiers), IHE PIX (the same identifier of the same assigning authority is the same person).
"""

from __future__ import annotations

from typing import NamedTuple

from marsad_center.facts.events import Fact, Identified
from marsad_center.gateway.hl7 import DELETE, Delimiters, Message, Segment

OF_THE_SENDER = ("MR", "PI", "PT")  # medical record, internal, external: by which its messages find each other
_NATIONAL = frozenset({"NI", "NN", "SS", "PRC", "PPN"})  # national, social security, resident card, passport
_OF_A_COUNTRY = 5  # characters of NNxxx, a national number of the country xxx (ISO 3166)


class Identifier(NamedTuple):
    """A repetition of CX: CX.1, the authority of CX.4 (its name, else its universal id), CX.5 in capitals."""

    value: str
    authority: str
    type: str

    @property
    def national(self) -> bool:
        """Whether it means the same person in every facility: the type says the country, or an authority is given."""
        if self.type.startswith("NN") and len(self.type) == _OF_A_COUNTRY:
            return True
        return self.type in _NATIONAL and bool(self.authority)


def identifiers(segment: Segment, number: int, marks: Delimiters) -> list[Identifier]:
    """Those of a field of CX, in its order, without empty ones."""
    found = []
    for repetition in segment.repetitions(number):
        parts = repetition.split(marks.component)
        value = segment.unescape(parts[0].split(marks.subcomponent, 1)[0]).strip()
        if value and value != DELETE:
            authority = _authority(segment, parts[3], marks) if len(parts) > 3 else ""
            kind = segment.unescape(parts[4]).strip().upper() if len(parts) > 4 else ""
            found.append(Identifier(value, authority, kind))
    return found


def _authority(segment: Segment, text: str, marks: Delimiters) -> str:
    """Of CX.4 (HD): its name, else its universal id."""
    for part in text.split(marks.subcomponent)[:2]:
        if name := segment.unescape(part).strip():
            return name
    return ""


def of_patient(message: Message) -> tuple[str, list[Identifier]]:
    """By which PID-3 (before v2.3 also PID-2) says its sender finds the patient, and all that stands in PID-3; worked
    out once a message. ('', []) without PID."""
    known: tuple[str, list[Identifier]] | None = message.worked_out.get("patient")
    if known is None:
        pid = message.first("PID")
        found = identifiers(pid, 3, message.header.delimiters) if pid is not None else []
        known = _chosen(found) or (pid.text(2) if pid is not None else ""), found
        message.worked_out["patient"] = known
    return known


def key(segment: Segment, number: int, marks: Delimiters) -> str:
    """By which the sender's messages find the patient: the first identifier of a type of OF_THE_SENDER, else the first
    that is not national, else the first; '' when there is none. In which order they stand makes no difference."""
    return _chosen(identifiers(segment, number, marks))


def _chosen(found: list[Identifier]) -> str:
    if len(found) == 1:
        return found[0].value
    for kind in OF_THE_SENDER:
        for each in found:
            if each.type == kind:
                return each.value
    return next((each.value for each in found if not each.national), found[0].value if found else "")


def facts(message: Message) -> list[Fact]:
    """That the patient has these national identifiers: by them one person is known in all facilities."""
    patient_key, found = of_patient(message)
    return [
        Identified(patient_key, "^".join((each.type, "" if each.type.startswith("NN") else each.authority, each.value)))
        for each in found
        if patient_key and each.national
    ]
