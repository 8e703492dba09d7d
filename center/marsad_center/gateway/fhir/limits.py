"""How much of FHIR one gateway bears, in bytes and seconds. Tests make it small.

A body of 4 MiB and 2,000 entries costs 70 MiB while it is read, one at a time; bodies that wait share `room`. A
connection over TLS holds up to 256 KiB more.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FhirLimits:
    """`head_seconds`: from the first byte of a request to the end of its header; `piece_seconds`: between two parts of
    a body; `body_seconds`: for all of it; `kept`: of a body that is too long. `entries`: of a Bundle."""

    body: int = 4 * MIB
    room: int = 8 * MIB
    kept: int = 64 * 1024
    entries: int = 2_000
    connections: int = 128
    head_seconds: float = 10.0
    piece_seconds: float = 15.0
    body_seconds: float = 60.0
    room_seconds: float = 30.0
    stop_seconds: float = 8.0
