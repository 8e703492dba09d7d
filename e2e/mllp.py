"""A sender as plain as a hospital's: one TCP connection, one frame at a time, bytes in and bytes out.

Deliberately not the product's own client or framer: a test that shares code with what it tests proves less.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

START, END = b"\x0b", b"\x1c\r"


@dataclass(frozen=True)
class Tls:
    """What a sender speaks TLS with, and the name that the gateway's certificate must bear."""

    context: ssl.SSLContext
    name: str


class Sender:
    """One MLLP connection, over TLS where it is told with what. `send` returns the acknowledgement's bytes without
    frame, or None where none came."""

    def __init__(self, host: str, port: int, timeout: float = 60, tls: Tls | None = None) -> None:
        self.address, self.timeout, self.tls = (host, port), timeout, tls
        self.socket: socket.socket | None = None

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next `send` opens another."""
        if self.socket:
            self.socket.close()
        self.socket = None

    def send(self, message: bytes) -> bytes | None:
        """Send one message and wait for its acknowledgement."""
        try:
            self.connect().sendall(START + message + END)
            return self.receive()
        except OSError:
            self.close()
            return None

    def connect(self) -> socket.socket:
        """The connection, made where there is none. Raises OSError, and ssl.SSLError where a handshake failed."""
        if self.socket is None:
            made = socket.create_connection(self.address, self.timeout)
            self.socket = (
                made if self.tls is None else self.tls.context.wrap_socket(made, server_hostname=self.tls.name)
            )
        return self.socket

    def receive(self) -> bytes | None:
        """The next frame's content, or None where the connection closed first."""
        assert self.socket is not None
        data = b""
        while not data.endswith(END):
            piece = self.socket.recv(65536)
            if not piece:
                self.close()
                return None
            data += piece
        return data.strip(b"\x0b\x1c\r")


def code(ack: bytes | None) -> str:
    """MSA-1 of an acknowledgement, such as AA; empty where there was none."""
    found = re.search(rb"(?:^|\r)MSA\|(\w\w)\|", ack or b"")
    return found[1].decode() if found else ""


def messages(file: Path) -> list[bytes]:
    """Messages of a file whose segments end in CR and whose messages are separated by empty lines."""
    parts = re.split(rb"[\r\n]*\n[\r\n]*", file.read_bytes())
    return [part.strip(b"\r\n") + b"\r" for part in parts if part.strip()]


def arrival(sender: tuple[str, str], control_id: str, visit: str, when: float | None = None) -> bytes:
    """An emergency arrival (ADT^A04, PV1-2 = E) of a made-up patient, at `when` (epoch seconds) or now."""
    stamp = time.strftime("%Y%m%d%H%M%S+0000", time.gmtime(when if when is not None else time.time()))
    application, facility = sender
    return "\r".join([
        f"MSH|^~\\&|{application}|{facility}|MARSAD|CENTER|{stamp}||ADT^A04^ADT_A01|{control_id}|P|2.5.1"
        "||||||UNICODE UTF-8",
        f"EVN|A04|{stamp}",
        f"PID|1||P{visit}^^^{facility}^MR||Test^{visit}||19800101|F",
        f"PV1|1|E|ED^^^{facility}||||||||||||||||{visit}^^^{facility}^VN|||||||||||||||||||||||||{stamp}",
        "",
    ]).encode()  # fmt: skip


@dataclass
class Traffic:
    """A sender in a thread that repeats every unacknowledged message until it is acknowledged, as HL7 senders do."""

    host: str
    port: int
    sender: tuple[str, str]
    prefix: str
    per_second: float = 20
    tls: Tls | None = None
    patience: float = 10  # seconds until a connection that is silent is taken for dead
    acknowledged: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    retries: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Traffic:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(60)

    def _run(self) -> None:
        with Sender(self.host, self.port, self.patience, self.tls) as connection:
            number = 0
            while not self._stop.is_set():
                number += 1
                self._deliver(connection, f"{self.prefix}{number}")
                self._stop.wait(1 / self.per_second)

    def _deliver(self, connection: Sender, control_id: str) -> None:
        message = arrival(self.sender, control_id, control_id)
        for _ in range(600):
            answer = code(connection.send(message))
            if answer in ("AA", "CA"):
                self.acknowledged.append(control_id)
                return
            if answer in ("AR", "CR"):
                self.refused[control_id] = answer
                return
            self.retries += 1
            if self._stop.wait(0.2):
                return
