"""How much one gateway bears: numbers that keep it up whatever a sender does. Tests make them small."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    `large`: a frame beyond it is read only with one of `large_frames` permits, so that memory stays bounded.
    `hold`: how long a message may wait for the database before its connection is closed without an answer.
    """

    frame: int = 16 * MIB
    junk: int = 64 * 1024
    large: int = 1 * MIB
    large_frames: int = 2
    connections: int = 512
    in_flight: int = 64
    queue: int = 2048
    queue_bytes: int = 32 * MIB
    batch: int = 256
    batch_bytes: int = 16 * MIB
    partial_seconds: float = 30.0
    frame_seconds: float = 300.0
    write_seconds: float = 10.0
    hold_seconds: float = 30.0
    stop_seconds: float = 10.0
