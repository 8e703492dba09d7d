"""Processes that a benchmark starts: seen from outside, ended for certain."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STOP_SECONDS = 30
INTERPRETER = os.environ.get("MARSAD_BENCH_PYTHON", "")
"""What runs the processes that are measured, with the packages of this one: Debian's /usr/bin/python3, which the images
have, is a tenth quicker than many a Python that was compiled for development. It must be of the same minor version."""


@contextmanager
def python(
    words: list[str], settings: Mapping[str, str], log: Path, folder: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m ...` with `settings` added to the environment: ended by SIGTERM, else by force, and by the kernel
    should this process die first."""
    command = ["setpriv", "--pdeathsig", "KILL", INTERPRETER or sys.executable, "-m", *words]
    packages = [sysconfig.get_path("purelib")] if INTERPRETER else []
    path = os.pathsep.join([*(str(ROOT / part) for part in ("operator", "center", ".")), *packages])
    with log.open("ab") as out:
        environment = {**os.environ, "PYTHONPATH": path, **settings}
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def listening(process: subprocess.Popen[bytes], port: int, log: Path, seconds: float = 60) -> None:
    """Wait until something listens on a port of the loopback. Raises RuntimeError with the log's end."""
    end = asyncio.get_running_loop().time() + seconds
    while process.poll() is None and asyncio.get_running_loop().time() < end:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError(f"nothing listens on {port}:\n{last(log)}")


def last(log: Path) -> str:
    """The end of a log, for a message that says why something failed."""
    return log.read_text(errors="replace")[-3000:]
