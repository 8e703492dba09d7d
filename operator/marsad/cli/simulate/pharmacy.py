"""A medicine that is prescribed (RDE) and, mostly, fetched (RDS)."""

from marsad.cli.simulate import clinical
from marsad.cli.simulate.catalogue import MEDICINES
from marsad.cli.simulate.hospital import Hospital, Journey
from marsad.cli.simulate.message import Draft, fields, stamp
from marsad.cli.simulate.people import Person, patient


def prescription(hospital: Hospital, person: Person) -> Journey:
    """From the prescription to the counter."""
    rng, number = hospital.rng, hospital.name("M")
    medicine = rng.choice(MEDICINES)
    who = patient(person, hospital.facility.code)
    order = fields("ORC", {1: "NW", 2: number, 9: stamp(hospital.moment)})
    hospital.tell(Draft("O11", number, hospital.moment, (who, order, fields("RXE", {2: medicine, 3: "1", 5: "TAB"}))))
    if rng.random() < clinical.FETCHED:
        yield clinical.DISPENSING.draw(rng)
        given = stamp(hospital.moment)
        order = fields("ORC", {1: "RE", 2: number, 9: given})
        dispensed = fields("RXD", {1: "1", 2: medicine, 3: given, 4: "1"})
        hospital.tell(Draft("O13", number, hospital.moment, (who, order, dispensed)))
