"""A port that somebody was given is nobody else's, whoever asks and connects meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from e2e import ports

FIRST, LAST, EACH = 20_000, 20_599, 200  # so few that two who drew by chance would meet
ASK = f"""
import json
from e2e import ports
ports._FIRST, ports._LAST = {FIRST}, {LAST}
print(json.dumps(ports.free_ports({EACH})))
"""


def test_two_processes_are_given_different_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_FIRST", FIRST)
    monkeypatch.setattr(ports, "_LAST", LAST)
    monkeypatch.setattr(ports, "_claims", [])  # given back at the end
    mine = ports.free_ports(EACH)
    told = subprocess.run(
        [sys.executable, "-c", ASK], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert len({*mine, *json.loads(told.stdout)}) == 2 * EACH


def test_no_connection_to_elsewhere_is_given_such_a_port() -> None:
    given = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    assert int(given[0]) > ports._LAST, "Linux has other bounds here: choose ports outside of them"
