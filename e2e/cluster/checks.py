"""`make check`: every quick check, two at a time, each with its seconds and, where it failed, its output."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from e2e.cluster.environment import PYTHON, VENV
from e2e.console import REPOSITORY

SLOW = ["kind", "browser", "apiserver", "postgres"]  # markers of tests that need a server or a browser
TYPED = ["operator", "center", "e2e", "bench", "conftest.py"]


@dataclass(frozen=True)
class Check:
    """One check by its command, and where it runs in the clone."""

    title: str
    command: tuple[str, ...]
    folder: str = "."


@dataclass(frozen=True)
class Verdict:
    """What a check said and how it ended."""

    check: Check
    code: int
    text: str
    seconds: float


def checks() -> list[Check]:
    """The checks before the unit tests; the longest first, as two run at a time."""
    bin_ = VENV / "bin"
    typed = tuple(name for name in TYPED if (REPOSITORY / name).exists())
    return [
        Check("types (mypy --strict)", (f"{bin_}/mypy", *typed)),
        Check("format (ruff)", (f"{bin_}/ruff", "format", "--check", ".")),
        Check("lint (ruff)", (f"{bin_}/ruff", "check", ".")),
        Check("layers (import-linter)", (f"{bin_}/lint-imports", "--no-cache")),
        Check("generated files are up to date", (str(PYTHON), "-m", "marsad.api.crds", "--check")),
    ]


def unit_tests() -> Check:
    """The tests that need nothing but Python."""
    marks = " and ".join(f"not {mark}" for mark in SLOW)
    return Check("unit tests", (str(PYTHON), "-m", "pytest", "-q", "-n", "2", "-m", marks, "-p", "no:cacheprovider"))


def run(check: Check) -> Verdict:
    """Run one check; it never raises."""
    begun = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=REPOSITORY / check.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Verdict(check, done.returncode, done.stdout + done.stderr, time.monotonic() - begun)


def run_all() -> int:
    """Run everything, two at a time; 0 when all passed. Unit tests run beside the type check, which is as long."""
    begun = time.monotonic()
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        tests: Future[Verdict] | None = None
        waiting = [pool.submit(run, check) for check in checks()]
        tests = pool.submit(run, unit_tests())
        for verdict in (future.result() for future in [*waiting, tests]):
            print(
                f"{'ok    ' if not verdict.code else 'FAILED'} {verdict.check.title} ({verdict.seconds:.1f} s)",
                flush=True,
            )
            if verdict.code:
                failed.append(verdict.check.title)
            if verdict.code or verdict.check == unit_tests():
                print(verdict.text.rstrip(), flush=True)
    print(f"{'failed: ' + ', '.join(failed) if failed else 'all checks passed'} ({time.monotonic() - begun:.0f} s)")
    return 1 if failed else 0
