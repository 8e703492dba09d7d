"""How much one gateway bears: numbers that keep it up whatever a sender does. Tests make them small.

They fit the 384 MiB of a small center's pod: at the worst 46 MiB of the process itself, up to 256 KiB a connection (a
small frame, and what is not looked at yet), `room` and one frame, and the queue with the batch that is written.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    `small`: a frame beyond it shares `room` with the others of its kind; `room_seconds`: how long it may wait there.
    `handshakes`: connections over TLS whose certificate is not verified yet; one more ends the oldest of them.
    `lanes`: batches on their way to the database at once; `company`: messages that make one worth beginning while
    another is on its way. `hold`: how long a message may wait for the database before its connection is closed without
    an answer.
    """

    frame: int = 16 * MIB
    junk: int = 64 * 1024
    small: int = 64 * 1024
    room: int = 32 * MIB
    connections: int = 256
    handshakes: int = 32
    in_flight: int = 64
    queue: int = 2048
    queue_bytes: int = 16 * MIB
    batch: int = 256
    lanes: int = 2
    company: int = 64
    batch_bytes: int = 8 * MIB
    partial_seconds: float = 30.0
    frame_seconds: float = 120.0
    room_seconds: float = 60.0
    write_seconds: float = 10.0
    hold_seconds: float = 30.0
    stop_seconds: float = 10.0
    handshake_seconds: float = 10.0
