"""Referrals to other facilities: submitted (REF), answered (RRI), seen, and the report that comes back."""

from dataclasses import dataclass, replace
from datetime import datetime

from marsad.cli.simulate import clinical
from marsad.cli.simulate.catalogue import OUTSIDE, REFUSALS, SPECIALTIES, Specialty
from marsad.cli.simulate.hospital import Hospital, Journey
from marsad.cli.simulate.message import Draft, escape, fields
from marsad.cli.simulate.people import Person, patient


@dataclass(frozen=True)
class Referral:
    """One referral. `number`: of who refers, which both sides repeat. `urgency`: RF1-2, table 0280.

    `received`: its number and its patient at the facility that receives; None where that one is not played, and who
    refers tells all that becomes of it.
    """

    facility: str
    to: str
    number: str
    person: Person
    specialty: Specialty
    urgency: str
    received: tuple[str, Person] | None = None

    def told(self, trigger: str, status: str, occurred: datetime, reason: str = "") -> Draft:
        """`status` is RF1-1: table 0283, and SEEN and REPORTED of the gateway's profile."""
        rf1 = {1: status, 2: self.urgency, 3: self.specialty.coded, 6: self.number}
        return Draft(trigger, self.number, occurred, self._segments(rf1, patient(self.person, self.facility), reason))

    def answered(self, trigger: str, status: str, occurred: datetime, reason: str = "") -> Draft:
        """The same by who receives: an RRI, with a number of its own (RF1-11) and the patient as it knows him."""
        if self.received is None:
            return self.told("I13", status, occurred, reason)
        own, person = self.received
        rf1 = {1: status, 2: self.urgency, 3: self.specialty.coded, 6: self.number, 11: own}
        segments = self._segments(rf1, patient(person, self.to), reason)
        return Draft(f"RRI {trigger}", self.number, occurred, segments, by=self.to)

    def _segments(self, rf1: dict[int, str], pid: str, reason: str) -> tuple[str, ...]:
        providers = [fields("PRD", {1: role, 10: f"^^{escape(code)}"})
                     for role, code in (("RP", self.facility), ("RT", self.to))]  # fmt: skip
        notes = [fields("NTE", {1: "1", 3: escape(reason)})] if reason else []
        return fields("RF1", rf1), *providers, pid, *notes


def referral(hospital: Hospital) -> Journey:
    """The closed loop, or where it breaks off."""
    rng = hospital.rng
    near = hospital.others and rng.random() < clinical.REFERRED_WITHIN
    to, person = rng.choice(hospital.others) if near else OUTSIDE, hospital.person()
    sent = Referral(
        hospital.facility.code,
        to,
        hospital.name("R"),
        person,
        rng.choice(SPECIALTIES),
        rng.choices("SAR", weights=(1, 3, 8))[0],
        (hospital.name("E"), replace(person, record=hospital.name(to))) if near else None,
    )
    hospital.tell(sent.told("I12", "P", hospital.moment))
    yield clinical.REFERRAL_ANSWER.draw(rng)
    if rng.random() >= clinical.REFERRAL_ACCEPTED:
        hospital.tell(sent.answered("I12", "R", hospital.moment, rng.choice(REFUSALS)))
        return
    hospital.tell(sent.answered("I12", "A", hospital.moment))
    yield clinical.REFERRAL_SEEN.draw(rng)
    hospital.tell(sent.answered("I13", "SEEN", hospital.moment))
    if rng.random() < clinical.REPORTED:
        yield clinical.REFERRAL_REPORT.draw(rng)
        hospital.tell(sent.told("I13", "REPORTED", hospital.moment))
