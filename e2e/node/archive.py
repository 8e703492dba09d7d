"""Images of one static program, made without a Dockerfile: a tar of a few files, imported with its entry point."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from e2e.console import Failure


def program(
    image: str,
    files: Mapping[str, Path],
    entrypoint: list[str],
    *,
    user: str = "",
    links: Mapping[str, str] | None = None,
) -> None:
    """Make an image of `files` (path in the image to program) and symbolic `links`, with an entry point and user."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in sorted({part.as_posix() for name in files for part in Path(name).parents if part.name}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, source in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = source.stat().st_size, 0o755
            with source.open("rb") as content:
                tar.addfile(entry, content)
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    changes = [f"ENTRYPOINT {json.dumps(entrypoint)}", "ENV PATH=/usr/local/bin:/usr/bin:/bin"]
    changes += [f"USER {user}"] if user else []
    command = ["docker", "import", *(word for change in changes for word in ("--change", change)), "-", image]
    done = subprocess.run(command, input=buffer.getvalue(), capture_output=True, check=False)
    if done.returncode:
        raise Failure(f"docker import of {image} failed: {done.stderr.decode().strip()}")
