"""Debian packages, installed only when missing."""

from __future__ import annotations

import os
import shutil

from e2e.console import Failure, output, run, succeeds


def missing(packages: list[str]) -> list[str]:
    """The packages of a list that are not installed, in its order."""
    wanted = "${Package} ${db:Status-Status}\n"
    try:
        known = output(["dpkg-query", "--show", f"--showformat={wanted}"])
    except Failure as failure:
        raise Failure("this is not a Debian machine: dpkg-query does not answer", _by_hand(packages)) from failure
    installed = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
    return [name for name in packages if name not in installed]


def install(packages: list[str]) -> list[str]:
    """Install what is missing of a list, and say what that was; the package lists are fetched only when needed."""
    absent = missing(packages)
    if not absent:
        return []
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and not (shutil.which("sudo") and succeeds([*sudo, "true"])):
        raise Failure(f"these Debian packages are missing: {' '.join(absent)}", _by_hand(absent))
    environment = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive"]
    lock = ["-o", "DPkg::Lock::Timeout=300"]
    run([*environment, "apt-get", "update", *lock], log="apt", advice=_by_hand(absent), timeout=600)
    run(
        [*environment, "apt-get", "install", "--yes", "--no-install-recommends", *lock, *absent],
        log="apt",
        advice=_by_hand(absent),
        timeout=1800,
    )
    return absent


def _by_hand(packages: list[str]) -> str:
    return f"install them as root (apt-get update && apt-get install --no-install-recommends {' '.join(packages)})"
