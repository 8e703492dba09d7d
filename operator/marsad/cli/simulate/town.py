"""All facilities of one play on one clock: whose turn is next, the warm start, and simulated against real time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from marsad.cli.simulate import clinical
from marsad.cli.simulate.hospital import Facility, Hospital
from marsad.cli.simulate.journey import open_doors
from marsad.cli.simulate.message import Draft
from marsad.cli.simulate.rhythm import DAY
from marsad.cli.simulate.visit import HOME

_WARM = 14 * DAY  # of simulated time: long enough that the wards have forgotten that they began empty
_REMEMBERED = DAY / 2  # of simulated time: what a warm start tells of visits that are over


@dataclass(frozen=True)
class Clock:
    """Simulated seconds (local time) run `speed` times as fast as real ones; both meet at `begin`."""

    begin: datetime
    speed: float

    @property
    def origin(self) -> float:
        """Simulated local seconds at `begin`."""
        offset = self.begin.utcoffset() or timedelta()
        return self.begin.timestamp() + offset.total_seconds()

    def moment(self, simulated: float) -> datetime:
        return self.begin + timedelta(seconds=(simulated - self.origin) / self.speed)


class Town:
    """The facilities that are played. `run` makes numbers of this play unlike those of any other."""

    def __init__(self, facilities: list[Facility], seed: int, clock: Clock, run: str, warm: bool) -> None:
        self.clock = clock
        self._warm = warm
        first = clock.origin - (_WARM if warm else 0.0)
        codes = [facility.code for facility in facilities]
        self._played = dict(zip(codes, facilities, strict=True))
        self.hospitals = [
            Hospital(facility, seed, first, run, speed=clock.speed, others=[code for code in codes if code != own])
            for facility, own in zip(facilities, codes, strict=True)
        ]
        for hospital in self.hospitals:
            open_doors(hospital)

    @property
    def facilities(self) -> list[Facility]:
        """Who is played."""
        return [hospital.facility for hospital in self.hospitals]

    def history(self) -> Iterator[tuple[Facility, Draft]]:
        """Warm start: plays the past in silence, then tells what is open or was closed lately, as events of `begin`."""
        if not self._warm:
            return
        origin = self.clock.origin
        since = self.clock.moment(origin - _REMEMBERED)
        for hospital in self.hospitals:
            while hospital.due < origin:
                hospital.step(self.clock.moment(hospital.due))
            for visit in hospital.recent(origin - _REMEMBERED):
                for draft in visit.snapshot(self.clock.begin, since):
                    yield hospital.facility, draft

    def farewell(self, moment: datetime) -> Iterator[tuple[Facility, Draft]]:
        """Everybody leaves at `moment`: the next play then does not find this one's patients in its beds."""
        for hospital in self.hospitals:
            for visit in hospital.open.values():
                if not visit.discharged:
                    visit.discharged, visit.disposition = moment, visit.disposition or HOME
                    yield hospital.facility, visit.adt("A03", moment)

    @staticmethod
    def busyness(facilities: list[Facility]) -> float:
        """About how many messages a second they send at life's own pace: what a rate is compared with."""
        emergencies = sum(facility.ed_spaces for facility in facilities) * clinical.ARRIVALS_PER_SPACE * 6.5
        wards = sum(facility.beds for facility in facilities) * clinical.BED_OCCUPANCY * 3.3
        small = [not facility.ed_spaces and not facility.beds for facility in facilities]
        clinics = sum(small) * clinical.CLINIC_VISITS * 2.6
        sizes = [(facility.ed_spaces, facility.beds) for facility in facilities]
        others = sum(
            clinical.appointments(*size) * 3.7 + clinical.referrals(*size) * 3.4 + clinical.vaccinations(*size)
            for size in sizes
        )
        return max(emergencies + wards + clinics + others, 1.0) / DAY

    def picture(self) -> str:
        """How full the first facilities are, in a few words."""
        shown = [f"{hospital.facility.code} ED {len(hospital.emergency)}/{hospital.facility.ed_spaces}"
                 f" beds {hospital.occupied}/{hospital.facility.beds}" for hospital in self.hospitals[:3]]  # fmt: skip
        return "  ".join(shown)

    @property
    def due(self) -> datetime:
        """When the next thing happens, in real time."""
        return self.clock.moment(self._next().due)

    def step(self, moment: datetime) -> list[tuple[Facility, Draft]]:
        """Lets the next thing happen, at the real `moment`; many things happen without a message."""
        hospital = self._next()
        told = hospital.step(moment)
        return [(self._played[draft.by] if draft.by else hospital.facility, draft) for draft in told]

    def _next(self) -> Hospital:
        return min(self.hospitals, key=lambda hospital: hospital.due)
