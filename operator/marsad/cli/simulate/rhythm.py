"""When patients come: an inhomogeneous Poisson process with the shape of an emergency department's day.

Time is a float of seconds since the epoch, already shifted to the facility's own local time, so that `hour_of` needs no
time zone.
"""

from random import Random

HOUR = 3600.0
DAY = 24 * HOUR

# Relative arrivals by local hour. Few before dawn, a morning rise, and the late evening peak of Gulf departments.
_WEIGHTS = (0.78, 0.62, 0.50, 0.42, 0.38, 0.40, 0.50, 0.70, 0.98, 1.22, 1.36, 1.38,
            1.32, 1.22, 1.12, 1.08, 1.12, 1.20, 1.28, 1.38, 1.46, 1.42, 1.24, 0.98)  # fmt: skip
EMERGENCY_DAY: tuple[float, ...] = tuple(weight * 24 / sum(_WEIGHTS) for weight in _WEIGHTS)
"""Multiple of the mean rate for each local hour; the 24 values have mean 1, so a day's total is the stated number."""

OFFICE_DAY: tuple[float, ...] = tuple(24 / 10 if 8 <= hour < 18 else 0.0 for hour in range(24))
"""Planned admissions and clinic visits: evenly between 8 and 18 h, none at night."""


def hour_of(local: float) -> int:
    """Local hour, 0 to 23."""
    return int(local % DAY // HOUR)


def next_arrival(after: float, per_day: float, shape: tuple[float, ...], rng: Random) -> float | None:
    """Time of the first arrival after `after` at `per_day` arrivals a day, or None where the rate is zero.

    Lewis and Shedler's thinning: candidates at the day's highest rate, each kept with the share its hour has of it.
    """
    if per_day <= 0:
        return None
    highest = max(shape)
    at = after
    while True:
        at += rng.expovariate(per_day * highest / DAY)
        if rng.random() * highest < shape[hour_of(at)]:
            return at
