"""What every kind of visit has in common: tests, the days on a ward, and leaving."""

from marsad.cli.simulate import catalogue, clinical
from marsad.cli.simulate.hospital import Hospital, Journey
from marsad.cli.simulate.message import Channel
from marsad.cli.simulate.rhythm import DAY, HOUR
from marsad.cli.simulate.visit import HOME, Order, Visit

_PRESSED = 0.05  # share of free beds below which patients who would leave within a day leave now


def order_test(hospital: Hospital, visit: Visit, channel: Channel) -> Journey:
    """An order and, after its turnaround, its result."""
    tests, turnaround = {
        Channel.LABORATORY: (catalogue.LABORATORY, clinical.LABORATORY),
        Channel.RADIOLOGY: (catalogue.RADIOLOGY, clinical.RADIOLOGY),
    }[channel]
    order = Order(hospital.placer(), channel, hospital.rng.choice(tests), hospital.moment)
    visit.orders.append(order)
    hospital.tell(visit.order(order, hospital.moment))
    yield turnaround.draw(hospital.rng)
    order.value, order.resulted = order.test.draw(hospital.rng), hospital.moment
    hospital.tell(visit.result(order, hospital.moment))


def stay(hospital: Hospital, visit: Visit) -> Journey:
    """Days on the ward: bloods, transfers, updates; ends late in a morning or early in an afternoon."""
    rng = hospital.rng
    leaves = hospital.now + clinical.INPATIENT_STAY.draw(rng)
    leaves = leaves // DAY * DAY + rng.uniform(10, 17) * HOUR
    happenings = {
        _bloods: clinical.WARD_LABORATORY_PER_DAY,
        _transfer: clinical.WARD_TRANSFERS_PER_DAY,
        _update: clinical.WARD_UPDATES_PER_DAY,
    }
    while (left := leaves - hospital.now) > 0:
        pressed = len(hospital.free_beds) < _PRESSED * hospital.facility.beds
        if pressed and left < DAY:
            return
        pause = rng.expovariate(sum(happenings.values()) / DAY)
        yield min(pause, left)
        if pause < left:
            happening = rng.choices(list(happenings), weights=list(happenings.values()))[0]
            yield from happening(hospital, visit)


def leave(hospital: Hospital, visit: Visit) -> Journey:
    """Discharge; now and then it is cancelled and happens an hour later."""
    visit.discharged, visit.disposition = hospital.moment, visit.disposition or HOME
    hospital.tell(visit.adt("A03", hospital.moment))
    if hospital.rng.random() < clinical.CANCELLED_DISCHARGE:
        yield 600.0
        visit.discharged = None
        hospital.tell(visit.adt("A13", hospital.moment))
        yield HOUR
        visit.discharged = hospital.moment
        hospital.tell(visit.adt("A03", hospital.moment))
    hospital.close(visit)


def _bloods(hospital: Hospital, visit: Visit) -> Journey:
    hospital.start(order_test(hospital, visit, Channel.LABORATORY))
    yield 0.0


def _update(hospital: Hospital, visit: Visit) -> Journey:
    hospital.tell(visit.adt("A08", hospital.moment))
    yield 0.0


def _transfer(hospital: Hospital, visit: Visit) -> Journey:
    """To another ward bed; now and then back again, because the transfer was entered by mistake."""
    if not hospital.free_beds:
        return
    old, before = visit.place, visit.previous
    visit.previous, visit.place = old, hospital.free_beds.pop()
    hospital.tell(visit.adt("A02", hospital.moment))
    hospital.occupy(visit.place)
    if hospital.rng.random() < clinical.CANCELLED_TRANSFER:
        yield 300.0
        old, visit.place, visit.previous = visit.place, old, before
        hospital.tell(visit.adt("A12", hospital.moment))
    hospital.release(old)
