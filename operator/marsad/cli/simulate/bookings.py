"""Appointments, in the clinic or over a distance: booked, and then kept, cancelled or missed (SIU)."""

from dataclasses import dataclass
from datetime import datetime

from marsad.cli.simulate import clinical
from marsad.cli.simulate.catalogue import SPECIALTIES, VIRTUAL, Specialty
from marsad.cli.simulate.clinical import MINUTE
from marsad.cli.simulate.hospital import Hospital, Journey
from marsad.cli.simulate.message import Draft, fields, stamp
from marsad.cli.simulate.people import Person, patient
from marsad.cli.simulate.pharmacy import prescription


@dataclass(frozen=True)
class Booking:
    """One appointment. `starts` is the wall-clock moment."""

    facility: str
    number: str
    person: Person
    specialty: Specialty
    virtual: bool
    starts: datetime

    def told(self, trigger: str, status: str, occurred: datetime) -> Draft:
        """What the booking system says of it; `status` is SCH-25 (table 0278)."""
        kind = VIRTUAL if self.virtual else "ROUTINE"
        sch = fields("SCH", {2: self.number, 6: trigger, 8: kind, 11: f"^^^{stamp(self.starts)}", 25: status})
        service = fields("AIS", {1: "1", 3: self.specialty.coded, 4: stamp(self.starts)})
        return Draft(trigger, self.number, occurred, (sch, patient(self.person, self.facility), "RGS|1", service))


def appointment(hospital: Hospital) -> Journey:
    """From the booking to the end of the consultation, or to its never being held."""
    rng = hospital.rng
    wait = clinical.BOOKED_AHEAD.draw(rng)
    specialty = rng.choice(SPECIALTIES)
    booking = Booking(
        hospital.facility.code,
        hospital.name("A"),
        hospital.person(),
        specialty,
        rng.random() < specialty.virtual,
        hospital.ahead(wait),
    )
    hospital.tell(booking.told("S12", "Booked", hospital.moment))
    fate = rng.random()
    if fate < clinical.CANCELLED_APPOINTMENT:
        yield wait * 0.5
        hospital.tell(booking.told("S15", "Cancelled", hospital.moment))
        return
    yield wait
    if fate < clinical.CANCELLED_APPOINTMENT + clinical.NO_SHOW:
        yield 20 * MINUTE
        hospital.tell(booking.told("S26", "Noshow", hospital.moment))
        return
    hospital.tell(booking.told("S14", "Started", hospital.moment))
    yield clinical.CONSULTATION.draw(rng)
    hospital.tell(booking.told("S14", "Complete", hospital.moment))
    if rng.random() < clinical.PRESCRIBED:
        hospital.start(prescription(hospital, booking.person))
