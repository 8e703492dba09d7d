"""Vaccinations (VXU): given, now and then refused."""

from marsad.cli.simulate import clinical
from marsad.cli.simulate.catalogue import VACCINES
from marsad.cli.simulate.hospital import Hospital, Journey
from marsad.cli.simulate.message import Draft, fields, stamp
from marsad.cli.simulate.people import patient


def vaccination(hospital: Hospital) -> Journey:
    """One patient, one dose."""
    rng, number = hospital.rng, hospital.name("X")
    refused = rng.random() < clinical.VACCINE_REFUSED
    order = fields("ORC", {1: "RE", 3: number})
    given = fields("RXA", {1: "0", 2: "1", 3: stamp(hospital.moment), 5: rng.choice(VACCINES), 6: "0.5", 7: "mL",
                           20: "RE" if refused else "CP"})  # fmt: skip
    dose = fields("OBX", {1: "1", 2: "NM", 3: "30973-2^Dose number in series^LN", 5: str(rng.randint(1, 3)), 11: "F"})
    who = patient(hospital.person(), hospital.facility.code)
    hospital.tell(Draft("V04", number, hospital.moment, (who, order, given, dose)))
    yield 0.0
