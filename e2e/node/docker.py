"""Docker as the builder of images: pulls that give up soon, builds, and what a daemon already holds."""

from __future__ import annotations

import functools
import json
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from e2e.console import CACHE, output, run, succeeds

PULL_SECONDS = 25
RETRY_AFTER = 12 * 3600  # seconds for which a pull that failed is not tried again
MEMORY = CACHE / "docker" / "unreachable.json"


def has(image: str) -> bool:
    """Whether the daemon holds an image."""
    return succeeds(["docker", "image", "inspect", "--format", "{{.Id}}", image])


def identity(image: str) -> str:
    """An image's id, `sha256:...`."""
    return output(["docker", "image", "inspect", "--format", "{{.Id}}", image]).strip()


def pull(image: str) -> bool:
    """Have an image from its registry, if one answers soon; a failure is remembered for RETRY_AFTER seconds."""
    if has(image):
        return True
    memory = _memory()
    if time.time() - memory.get(image, 0) < RETRY_AFTER:
        return False
    done = _pulling(image)
    if not done:
        MEMORY.parent.mkdir(parents=True, exist_ok=True)
        MEMORY.write_text(json.dumps({**memory, image: time.time()}))
    return done


def _pulling(image: str) -> bool:
    """Pull for as long as it takes, if the registry says anything at all within PULL_SECONDS."""
    with subprocess.Popen(["docker", "pull", image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        answered, _, _ = select.select([process.stdout], [], [], PULL_SECONDS)
        if not answered:
            process.terminate()
            return False
        process.communicate()
    return process.returncode == 0


@functools.cache
def builder() -> str:
    """Value of DOCKER_BUILDKIT: BuildKit calls runc itself, so it cannot work where our runtime wrapper is needed."""
    runtime = output(["docker", "info", "--format", "{{.DefaultRuntime}}"]).strip()
    return "1" if runtime != "within" and succeeds(["docker", "buildx", "version"]) else "0"


def build(
    image: str,
    context: Path,
    *,
    dockerfile: Path | None = None,
    arguments: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    log: str,
) -> None:
    """Build an image from a folder. The network is the host's: package mirrors resolve as they do outside."""
    command: list[str | Path] = ["docker", "build", "--network", "host", "--tag", image]
    command += ["--file", dockerfile] if dockerfile else []
    for name, value in (arguments or {}).items():
        command += ["--build-arg", f"{name}={value}"]
    for name, value in (labels or {}).items():
        command += ["--label", f"{name}={value}"]
    advice = "run it again if a download failed; else mend what the log names"
    run([*command, context], log=log, advice=advice, env={"DOCKER_BUILDKIT": builder()}, timeout=3600)


def prune(repository: str, keep: int) -> None:
    """Remove an image repository's older names, all but the newest `keep`; those in use stay."""
    listing = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository]
    for image in output(listing).split()[keep:]:  # newest first
        succeeds(["docker", "image", "rm", image])


def _memory() -> dict[str, float]:
    try:
        return dict(json.loads(MEMORY.read_text()))
    except (FileNotFoundError, ValueError):
        return {}
