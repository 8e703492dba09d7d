"""`make lock`: requirements/*.txt from pyproject.toml, with checksums and without index addresses."""

from __future__ import annotations

import sys
from pathlib import Path

from e2e.console import CACHE, REPOSITORY, run

GROUPS = ["operator", "center", "dev"]
FLAGS = ["--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header"]


def write() -> None:
    """Lock every group anew; versions that still fit are kept, as uv reads the file that is there."""
    uv = _uv()
    for group in GROUPS:
        target = f"requirements/{group}.txt"
        command: list[str | Path] = [uv, "pip", "compile", "--quiet", *FLAGS, "--extra", group]
        run([*command, "pyproject.toml", "-o", target], log="lock", cwd=REPOSITORY, timeout=600)


def _uv() -> Path:
    venv = CACHE / "uv"
    if not (venv / "bin" / "uv").exists():
        run([sys.executable, "-m", "venv", venv], log="lock", advice="install Debian's python3-venv")
        run([venv / "bin" / "python", "-m", "pip", "install", "--quiet", "uv"], log="lock", timeout=600)
    return venv / "bin" / "uv"
