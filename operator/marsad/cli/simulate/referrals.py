"""Referrals to other facilities (REF): submitted, answered, seen, and the report that comes back."""

from dataclasses import dataclass
from datetime import datetime

from marsad.cli.simulate import clinical
from marsad.cli.simulate.catalogue import OUTSIDE, REFUSALS, SPECIALTIES, Specialty
from marsad.cli.simulate.hospital import Hospital, Journey
from marsad.cli.simulate.message import Draft, escape, fields
from marsad.cli.simulate.people import Person, patient


@dataclass(frozen=True)
class Referral:
    """One referral; its own facility tells all that becomes of it. `urgency`: RF1-2, table 0280."""

    facility: str
    to: str
    number: str
    person: Person
    specialty: Specialty
    urgency: str

    def told(self, trigger: str, status: str, occurred: datetime, reason: str = "") -> Draft:
        """`status` is RF1-1: table 0283, and SEEN and REPORTED of the gateway's profile."""
        rf1 = fields("RF1", {1: status, 2: self.urgency, 3: self.specialty.coded, 6: self.number})
        providers = [fields("PRD", {1: role, 10: f"^^{escape(code)}"})
                     for role, code in (("RP", self.facility), ("RT", self.to))]  # fmt: skip
        notes = [fields("NTE", {1: "1", 3: escape(reason)})] if reason else []
        return Draft(trigger, self.number, occurred, (rf1, *providers, patient(self.person, self.facility), *notes))


def referral(hospital: Hospital) -> Journey:
    """The closed loop, or where it breaks off."""
    rng = hospital.rng
    near = hospital.others and rng.random() < clinical.REFERRED_WITHIN
    sent = Referral(
        hospital.facility.code,
        rng.choice(hospital.others) if near else OUTSIDE,
        hospital.name("R"),
        hospital.person(),
        rng.choice(SPECIALTIES),
        rng.choices("SAR", weights=(1, 3, 8))[0],
    )
    hospital.tell(sent.told("I12", "P", hospital.moment))
    yield clinical.REFERRAL_ANSWER.draw(rng)
    if rng.random() >= clinical.REFERRAL_ACCEPTED:
        hospital.tell(sent.told("I13", "R", hospital.moment, rng.choice(REFUSALS)))
        return
    hospital.tell(sent.told("I13", "A", hospital.moment))
    yield clinical.REFERRAL_SEEN.draw(rng)
    hospital.tell(sent.told("I13", "SEEN", hospital.moment))
    if rng.random() < clinical.REPORTED:
        yield clinical.REFERRAL_REPORT.draw(rng)
        hospital.tell(sent.told("I13", "REPORTED", hospital.moment))
