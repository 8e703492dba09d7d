"""Running commands and saying what runs: numbered steps with their seconds, output in log files, errors with advice.

Everything that is written outside the clone goes to one cache folder (`MARSAD_CACHE`, default ~/.cache/marsad).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("MARSAD_CACHE") or Path.home() / ".cache" / "marsad")
LOGS = CACHE / "logs"


class Failure(Exception):
    """Something the person at the keyboard has to know: what failed, what to do about it, and where the log is."""

    def __init__(self, what: str, advice: str = "", log: Path | None = None) -> None:
        self.what, self.advice, self.log = what, advice, log
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what]
        if self.log is not None and self.log.is_file():
            tail = self.log.read_text(errors="replace").splitlines()[-15:]
            lines += ["the last lines of its log:", *(f"    {line}" for line in tail), f"log: {self.log}"]
        if self.advice:
            lines.append(f"what to do: {self.advice}")
        return "\n".join(lines)


def run(
    command: Sequence[str | Path],
    *,
    log: str,
    advice: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
) -> None:
    """Run a command with its output in `LOGS/<log>.log`; a failure shows the log's end and the advice."""
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{log}.log"
    words = [str(word) for word in command]
    with path.open("ab") as out:
        out.write(f"$ {' '.join(words)}\n".encode())
        out.flush()
        try:
            done = subprocess.run(
                words,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                input=stdin,
                stdin=None if stdin is not None else subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise Failure(f"{words[0]} is not installed", advice) from error
        except subprocess.TimeoutExpired as error:
            raise Failure(f"`{_short(words)}` did not finish within {timeout:.0f} s", advice, path) from error
    if done.returncode:
        raise Failure(f"`{_short(words)}` failed with exit code {done.returncode}", advice, path)


def output(command: Sequence[str | Path], *, timeout: float = 60, stdin: str | None = None) -> str:
    """What a quick command prints; a failure carries what it said on its error stream."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, input=stdin, check=False)
    except FileNotFoundError as error:
        raise Failure(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"`{_short(words)}` did not answer within {timeout:.0f} s") from error
    if done.returncode:
        raise Failure(f"`{_short(words)}` failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def succeeds(command: Sequence[str | Path], *, timeout: float = 60) -> bool:
    """Whether a quick command exists and exits with 0."""
    try:
        output(command, timeout=timeout)
    except Failure:
        return False
    return True


def _short(words: Sequence[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= 160 else text[:157] + "..."


class Steps:
    """Numbered progress on the error stream. On a terminal the running step's line counts its seconds."""

    def __init__(self, total: int) -> None:
        self.total, self.number, self.started = total, 0, time.monotonic()
        self.terminal = sys.stderr.isatty()
        self._note, self._outcome = "", "done"

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show one step while it runs, and its seconds when it is done."""
        self.number += 1
        self._note, self._outcome = "", "done"
        begun = time.monotonic()
        head = f"[{self.number:>2}/{self.total}] {title}"
        self._write(head + " ...")
        done = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(head, begun, done), daemon=True)
        if self.terminal:
            ticker.start()
        try:
            yield
        except BaseException:
            done.set()
            self._finish(head, begun, "failed")
            raise
        done.set()
        self._finish(head, begun, self._outcome)

    def say(self, note: str) -> None:
        """What the running step does now."""
        self._note = note
        if not self.terminal:
            self._write(f"        {note}")

    def outcome(self, word: str) -> None:
        """What the running step found or did, instead of `done`."""
        self._outcome = word

    def total_seconds(self) -> float:
        """Seconds since the first step was announced."""
        return time.monotonic() - self.started

    def _tick(self, head: str, begun: float, done: threading.Event) -> None:
        while not done.wait(1):
            self._rewrite(f"{head} ... {self._note} {time.monotonic() - begun:.0f} s")

    def _finish(self, head: str, begun: float, word: str) -> None:
        line = f"{head}: {word} ({time.monotonic() - begun:.1f} s)"
        self._rewrite(line + "\n") if self.terminal else self._write(line)

    def _rewrite(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def _write(self, text: str) -> None:
        sys.stderr.write(text if self.terminal and text.endswith("...") else text + "\n")
        sys.stderr.flush()
