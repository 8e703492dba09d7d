"""How much one gateway bears: numbers that keep it up whatever a sender does. Tests make them small.

They fit the 384 MiB of a small center's pod. Measured: 61 MiB of the process itself, 12 KiB an idle connection, 49 KiB
one over TLS (121 MiB with 1,000 of each), and 273 MiB while all of these have begun a frame that `room` has no place
for. Beside that come the queue and the batch that is written. tests/gateway/test_bounds.py holds them to it.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    `reads`: what all connections together may have read and not handed on; each has its share of it, not less than
    `least_read` and not more than `most_read`. `judging`: connections whose messages are judged, or wait for the queue,
    at once. A frame beyond `small`, or its connection's share, shares `room` with the others of its kind;
    `room_seconds`: how long it may wait there.
    `handshakes`: connections over TLS whose certificate is not verified yet; one more ends the oldest of them.
    `batch`: most messages of one transaction; `lanes`: how many are on their way to the database at once, of which one
    more begins only when a whole batch waits. `hold`: how long a message may wait for the database before its
    connection is closed without an answer.
    """

    frame: int = 16 * MIB
    junk: int = 64 * 1024
    small: int = 64 * 1024
    room: int = 32 * MIB
    reads: int = 8 * MIB
    least_read: int = 4 * 1024
    most_read: int = 64 * 1024
    judging: int = 64
    connections: int = 2048
    handshakes: int = 32
    in_flight: int = 64
    queue: int = 2048
    queue_bytes: int = 16 * MIB
    batch: int = 256
    lanes: int = 2
    batch_bytes: int = 8 * MIB
    partial_seconds: float = 30.0
    frame_seconds: float = 120.0
    room_seconds: float = 60.0
    write_seconds: float = 10.0
    hold_seconds: float = 30.0
    stop_seconds: float = 10.0
    handshake_seconds: float = 10.0
