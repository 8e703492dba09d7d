"""Images are named by what they are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.cluster import images, load
from e2e.console import REPOSITORY
from e2e.node import base, docker

RECIPE = images.Recipe("Dockerfile", ("package",), "locked.txt")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, and a base image that never changes."""
    for name, text in {
        "pyproject.toml": '[project]\nversion = "1.2.3"\n',
        "Dockerfile": "FROM scratch\n",
        "locked.txt": "one==1\n",
        "package/main.py": "print()\n",
        "package/tests/test_main.py": "\n",
        "package/__pycache__/main.pyc": "\n",
        "package/pages/index.html": "<p>\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(images, "REPOSITORY", tmp_path)
    monkeypatch.setattr(images, "RECIPES", {"center": RECIPE})
    monkeypatch.setattr(base, "ensure", lambda: "base")
    monkeypatch.setattr(docker, "identity", lambda _: "sha256:0")
    return tmp_path


def test_a_name_carries_the_version_and_stays_while_nothing_changes(sources: Path) -> None:
    name = images.name("center")
    assert name.startswith("marsad/center:1.2.3-")
    (sources / "package/tests/test_main.py").write_text("changed")
    (sources / "package/__pycache__/main.pyc").write_text("changed")
    assert images.name("center") == name


@pytest.mark.parametrize("changed", ["package/main.py", "package/pages/index.html", "locked.txt", "Dockerfile"])
def test_a_changed_source_makes_another_image(sources: Path, changed: str) -> None:
    name = images.name("center")
    (sources / changed).write_text("changed")
    assert images.name("center") != name


def test_a_new_base_makes_another_image(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = images.name("center")
    monkeypatch.setattr(docker, "identity", lambda _: "sha256:1")
    assert images.name("center") != name


def test_tests_and_compiled_files_stay_out_of_an_image(sources: Path) -> None:
    assert [path.relative_to(sources).as_posix() for path in images.tree(RECIPE)] == [
        "package/main.py",
        "package/pages/index.html",
    ]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("marsad/center:1", "docker.io/marsad/center:1"),
        ("registry.k8s.io/pause:3.10.2", "registry.k8s.io/pause:3.10.2"),
        ("localhost:5000/a:1", "localhost:5000/a:1"),
    ],
)
def test_containerd_knows_images_by_their_full_names(image: str, expected: str) -> None:
    assert load.qualified(image) == expected


def test_the_operands_tag_starts_with_postgresqls_version() -> None:
    dockerfile = (REPOSITORY / images.RECIPES["postgresql"].dockerfile).read_text()
    assert f"POSTGRESQL_MAJOR={images._prefix('postgresql')}\n" in dockerfile
