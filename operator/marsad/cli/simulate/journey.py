"""What happens to patients, as journeys: from the door of emergency department, ward or clinic to leaving."""

from collections.abc import Callable

from marsad.cli.simulate import clinical
from marsad.cli.simulate.bookings import appointment
from marsad.cli.simulate.catalogue import SERVICES
from marsad.cli.simulate.clinical import Acuity
from marsad.cli.simulate.hospital import Hospital, Journey
from marsad.cli.simulate.message import Channel
from marsad.cli.simulate.pharmacy import prescription
from marsad.cli.simulate.referrals import referral
from marsad.cli.simulate.rhythm import DAY, EMERGENCY_DAY, HOUR, OFFICE_DAY, next_arrival
from marsad.cli.simulate.vaccinations import vaccination
from marsad.cli.simulate.visit import LEFT_UNSEEN, TRANSFERRED, Place, Visit
from marsad.cli.simulate.ward import leave, order_test, stay

_DIVERTED = 1.1  # of the ED's spaces: ambulances go elsewhere above it
_LOOKS_AGAIN = 600.0  # how often a boarder's bed is looked for, seconds
_TRANSFERRED_OUT = 10 * HOUR  # a boarder without a bed for so long goes to another hospital


def open_doors(hospital: Hospital) -> None:
    """Starts the streams of patients that the facility's capacity calls for."""
    facility = hospital.facility
    emergencies = facility.ed_spaces * clinical.ARRIVALS_PER_SPACE
    admissions = facility.beds * clinical.BED_OCCUPANCY / (clinical.INPATIENT_STAY.mean / DAY)
    planned = max(admissions - emergencies * clinical.ADMITTED_SHARE, admissions * 0.2)
    hospital.start(_stream(hospital, emergencies, EMERGENCY_DAY, emergency_visit))
    hospital.start(_stream(hospital, planned, OFFICE_DAY, planned_admission))
    size = (facility.ed_spaces, facility.beds)
    hospital.start(_stream(hospital, clinical.appointments(*size), OFFICE_DAY, appointment))
    hospital.start(_stream(hospital, clinical.referrals(*size), OFFICE_DAY, referral))
    hospital.start(_stream(hospital, clinical.vaccinations(*size), OFFICE_DAY, vaccination))
    if not facility.ed_spaces and not facility.beds:
        hospital.start(_stream(hospital, clinical.CLINIC_VISITS, OFFICE_DAY, clinic_visit))


def _stream(
    hospital: Hospital, per_day: float, shape: tuple[float, ...], journey: Callable[[Hospital], Journey]
) -> Journey:
    while (at := next_arrival(hospital.now, per_day, shape, hospital.rng)) is not None:
        yield at - hospital.now
        hospital.start(journey(hospital))


def emergency_visit(hospital: Hospital) -> Journey:
    """Arrival, triage, first physician, tests, decision; then a bed or home."""
    rng, spaces = hospital.rng, hospital.facility.ed_spaces
    crowding = len(hospital.emergency) / spaces
    if crowding >= _DIVERTED:
        return
    acuity = clinical.draw_acuity(rng)
    visit = hospital.register("E", Place("ED", "WAIT"))
    visit.came_to, visit.service = visit.place, "EMR"
    visit.marks.came_by = "A" if (ambulance := rng.random() < acuity.ambulance) else "C"
    at_the_door = rng.random() < clinical.TRIAGED_AT_ARRIVAL
    if at_the_door:
        visit.marks.triaged = (acuity.level, hospital.moment)
    hospital.tell(visit.adt("A04", hospital.moment))
    if ambulance:
        hospital.start(_offload(hospital, visit))
    if rng.random() < clinical.CANCELLED_VISIT:
        yield 180.0
        hospital.tell(visit.adt("A11", hospital.moment))
        hospital.close(visit)
        return
    if not at_the_door:
        yield clinical.TRIAGE.draw(rng)
        visit.marks.triaged = (acuity.level, hospital.moment)
        hospital.tell(visit.adt("A08", hospital.moment))
    wait = acuity.doctor.draw(rng) * (1 + max(0.0, crowding - 0.6) * 2)
    if rng.random() < acuity.leaves_unseen:
        yield wait * 1.5
        visit.disposition = LEFT_UNSEEN
    else:
        yield wait
        yield from _treat(hospital, visit, acuity)
        if rng.random() < acuity.admitted and hospital.facility.beds:
            yield from _admit(hospital, visit)
            return
        yield clinical.LEAVING.draw(rng)
        if rng.random() < clinical.PRESCRIBED:
            hospital.start(prescription(hospital, visit.person))
    yield from leave(hospital, visit)


