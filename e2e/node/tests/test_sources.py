"""Package mirrors and compilers: what is read off a machine, and what its parts are called."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.node import base, binaries, golang


def test_the_machines_own_mirror_serves_the_image() -> None:
    lines = ["http://mirror/debian/|bookworm|Debian", "http://mirror/security/|bookworm-security|Debian"]
    assert base.sources(lines) == [
        "deb http://mirror/debian/ bookworm main",
        "deb http://mirror/security/ bookworm-security main",
    ]


def test_a_later_debian_gives_its_mirror_for_the_earlier_release() -> None:
    assert base.sources(["http://mirror/debian/|trixie|Debian"]) == ["deb http://mirror/debian/ bookworm main"]


def test_other_vendors_and_backports_stay_outside() -> None:
    assert base.sources(["http://elsewhere/|nodistro|Node", "http://mirror/|bookworm-backports|Debian"]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.27rc1 linux/arm64", (1, 27)),
        ("no such file", (0, 0)),
    ],
)
def test_a_compiler_says_its_release(text: str, expected: tuple[int, int]) -> None:
    assert golang.release(text) == expected


def test_the_compiler_wanted_is_new_enough_for_every_module() -> None:
    directives = [re.search(r"^go (\d+)\.(\d+)", path.read_text(), re.M) for path in binaries.TOOLS.glob("*/go.mod")]
    assert directives
    assert max((int(found[1]), int(found[2])) for found in directives if found) <= golang.WANTED


@pytest.mark.parametrize("tool", sorted(binaries.MODULES))
def test_every_tool_has_an_exact_version_and_something_to_build(tool: str) -> None:
    assert re.fullmatch(r"v\d+\.\d+\.\d+", binaries.version(tool))
    assert binaries.packages(tool)


def test_every_folder_of_tools_is_built() -> None:
    assert {path.name for path in binaries.TOOLS.iterdir() if path.is_dir()} == set(binaries.MODULES)


def test_two_that_want_the_same_tool_build_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def compile_slowly(command: list[str | Path], **_: object) -> None:
        compiled.append(command)
        time.sleep(0.2)
        (Path(str(command[command.index("-o") + 1])) / "program").touch()

    monkeypatch.setattr(binaries, "folder", lambda tool: tmp_path / "bin" / tool)
    monkeypatch.setattr(binaries, "go", lambda: "go")
    monkeypatch.setattr(binaries, "run", compile_slowly)
    with ThreadPoolExecutor(2) as both:
        assert set(both.map(binaries.build, ["helm", "helm"])) == {tmp_path / "bin" / "helm"}
    assert len(compiled) == 1
    assert [path.name for path in (tmp_path / "bin" / "helm").iterdir()] == ["program"]


def test_no_file_of_the_node_is_left_with_an_unfilled_name() -> None:
    placeholders = {word for path in (Path(__file__).parents[1] / "image").rglob("*") if path.is_file()
                    for word in re.findall(r"@[A-Z_]+@", path.read_text())}  # fmt: skip
    builder = (Path(__file__).parents[1] / "build.py").read_text()
    assert placeholders
    assert all(word in builder for word in placeholders)
