"""VXU to vaccinations (HL7 v2.5.1 chapter 4A; CDC's implementation guide for immunization messaging 1.5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from marsad_center.facts.events import Fact, Vaccination
from marsad_center.gateway.adt import event_time, patient_key, read_day, read_period, visit_key
from marsad_center.gateway.coded import coded
from marsad_center.gateway.hl7 import MalformedMessage, Message, Segment
from marsad_center.gateway.profile import Profile

_STATUS = {"": "given", "CP": "given", "PA": "given", "RE": "refused"}  # RXA-20, table 0322; NA is neither
_NUMBER_IN_SERIES = "30973-2"  # LOINC, dose number in series
_NO_NUMBER = "9999"  # ORC-3 of whatever was not given, by CDC's guide


def facts(message: Message, _trigger: str, profile: Profile, received_at: datetime) -> list[Fact]:
    """Each RXA. Raises MalformedMessage (missing-number, bad-time)."""
    said_at = event_time(message, profile.zone) or received_at
    patient = patient_key(message)
    result: list[Fact] = []
    for orc, rxa, dose in _groups(message):
        key = _key(orc, rxa, patient)
        status = "deleted" if rxa.text(21).upper() == "D" else _STATUS.get(rxa.text(20).upper())
        at = read_day(rxa, 3, profile.zone)
        result.append(
            Vaccination(
                key=key,
                event_at=said_at,
                received_at=received_at,
                status=status,
                patient_key=patient or None,
                visit_key=visit_key(message) or None,
                vaccine=coded(rxa, 5),
                dose=dose or None,
                given_at=at if status == "given" else None,
                refused_at=at if status == "refused" else None,
                period="" if at is not None else read_period(rxa, 3),
            )
        )
    if not result:
        raise MalformedMessage("missing-number", "a vaccination without RXA")
    return result


def _groups(message: Message) -> Iterator[tuple[Segment | None, Segment, str]]:
    """(ORC, RXA, dose number in series) of each order."""
    groups: list[tuple[Segment | None, Segment, str]] = []
    orc: Segment | None = None
    for segment in message.all("ORC", "RXA", "OBX"):
        if segment.name == "ORC":
            orc = segment
        elif segment.name == "RXA":
            groups.append((orc, segment, ""))
            orc = None
        elif segment.name == "OBX" and groups and segment.text(3) == _NUMBER_IN_SERIES:
            groups[-1] = (*groups[-1][:2], segment.text(5))
    yield from groups


def _key(orc: Segment | None, rxa: Segment, patient: str) -> str:
    """ORC-3, else ORC-2, else (before v2.5 there is no ORC) who got what when."""
    numbers = (orc.text(3), orc.text(2)) if orc is not None else ()
    number = next((each for each in numbers if each and each != _NO_NUMBER), "")
    if number:
        return number
    if not (patient and rxa.text(5) and rxa.text(3)):
        raise MalformedMessage("missing-number", "neither ORC-2 nor ORC-3, nor a patient with RXA-3 and RXA-5")
    return f"{patient}^{rxa.text(3)}^{rxa.text(5)}"