def _offload(hospital: Hospital, visit: Visit) -> Journey:
    """Until the ambulance's crew has handed its patient over."""
    yield clinical.OFFLOAD.draw(hospital.rng)
    if visit.number in hospital.open and not visit.discharged:
        visit.marks.offloaded = hospital.moment
        hospital.tell(visit.adt("A08", hospital.moment))


def _treat(hospital: Hospital, visit: Visit, acuity: Acuity) -> Journey:
    """First contact to decision. Ends when every result is back and has been thought about."""
    rng = hospital.rng
    visit.marks.seen, visit.marks.ventilated = hospital.moment, rng.random() < acuity.ventilated
    visit.place = Place("ED", f"B{rng.randint(1, hospital.facility.ed_spaces):02}")
    hospital.tell(visit.adt("A08", hospital.moment))
    yield clinical.EXAMINATION.draw(rng)
    if rng.random() < acuity.laboratory:
        hospital.start(order_test(hospital, visit, Channel.LABORATORY))
    if rng.random() < acuity.radiology:
        hospital.start(order_test(hospital, visit, Channel.RADIOLOGY), after=60.0)
    yield 120.0
    while any(order.resulted is None for order in visit.orders):
        yield 300.0
    yield clinical.DISPOSITION.draw(rng)


def _admit(hospital: Hospital, visit: Visit) -> Journey:
    """Decision to admit, boarding in the emergency department until a bed is free, the ward, home."""
    rng = hospital.rng
    visit.marks.decided, visit.service = hospital.moment, rng.choice(SERVICES)
    boards = not hospital.free_beds or rng.random() < 0.6
    waited = 0.0
    if boards:
        visit.kind, visit.admitted = "I", hospital.moment
        hospital.tell(visit.adt("A01", hospital.moment))
    while not hospital.free_beds:
        yield _LOOKS_AGAIN
        waited += _LOOKS_AGAIN
        if waited >= _TRANSFERRED_OUT:
            visit.disposition = TRANSFERRED
            yield from leave(hospital, visit)
            return
    bed = hospital.free_beds.pop()
    yield clinical.PORTERING.draw(rng)
    if boards:
        visit.previous, visit.place = visit.place, bed
        hospital.tell(visit.adt("A02", hospital.moment))
    else:
        visit.kind, visit.admitted, visit.place = "I", hospital.moment, bed
        hospital.tell(visit.adt("A01", hospital.moment))
    hospital.occupy(bed)
    yield from stay(hospital, visit)
    yield from leave(hospital, visit)


def planned_admission(hospital: Hospital) -> Journey:
    """An admission from home; put off while fewer than 8 % of the beds are free."""
    if len(hospital.free_beds) < 0.08 * hospital.facility.beds:
        return
    visit = hospital.register("I", hospital.free_beds.pop())
    visit.admitted, visit.service = hospital.moment, hospital.rng.choice(SERVICES)
    hospital.tell(visit.adt("A01", hospital.moment))
    hospital.occupy(visit.place)
    yield from stay(hospital, visit)
    yield from leave(hospital, visit)


def clinic_visit(hospital: Hospital) -> Journey:
    """A primary care or polyclinic visit, sometimes with a test whose result comes later."""
    visit = hospital.register("O", Place("CLINIC"))
    hospital.tell(visit.adt("A04", hospital.moment))
    yield clinical.CONSULTATION.draw(hospital.rng)
    if hospital.rng.random() < 0.3:
        hospital.start(order_test(hospital, visit, Channel.LABORATORY))
    yield clinical.LEAVING.draw(hospital.rng)
    yield from leave(hospital, visit)
