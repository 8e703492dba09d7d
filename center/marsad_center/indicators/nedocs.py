"""NEDOCS, the national emergency department overcrowding scale (Weiss, Academic Emergency Medicine 2004;11:38-50).

Bands: to 20 not busy, 60 busy, 100 extremely busy but not overcrowded, 140 overcrowded, 180 severely, above dangerously
overcrowded. Boarders are divided by the hospital's beds; several public calculators divide them by those of the ED.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crowd:
    """What the scale is made of. `ed_beds` and `hospital_beds` are above 0; times are hours."""

    patients: float
    ed_beds: float
    boarders: float
    hospital_beds: float
    ventilated: float
    longest_boarding: float
    last_wait: float  # of the patient who got a bed last: from arrival to bed


def nedocs(crowd: Crowd) -> float:
    """The score. It has no upper end, and an empty department is below 0."""
    return (
        -20
        + 85.8 * crowd.patients / crowd.ed_beds
        + 600 * crowd.boarders / crowd.hospital_beds
        + 13.4 * crowd.ventilated
        + 0.93 * crowd.longest_boarding
        + 5.64 * crowd.last_wait
    )
