"""One patient's visit and the messages that tell of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from marsad.cli.simulate.catalogue import Test
from marsad.cli.simulate.marks import Marks
from marsad.cli.simulate.message import Channel, Draft, escape, fields, stamp
from marsad.cli.simulate.people import Person, patient

# PV1-36: table 0112, and the word of those who do not wait.
HOME, TRANSFERRED, LEFT_UNSEEN = "01", "02", "LWBS"
_TICK = timedelta(milliseconds=1)  # keeps the order of events that are told together


@dataclass(frozen=True)
class Place:
    """PV1-3: point of care, room, bed."""

    point: str
    room: str = ""
    bed: str = ""

    def field(self, facility: str) -> str:
        return "^".join((self.point, self.room, self.bed, facility))


def bed_status(facility: str, place: Place, status: str, occurred: datetime) -> Draft:
    """ADT A20: O occupied, H housekeeping, U unoccupied (table 0116)."""
    where = place.field(escape(facility))
    return Draft("A20", where, occurred, (fields("NPU", {1: where, 2: status}),))


@dataclass
class Order:
    """A laboratory or radiology order; `resulted` is None while it is pending."""

    placer: str
    channel: Channel
    test: Test
    ordered: datetime
    resulted: datetime | None = None
    value: float = 0.0


@dataclass
class Visit:
    """What the hospital knows of one visit now.

    `kind` is PV1-2: E emergency, I inpatient, O outpatient. `came_to` is the emergency department's place, if it began
    there; `service` the hospital service (PV1-10); `admitted` and `discharged` are None until they happen,
    `disposition` is how he left.
    """

    facility: str
    number: str
    person: Person
    kind: str
    place: Place
    arrived: datetime
    came_to: Place | None = None
    service: str = ""
    marks: Marks = field(default_factory=Marks)
    admitted: datetime | None = None
    discharged: datetime | None = None
    disposition: str = ""
    previous: Place | None = None
    orders: list[Order] = field(default_factory=list)

    def adt(self, trigger: str, occurred: datetime) -> Draft:
        """An ADT message about the visit as it is now."""
        lines = [self._patient(), self._visit(), *self.marks.segments()]
        return Draft(trigger, self.number, occurred, tuple(lines))

    def order(self, order: Order, occurred: datetime) -> Draft:
        """ORM^O01, a new order. `occurred` is the transaction's time (ORC-9); OBR-6 says when it was ordered."""
        common = fields("ORC", {1: "NW", 2: order.placer, 9: stamp(occurred)})
        return Draft("O01", self.number, occurred, (self._patient(), self._visit(), common, self._request(order, {})))

    def result(self, order: Order, occurred: datetime) -> Draft:
        """ORU^R01, the final result, sent by the laboratory's or the radiology's system."""
        resulted = stamp(order.resulted or occurred)
        common = fields("ORC", {1: "RE", 2: order.placer, 3: f"F{order.placer}", 9: stamp(occurred)})
        request = self._request(order, {22: resulted, 25: "F"})
        test = order.test
        if test.unit:
            flag = "L" if order.value < test.low else "H" if order.value > test.high else "N"
            observed = {2: "NM", 5: f"{order.value:.1f}", 6: test.unit, 7: f"{test.low:g}-{test.high:g}", 8: flag}
        else:
            observed = {2: "TX", 5: "No acute abnormality."}
        line = fields("OBX", {1: "1", 3: test.coded, **observed, 11: "F", 14: resulted})
        return Draft(
            "R01", self.number, occurred, (self._patient(), self._visit(), common, request, line), order.channel
        )

    def snapshot(self, occurred: datetime, since: datetime) -> list[Draft]:
        """The visit told anew, as a HIS does when a feed is switched on: events of now about times that lie back.

        An inpatient's arrival in the emergency department (`came_to` set) is told before the admission; pending orders
        as orders, finished ones by their result alone if they were ordered after `since`.
        """
        movements: list[Draft] = []
        if self.came_to and self.kind != "E":
            before = replace(self, kind="E", place=self.came_to, previous=None, admitted=None, discharged=None)
            movements.append(before.adt("A04", occurred))
        now = replace(self, discharged=None)
        movements.append(now.adt("A01" if self.kind == "I" else "A04", occurred + _TICK))
        if self.discharged:
            movements.append(self.adt("A03", occurred + 2 * _TICK))
        orders = [
            now.result(order, occurred) if order.resulted else now.order(order, occurred)
            for order in self.orders
            if not order.resulted or order.ordered >= since
        ]
        return movements + orders

    def _patient(self) -> str:
        return patient(self.person, self.facility)

    def _visit(self) -> str:
        facility = escape(self.facility)
        values = {1: "1", 2: self.kind, 3: self.place.field(facility), 10: self.service,
                  19: f"{self.number}^^^{facility}^VN", 44: stamp(self.admitted or self.arrived)}  # fmt: skip
        if self.previous:
            values[6] = self.previous.field(facility)
        if self.discharged:
            values |= {36: self.disposition, 45: stamp(self.discharged)}
        return fields("PV1", values)

    def _request(self, order: Order, more: dict[int, str]) -> str:
        kind = {Channel.LABORATORY: "LAB", Channel.RADIOLOGY: "RAD"}[order.channel]
        ordered = stamp(order.ordered)
        return fields("OBR", {1: "1", 2: order.placer, 4: order.test.coded, 6: ordered, 7: ordered, 24: kind, **more})
