"""The Debian image under all of ours: the stock one where it can be pulled, else made by debootstrap."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from e2e.cluster import debian
from e2e.console import CACHE, Failure, output, run
from e2e.node import docker

RELEASE = "bookworm"
STOCK = f"debian:{RELEASE}-slim"
OWN = f"marsad/debian:{RELEASE}"
# What the stock slim image leaves out too: nobody reads manuals in a container.
UNREAD = ["usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists"]


def ensure() -> str:
    """The base image's name; made here, with root's help, when no registry has it."""
    for image in (OWN, STOCK):
        if docker.has(image):
            return image
    if docker.pull(STOCK):
        return STOCK
    _bootstrap()
    return OWN


def sources(targets: Iterable[str], release: str = RELEASE) -> list[str]:
    """apt source lines for a release from the machine's own ones, so that its mirror is used.

    `targets` are lines `REPO_URI|CODENAME|ORIGIN`; the mirror of a later Debian has the earlier release, too.
    """
    found: dict[str, str] = {}
    for line in targets:
        uri, codename, origin = line.strip().split("|")
        if origin == "Debian" and re.fullmatch(r"[a-z]+(-updates|-security)?", codename):
            found.setdefault(re.sub(r"^[a-z]+", release, codename), uri)
    return [f"deb {uri} {suite} main" for suite, uri in sorted(found.items())]


def _bootstrap() -> None:
    debian.install(["debootstrap", "debian-archive-keyring"])
    if os.geteuid() != 0:
        raise Failure(f"{STOCK} cannot be pulled, and making {OWN} needs root", "run this as root once")
    lines = sources(output(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(CODENAME)|$(ORIGIN)"]).splitlines())
    mirror = [line.split()[1] for line in lines if line.split()[2] == RELEASE]
    CACHE.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="debian-", dir=CACHE))
    try:
        advice = "see that apt-get update works on this machine, then run this again"
        command: list[str | Path] = [
            "debootstrap",
            "--variant=minbase",
            "--include=ca-certificates",
            RELEASE,
            root,
            *mirror,
        ]
        run(command, log="debootstrap", advice=advice, timeout=1800)
        if lines:
            (root / "etc/apt/sources.list").write_text("\n".join(lines) + "\n")
        for folder in UNREAD:
            shutil.rmtree(root / folder, ignore_errors=True)
            (root / folder).mkdir(parents=True)
        (root / "var/cache/apt/archives/partial").mkdir(parents=True)
        archive = root.with_suffix(".tar")
        run(["tar", "--create", "--numeric-owner", "--file", archive, "--directory", root, "."], log="debootstrap")
        run(["docker", "import", archive, OWN], log="debootstrap")
        archive.unlink()
    finally:
        shutil.rmtree(root, ignore_errors=True)
