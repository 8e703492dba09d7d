"""Our images as they are built: non-root, nothing to build with inside, at home on a read-only root file system."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from e2e.cluster import daemon, images
from e2e.console import output

pytestmark = pytest.mark.kind

TOOLS = "pip pip3 gcc cc make git curl wget go"
USERS = {"operator": "10001", "center": "10001", "postgresql": "26"}
STARTS = {
    "operator": "python -m marsad.cli simulate --help && marsad --help && python -c 'import marsad.handlers, kopf'",
    "center": "python -c 'import marsad_center.__main__, asyncpg, uvloop, starlette, uvicorn; print(asyncpg)'",
    "postgresql": "initdb --pgdata=/tmp/data --locale=ar_SA.UTF-8 && postgres --version && pg_basebackup --version",
}


@pytest.fixture(scope="module")
def built() -> dict[str, str]:
    """Names of the three images for the sources as they are."""
    daemon.ensure()
    return images.build_all(lambda _: None)


@pytest.fixture
def inside(built: dict[str, str]) -> Callable[[str, str], str]:
    """Run a shell line in an image, with what a pod under Pod Security `restricted` has, and no network."""

    def run(which: str, line: str) -> str:
        limits = ["--read-only", "--tmpfs", "/tmp", "--network", "none", "--cap-drop", "ALL"]
        limits += ["--security-opt", "no-new-privileges", "--entrypoint", "/bin/sh"]
        return output(["docker", "run", "--rm", *limits, built[which], "-euc", line], timeout=120)

    return run


@pytest.mark.parametrize("which", list(images.RECIPES))
def test_an_image_runs_as_its_own_user_and_says_what_it_is(built: dict[str, str], which: str) -> None:
    (found,) = json.loads(output(["docker", "image", "inspect", built[which]]))
    assert found["Config"]["User"] == f"{USERS[which]}:{USERS[which]}"
    labels = found["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == images.version()
    assert len(labels["org.opencontainers.image.revision"].removesuffix("-dirty")) >= 7


@pytest.mark.parametrize("which", list(images.RECIPES))
def test_nothing_to_build_or_fetch_with_is_inside(inside: Callable[[str, str], str], which: str) -> None:
    line = f"for tool in {TOOLS}; do if command -v $tool; then exit 1; fi; done; id -u"
    assert inside(which, line).strip() == USERS[which]


@pytest.mark.parametrize("which", list(images.RECIPES))
def test_its_programs_start_on_a_read_only_root(inside: Callable[[str, str], str], which: str) -> None:
    assert inside(which, STARTS[which])


def test_python_in_an_image_has_no_installer(inside: Callable[[str, str], str]) -> None:
    line = 'python -c \'import importlib.util as u; print([n for n in ("pip", "setuptools") if u.find_spec(n)])\''
    assert [inside(which, line).strip() for which in ("operator", "center")] == ["[]", "[]"]
