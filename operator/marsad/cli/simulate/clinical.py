"""How long things take and how often they happen. Durations are seconds of the facility's own time.

The values are plausible for a general hospital, not measured at any: triage mix and admission shares follow published
CTAS casemix, waits grow with acuity (domain.md, indicator 4), turnarounds are log-normal as in laboratory practice.
"""

from dataclasses import dataclass
from math import exp, log
from random import Random

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True)
class Duration:
    """A log-normal duration by its median and its 90th percentile, both in seconds."""

    median: float
    p90: float

    def draw(self, rng: Random) -> float:
        return rng.lognormvariate(log(self.median), (log(self.p90) - log(self.median)) / 1.2816)

    @property
    def mean(self) -> float:
        sigma = (log(self.p90) - log(self.median)) / 1.2816
        return self.median * exp(sigma * sigma / 2)


@dataclass(frozen=True)
class Acuity:
    """One triage level (CTAS 1 to 5): its share of arrivals, and what usually follows."""

    level: int
    share: float
    doctor: Duration
    laboratory: float
    radiology: float
    admitted: float
    leaves_unseen: float
    ambulance: float = 0.0
    ventilated: float = 0.0


ACUITIES = (
    Acuity(1, 0.02, Duration(1 * MINUTE, 4 * MINUTE), 0.98, 0.80, 0.70, 0.0, 0.85, 0.15),
    Acuity(2, 0.13, Duration(12 * MINUTE, 35 * MINUTE), 0.90, 0.60, 0.40, 0.0, 0.50, 0.01),
    Acuity(3, 0.42, Duration(32 * MINUTE, 90 * MINUTE), 0.65, 0.40, 0.18, 0.01, 0.22),
    Acuity(4, 0.33, Duration(48 * MINUTE, 130 * MINUTE), 0.25, 0.22, 0.04, 0.04, 0.07),
    Acuity(5, 0.10, Duration(60 * MINUTE, 150 * MINUTE), 0.08, 0.08, 0.01, 0.08, 0.02),
)
ADMITTED_SHARE = sum(acuity.share * acuity.admitted for acuity in ACUITIES)

ARRIVALS_PER_SPACE = 4.4  # a day and ED space: with the stays below about 60 % mean occupancy, above 80 % at the peak
BED_OCCUPANCY = 0.82  # of all beds; domain.md: shortages above 85 %
INPATIENT_STAY = Duration(2.6 * DAY, 6.5 * DAY)
CLINIC_VISITS = 60.0  # a day, for a facility without ED spaces and beds

TRIAGED_AT_ARRIVAL = 0.6
TRIAGE = Duration(4 * MINUTE, 12 * MINUTE)
EXAMINATION = Duration(18 * MINUTE, 40 * MINUTE)  # contact to orders
DISPOSITION = Duration(25 * MINUTE, 75 * MINUTE)  # last result (or contact, without orders) to the decision
LEAVING = Duration(12 * MINUTE, 30 * MINUTE)
PORTERING = Duration(20 * MINUTE, 55 * MINUTE)  # a free bed to being in it
LABORATORY = Duration(48 * MINUTE, 95 * MINUTE)
RADIOLOGY = Duration(85 * MINUTE, 200 * MINUTE)
CONSULTATION = Duration(25 * MINUTE, 50 * MINUTE)

OFFLOAD = Duration(9 * MINUTE, 24 * MINUTE)  # ambulance at the door to its crew being free
CLEANING = Duration(35 * MINUTE, 60 * MINUTE)  # domain.md, indicator 6: clean < 30, turn < 60 min
BOOKED_AHEAD = Duration(3 * HOUR, 9 * HOUR)  # short, so that a play sees how appointments end
DISPENSING = Duration(20 * MINUTE, 50 * MINUTE)
REFERRAL_ANSWER = Duration(2 * HOUR, 8 * HOUR)
REFERRAL_SEEN = Duration(6 * HOUR, 24 * HOUR)
REFERRAL_REPORT = Duration(4 * HOUR, 24 * HOUR)

CANCELLED_APPOINTMENT = 0.08
NO_SHOW = 0.14
PRESCRIBED = 0.55  # of consultations, and of those who go home from the emergency department
FETCHED = 0.92
REFERRAL_ACCEPTED = 0.82  # domain.md, indicator 7: 74 to 90 %
REFERRED_WITHIN = 0.875  # of the region, there too
REPORTED = 0.8
VACCINE_REFUSED = 0.03

CANCELLED_VISIT = 0.006  # A11: registered by mistake
CANCELLED_TRANSFER = 0.08  # A12, of transfers
CANCELLED_DISCHARGE = 0.008  # A13, of discharges
WARD_LABORATORY_PER_DAY = 0.9
WARD_TRANSFERS_PER_DAY = 0.12
WARD_UPDATES_PER_DAY = 0.3


def appointments(spaces: int, beds: int) -> float:
    """Appointments a day: a clinic's own, or those of a hospital's outpatient departments."""
    return 0.35 * beds if spaces or beds else 40.0


def referrals(spaces: int, beds: int) -> float:
    """Referrals a day to other facilities: primary care refers most."""
    return 2.0 + 0.02 * beds if spaces or beds else 9.0


def vaccinations(spaces: int, beds: int) -> float:
    """Vaccinations a day."""
    return 4.0 if spaces or beds else 25.0


def draw_acuity(rng: Random) -> Acuity:
    """One triage level by the casemix."""
    return rng.choices(ACUITIES, weights=[acuity.share for acuity in ACUITIES])[0]
