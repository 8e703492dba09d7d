"""Bytes that are not a message get the right answer, leave a trace, and never stop the gateway."""

from __future__ import annotations

import socket
import time

import pytest

from e2e.kind.center import SIMHOSP, Center
from e2e.kubectl import eventually
from e2e.mllp import END, Sender, arrival, code
from marsad_center.tests.gateway.malformed import CLOSED, Malformed, cases

pytestmark = pytest.mark.kind
RUN = f"kind-{time.time_ns()}"


def play(address: tuple[str, int], case: Malformed) -> tuple[str, ...]:
    """Send a case on a connection of its own; the codes of the answers, "" for a connection that was closed."""
    answers: list[str] = []
    with socket.create_connection(address, 120) as connection:
        try:
            for chunk in case.chunks:
                connection.sendall(chunk)
            if case.hang_up:
                connection.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass  # closed by the gateway before everything was sent, which is one of the right answers
        data = b""
        while len(answers) < len(case.answer):
            try:
                piece = connection.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                return (*answers, CLOSED)
            data += piece
            *frames, data = data.split(END)
            answers += [code(frame) for frame in frames]
    return tuple(answers)


@pytest.mark.parametrize("case", cases(RUN, "|".join(SIMHOSP)), ids=lambda case: case.name)
def test_malformed_input_is_answered_quarantined_and_survived(makkah: Center, case: Malformed) -> None:
    address = makkah.gateway
    newest = makkah.kube.psql(makkah.name, "select coalesce(max(id), 0) from center.quarantine")[0][0]
    assert play(address, case) == case.answer
    if case.reason:
        reasons = f"select reason from center.quarantine where id > {newest}"
        eventually(
            f"a quarantine row {case.reason}", lambda: [case.reason] in makkah.kube.psql(makkah.name, reasons), 120
        )
    with Sender(*address) as sender:
        control = f"alive-{RUN}-{case.name}".replace(" ", "-")
        assert code(sender.send(arrival(SIMHOSP, control, control))) == "AA", "the gateway no longer serves"
