"""The runtime wrapper asks for what the machine has, and changes nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.node import runc_within

EVERYTHING = "Name:\tbash\nCapBnd:\t000001ffffffffff\n"
NO_RESOURCE = "Name:\tbash\nCapBnd:\t000001fffeffffff\n"


def process() -> dict[str, Any]:
    capabilities = ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_SYS_ADMIN"]
    return {
        "capabilities": {"bounding": list(capabilities), "effective": list(capabilities)},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1048576, "soft": 1048576}],
        "oomScoreAdj": -998,
        "args": ["/sbin/init"],
    }


def test_a_machine_with_every_capability_lacks_nothing() -> None:
    assert runc_within.lacking(EVERYTHING) == frozenset()


def test_the_missing_bit_is_named() -> None:
    assert runc_within.lacking(NO_RESOURCE) == {"CAP_SYS_RESOURCE"}


def test_what_the_machine_lacks_is_taken_out_of_every_set() -> None:
    fitted = process()
    runc_within.fit(fitted, frozenset({"CAP_SYS_RESOURCE"}), {})
    assert fitted["capabilities"] == {
        "bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN"],
        "effective": ["CAP_CHOWN", "CAP_SYS_ADMIN"],
    }
    assert fitted["args"] == ["/sbin/init"]


def test_limits_come_down_to_the_machines_own_hard_ones() -> None:
    fitted = process()
    runc_within.fit(fitted, frozenset({"CAP_SYS_RESOURCE"}), {"RLIMIT_NOFILE": 4096})
    assert fitted["rlimits"] == [{"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 4096}]
    assert fitted["oomScoreAdj"] == 0


def test_a_machine_that_may_raise_its_limits_keeps_them_and_the_oom_score() -> None:
    fitted = process()
    runc_within.fit(fitted, frozenset({"CAP_SYSLOG"}), {"RLIMIT_NOFILE": 4096})
    assert fitted == process()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["create", "--bundle", "/b", "id"], (Path("/b/config.json"), True)),
        (["--log", "l", "create", "--bundle=/b", "id"], (Path("/b/config.json"), True)),
        (["run", "-b", "/b", "id"], (Path("/b/config.json"), True)),
        (["exec", "--process", "/p.json", "--detach", "id"], (Path("/p.json"), False)),
        (["exec", "id", "sh"], None),
        (["delete", "--force", "id"], None),
    ],
)
def test_the_specification_is_found_where_runc_reads_it(arguments: list[str], expected: object) -> None:
    assert runc_within.specification(arguments) == expected


def test_the_wrapper_becomes_runc_after_trimming_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"ociVersion": "1.0.2", "process": process()}))
    became: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("sys.argv", ["runc-within", "create", "--bundle", str(tmp_path), "one"])
    monkeypatch.setattr(runc_within, "lacking", lambda _: frozenset({"CAP_SYS_ADMIN"}))
    monkeypatch.setattr("shutil.which", lambda *_, **__: "/usr/sbin/runc")
    monkeypatch.setattr("os.execv", lambda program, words: became.append((program, words)))
    runc_within.main()
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["process"]["capabilities"]["bounding"] == ["CAP_CHOWN", "CAP_SYS_RESOURCE"]
    assert written["ociVersion"] == "1.0.2"
    assert became == [("/usr/sbin/runc", ["runc", "create", "--bundle", str(tmp_path), "one"])]
