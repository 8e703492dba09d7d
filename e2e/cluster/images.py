"""Our three images, each named by a digest of what it is made of: what did not change is not built or loaded again."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from e2e.console import CACHE, REPOSITORY, Failure, output, run
from e2e.node import base, docker

IGNORED = ["__pycache__", "*.pyc", "tests", "Dockerfile", "node_modules", ".*"]
KEPT = 5  # images of each kind: sources change often while one works
PYTHON = "3.11"  # Debian bookworm's, inside the images
GLIBC = 36  # bookworm's 2.36: wheels of every manylinux up to it run there


@dataclass(frozen=True)
class Recipe:
    """One image: its Dockerfile, the folders that its context holds under tree/, and its locked Python packages."""

    dockerfile: str
    folders: tuple[str, ...] = ()
    requirements: str = ""


RECIPES = {
    "operator": Recipe(
        "operator/Dockerfile", ("operator/marsad", "charts/center", "crds"), "requirements/operator.txt"
    ),
    "center": Recipe("center/Dockerfile", ("center/marsad_center",), "requirements/center.txt"),
    "postgresql": Recipe("center/postgresql/Dockerfile"),
}


def tree(recipe: Recipe) -> Iterator[Path]:
    """The files of an image's folders, in a stable order; tests and generated files are left out."""
    for folder in recipe.folders:
        for path in sorted((REPOSITORY / folder).rglob("*")):
            inner = path.relative_to(REPOSITORY / folder).parts
            if path.is_file() and not any(fnmatch.fnmatch(part, pattern) for part in inner for pattern in IGNORED):
                yield path


def version() -> str:
    """The project's version, as pyproject.toml says."""
    found = re.search(r'^version = "([^"]+)"', (REPOSITORY / "pyproject.toml").read_text(), re.M)
    if not found:
        raise Failure("pyproject.toml has no version")
    return found[1]


def name(which: str) -> str:
    """An image's name for the sources as they are, such as `marsad/center:0.1.0-1f2e3d4c5b6a`."""
    digest = hashlib.sha256(docker.identity(base.ensure()).encode())
    recipe = RECIPES[which]
    own = [REPOSITORY / path for path in (recipe.dockerfile, recipe.requirements) if path]
    for path in [*own, *tree(recipe)]:
        digest.update(f"{path.relative_to(REPOSITORY)}\n".encode() + path.read_bytes())
    return f"marsad/{which}:{_prefix(which)}-{digest.hexdigest()[:12]}"


def build(which: str) -> str:
    """Build an image unless the daemon has it; its name."""
    image = name(which)
    if docker.has(image):
        return image
    recipe = RECIPES[which]
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        context = Path(scratch)
        (context / "tree").mkdir()
        for path in tree(recipe):
            target = context / "tree" / path.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        if recipe.requirements:
            shutil.copyfile(REPOSITORY / recipe.requirements, context / "requirements.txt")
            (context / "wheels").mkdir()
            for wheel in wheels(which).iterdir():
                os.link(wheel, context / "wheels" / wheel.name)
        arguments = {"BASE_IMAGE": base.ensure(), "VERSION": version(), "REVISION": revision()}
        docker.build(
            image, context, dockerfile=REPOSITORY / recipe.dockerfile, arguments=arguments, log=f"image-{which}"
        )
    return image


def wheels(which: str) -> Path:
    """A folder with an image's locked wheels, for the images' Python, downloaded once."""
    requirements = REPOSITORY / RECIPES[which].requirements
    target = CACHE / "wheels" / f"{requirements.stem}-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".wheels-", dir=target.parent))
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(5, GLIBC + 1)] + [f"manylinux2014_{machine}"]
    command: list[str | Path] = [REPOSITORY / ".venv/bin/python", "-m", "pip", "download", "--quiet"]
    command += ["--require-hashes", "--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON]
    command += [word for abi in ("cp311", "abi3", "none") for word in ("--abi", abi)]
    command += [word for tag in tags for word in ("--platform", tag)]
    advice = "see that pip can reach its package index, then run this again"
    try:
        run([*command, "--dest", scratch, "--requirement", requirements], log="wheels", advice=advice, timeout=1200)
        scratch.chmod(0o755)
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return target


def build_all(say: Callable[[str], None] = print) -> dict[str, str]:
    """Build what is missing of all images; their names by `operator`, `center` and `postgresql`."""
    names: dict[str, str] = {}
    for which in RECIPES:
        say(f"{which} image")
        names[which] = build(which)
    return names


def revision() -> str:
    """The commit of the clone, with `-dirty` when files differ from it."""
    git = ["git", "-C", str(REPOSITORY)]
    try:
        commit = output([*git, "rev-parse", "HEAD"]).strip()
        return commit + ("-dirty" if output([*git, "status", "--porcelain"]).strip() else "")
    except Failure:
        return "unknown"


def _prefix(which: str) -> str:
    """What a tag starts with: CloudNativePG reads PostgreSQL's version from it."""
    if which != "postgresql":
        return version()
    found = re.search(r"POSTGRESQL_MAJOR=(\d+)", (REPOSITORY / RECIPES[which].dockerfile).read_text())
    if not found:
        raise Failure("center/postgresql/Dockerfile does not say POSTGRESQL_MAJOR")
    return found[1]
