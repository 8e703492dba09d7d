"""The Python environment .venv of the clone: locked packages, our two packages importable, our commands in its bin."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from e2e.cluster import debian
from e2e.console import REPOSITORY, Failure, output, run, succeeds

VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
SOURCES = ["operator", "center"]
COMMANDS = ["marsad", "kubectl-marsad"]
LEAST = (3, 11)  # and what the images have


def ensure(group: str | None = None, wheels: Path | None = None) -> bool:
    """Have .venv with the locked packages of a group (`operator`, `center` or `dev`, which holds both).

    Without a group it is enough that pip is there. `wheels` is a folder with all of the group's, made for an image; it
    serves instead of a package index where the images' Python is this one. Returns whether anything had to be done.
    """
    changed = _make()
    _link_sources()
    requirements = REPOSITORY / "requirements" / f"{group}.txt"
    if group is None or _done(requirements):
        return changed
    advice = "see that pip can reach its package index, then run this again"
    command: list[str | Path] = [PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes"]
    if wheels is not None and sys.version_info[:2] == LEAST:
        command += ["--no-index", "--find-links", wheels, "--no-compile"]
    run([*command, "--requirement", requirements], log="pip", advice=advice, timeout=1800)
    if group == "dev":  # what the lock no longer names must not hide that something still needs it
        listing = json.loads(output([PYTHON, "-m", "pip", "list", "--format", "json"]))
        if gone := unlocked([entry["name"] for entry in listing], requirements.read_text()):
            run([PYTHON, "-m", "pip", "uninstall", "--quiet", "--yes", *gone], log="pip")
    _mark(requirements).write_text(_digest(requirements))
    return True


def link(programs: Iterable[Path]) -> None:
    """Put programs from the cache into .venv/bin, so that a person need not know where they are."""
    for program in programs:
        name = VENV / "bin" / program.name
        if not name.is_symlink() or name.readlink() != program:
            name.unlink(missing_ok=True)
            name.symlink_to(program)


def unlocked(installed: list[str], lock: str) -> list[str]:
    """The installed packages that a lock file does not name, pip and setuptools aside."""
    named = {_normal(line.partition("==")[0]) for line in lock.splitlines() if "==" in line}
    return [name for name in installed if _normal(name) not in named | {"pip", "setuptools"}]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.partition("[")[0].strip()).lower()


def _make() -> bool:
    if PYTHON.exists() and succeeds([PYTHON, "-m", "pip", "--version"]):
        return False
    if sys.version_info < LEAST:
        raise Failure(f"Python {LEAST[0]}.{LEAST[1]} or later is needed, this is {sys.version.split()[0]}")
    if not succeeds([sys.executable, "-c", "import ensurepip, venv"]):
        debian.install(["python3-venv"])
    shutil.rmtree(VENV, ignore_errors=True)
    run([sys.executable, "-m", "venv", VENV], log="pip", advice="install Debian's python3-venv")
    return True


def _link_sources() -> None:
    """Make `marsad` and `marsad_center` importable from the clone, and their commands runnable."""
    site = next((VENV / "lib").glob("python3.*")) / "site-packages"
    _write(site / "marsad.pth", "".join(f"{REPOSITORY / folder}\n" for folder in SOURCES))
    for command in COMMANDS:
        script = VENV / "bin" / command
        _write(script, f"#!{PYTHON}\nfrom marsad.cli import app\n\napp()\n")
        script.chmod(0o755)


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _done(requirements: Path) -> bool:
    """Whether the file as it is was installed before, by itself or as a part of the development group."""
    mark = _mark(requirements)
    development = REPOSITORY / "requirements" / "dev.txt"
    if mark.exists() and mark.read_text() == _digest(requirements):
        return True
    return requirements != development and _done(development)


def _mark(requirements: Path) -> Path:
    return VENV / f".installed-{requirements.stem}"


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()
