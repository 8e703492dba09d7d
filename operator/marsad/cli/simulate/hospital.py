"""One facility: its spaces and beds, the visits that are open, and the journeys that are under way.

Pure: simulated time comes from an event queue, wall-clock moments are passed in, draws come from a generator seeded by
(seed, facility). The same seed and the same moments give the same drafts.
"""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

from marsad.cli.simulate import clinical
from marsad.cli.simulate.message import Channel, Draft, Sender
from marsad.cli.simulate.people import Person, draw_person
from marsad.cli.simulate.visit import Place, Visit, bed_status

Journey = Generator[float, None, None]
"""What a patient goes through: yields how long (seconds of simulated time) until the next thing happens."""

_BAY = 30  # beds of a ward


@dataclass(frozen=True)
class Facility:
    """A facility to play: capacity, and who sends what. A channel without a sender of its own speaks as the HIS."""

    code: str
    senders: dict[Channel, Sender]
    ed_spaces: int = 30
    beds: int = 120

    def sender(self, channel: Channel) -> Sender:
        return self.senders.get(channel) or self.senders[Channel.HIS]


class Hospital:
    """The running state of one facility. `step` lets the next thing happen; `due` is when (simulated local seconds).

    `speed`: simulated seconds a second; `others`: codes of the facilities that patients are referred to.
    """

    def __init__(
        self,
        facility: Facility,
        seed: int,
        begin: float,
        run: str,
        *,
        speed: float = 1.0,
        others: Sequence[str] = (),
    ) -> None:
        self.facility = facility
        self.others = others
        self._speed = speed
        self.rng = Random(f"{seed}/{facility.code}")
        self.now = begin
        self.moment = datetime.min
        self.open: dict[str, Visit] = {}
        self.closed: deque[tuple[float, Visit]] = deque(maxlen=2000)
        wards = [
            Place(f"W{bed // _BAY + 1}", f"R{bed % _BAY // 2 + 1:02}", f"{bed % 2 + 1}") for bed in range(facility.beds)
        ]
        self.free_beds = wards[::-1]
        self._run = run
        self._numbers = 0
        self._queue: list[tuple[float, int, Journey]] = []
        self._told: list[Draft] = []

    @property
    def due(self) -> float:
        return self._queue[0][0] if self._queue else float("inf")

    @property
    def emergency(self) -> list[Visit]:
        """Open visits whose patient is in the emergency department, boarders included."""
        return [visit for visit in self.open.values() if visit.came_to and visit.place.point == visit.came_to.point]

    @property
    def occupied(self) -> int:
        """Beds that are taken or promised to somebody on the way."""
        return self.facility.beds - len(self.free_beds)

    def start(self, journey: Journey, after: float = 0.0) -> None:
        """Puts a journey under way; its first step happens `after` seconds from now."""
        heappush(self._queue, (self.now + after, self._number(), journey))

    def step(self, moment: datetime) -> list[Draft]:
        """Lets the next thing happen at wall-clock `moment`; returns what the facility has to say about it."""
        self.now, _, journey = heappop(self._queue)
        self.moment = moment
        delay = next(journey, None)
        if delay is not None:
            self.start(journey, delay)
        told, self._told = self._told, []
        return told

    def tell(self, draft: Draft) -> None:
        self._told.append(draft)

    def register(self, kind: str, place: Place) -> Visit:
        """A new patient with a new visit."""
        visit = Visit(self.facility.code, self.name("V"), self.person(), kind, place, self.moment)
        self.open[visit.number] = visit
        return visit

    def person(self) -> Person:
        """A new patient."""
        return draw_person(self.name(self.facility.code), self.moment.year, self.rng)

    def name(self, kind: str) -> str:
        """A new number that begins with `kind` and is unlike that of any other play."""
        return f"{kind}{self._run}{self._number():07}"

    def ahead(self, seconds: float) -> datetime:
        """The wall-clock moment after `seconds` of simulated time."""
        return self.moment + timedelta(seconds=seconds / self._speed)

    def close(self, visit: Visit) -> None:
        """The visit is over: its bed is free again."""
        self.release(visit.place)
        del self.open[visit.number]
        if visit.discharged:
            self.closed.append((self.now, visit))

    def release(self, place: Place) -> None:
        """A ward bed is left and cleaned, then it is free again (any other place needs no keeping)."""
        if place.bed:
            self.start(self._clean(place))

    def occupy(self, place: Place) -> None:
        """A ward bed has a patient."""
        self.tell(bed_status(self.facility.code, place, "O", self.moment))

    def _clean(self, place: Place) -> Journey:
        self.tell(bed_status(self.facility.code, place, "H", self.moment))
        yield clinical.CLEANING.draw(self.rng)
        self.tell(bed_status(self.facility.code, place, "U", self.moment))
        self.free_beds.insert(self.rng.randint(0, len(self.free_beds)), place)

    def recent(self, since: float) -> list[Visit]:
        """Visits that are open, or were closed after simulated time `since`, oldest first."""
        visits = [*self.open.values(), *(visit for closed, visit in self.closed if closed >= since)]
        return sorted(visits, key=lambda visit: visit.number)

    def placer(self) -> str:
        """A new placer order number."""
        return self.name("P")

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
