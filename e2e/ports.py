"""Ports for the processes that tests and benchmarks start."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

# Below what Linux gives to whoever connects (ip_local_port_range, from 32768): there any connection, of anybody, may
# take a free port before it is listened at, and one to a port where nobody listens yet may even meet itself.
_FIRST, _LAST = 20_000, 29_999
_claims: list[socket.socket] = []  # kept as long as this process lives: of UDP, so that TCP's port stays free


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that are free, and that no other process gets from here while this one lives."""
    return [_claim() for _ in range(count)]


def free_port() -> int:
    """One such port."""
    return _claim()


def _claim() -> int:
    chosen = random.SystemRandom()  # a test may have seeded the other one
    while True:
        port = chosen.randint(_FIRST, _LAST)
        claim = socket.socket(type=socket.SOCK_DGRAM)
        with suppress(OSError), socket.socket() as probe:
            claim.bind(("127.0.0.1", port))
            probe.bind(("127.0.0.1", port))
            _claims.append(claim)
            return port
        claim.close()
