"""Who a patient is: the identifiers of PID-3 (and of MRG-1), which of them the sender knows the patient by, which hold
in the whole country, and by which HL7 v2 and FHIR mean one person.

Sources: HL7 v2.5.1 chapter 2A.14 (CX), chapter 3.4.2.3 (PID-3, which repeats in any order), table 0203 (types of
identifiers), IHE PIX (the same identifier of the same assigning authority is the same person).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from marsad_center.facts.events import Fact, Identified
from marsad_center.gateway.hl7 import DELETE, Delimiters, Message, Segment

OF_THE_SENDER = ("MR", "PI", "PT")  # medical record, internal, external: by which its messages find each other
_NATIONAL = frozenset({"NI", "NN", "SS", "PRC", "PPN"})  # national, social security, resident card, passport
_URN = ("urn:oid:", "urn:uuid:")  # as FHIR writes what HL7 v2 names by itself
_OF_A_COUNTRY = 5  # characters of NNxxx, a national number of the country xxx (ISO 3166)


class Identifier(NamedTuple):
    """A repetition of CX: CX.1, the authority of CX.4 (its name, else its universal id), CX.5 in capitals. Of FHIR:
    value, system (which is universal) and the code of its type. `universal`: '' where only a name is given."""

    value: str
    authority: str
    type: str
    universal: str = ""

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
            authority, universal = _authority(segment, parts[3], marks) if len(parts) > 3 else ("", "")
            kind = segment.unescape(parts[4]).strip().upper() if len(parts) > 4 else ""
            found.append(Identifier(value, authority, kind, universal))
    return found


def _authority(segment: Segment, text: str, marks: Delimiters) -> tuple[str, str]:
    """Of CX.4 (HD): what the sender calls it (its name, else its universal id), and its universal id."""
    name, _mark, rest = text.partition(marks.subcomponent)
    universal = as_universal(segment.unescape(rest.split(marks.subcomponent, 1)[0]).strip()) if rest else ""
    return segment.unescape(name).strip() or universal, universal


def as_universal(name: str) -> str:
    """The id of an authority as all write it: an OID or UUID without the urn: that FHIR puts before it."""
    lower = name.lower()
    return next((lower.removeprefix(urn) for urn in _URN if lower.startswith(urn)), name)


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
    """What the patient's identifiers say of who that is."""
    return links(*of_patient(message))


def links(patient_key: str, found: Iterable[Identifier]) -> list[Fact]:
    """That the patient has these identifiers. By national ones a person is known in all facilities, whether their
    authority is called by its name or its universal id; by record numbers whose authority has a universal id within the
    facility, whichever of its systems says so. Others link nothing (ADR 0033)."""
    facts: dict[Fact, None] = {}  # each once, in their order
    for each in found if patient_key else ():
        if each.type.startswith("NN") and each.national:
            facts[Identified(patient_key, f"{each.type}^^{each.value}")] = None
        elif each.national:
            for authority in filter(None, (each.authority, each.universal)):
                facts[Identified(patient_key, f"{each.type}^{authority}^{each.value}")] = None
        elif each.type in OF_THE_SENDER and each.universal:
            facts[Identified(patient_key, f"{each.universal}^{each.value}", within=True)] = None
    return list(facts)
