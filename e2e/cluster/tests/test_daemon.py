"""Only the daemon that was started here is ever stopped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.cluster import daemon


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the daemon started here is remembered; no Docker answers."""
    monkeypatch.setattr(daemon, "RECORD", tmp_path / "daemon.json")
    monkeypatch.setattr(daemon, "answers", lambda: False)
    return tmp_path / "daemon.json"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for a daemon."""
    with subprocess.Popen(["sleep", "600"]) as sleeping:
        yield sleeping
        sleeping.kill()


def remember(record: Path, pid: int, birth: str | None) -> None:
    record.write_text(json.dumps({"pid": pid, "started": birth}))


def test_without_a_record_no_daemon_is_ours(record: Path) -> None:
    assert not record.exists()
    assert daemon.ours() is None
    assert daemon.stop() is False


def test_the_recorded_process_is_ours_and_is_stopped(record: Path, process: subprocess.Popen[bytes]) -> None:
    remember(record, process.pid, daemon._birth(process.pid))
    assert daemon.ours() == process.pid
    assert daemon.stop() is True
    assert not record.exists()
    assert daemon.ours() is None


def test_another_process_with_a_recycled_number_is_left_alone(record: Path, process: subprocess.Popen[bytes]) -> None:
    remember(record, process.pid, "1")
    assert daemon.ours() is None
    assert daemon.stop() is False
    assert process.poll() is None


@pytest.mark.parametrize("content", ["999999999", "1", "not a number"])
def test_a_pid_file_that_names_no_daemon_is_removed(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = tmp_path / "docker.pid"
    stale.write_text(content)
    monkeypatch.setattr(daemon, "PIDFILES", [stale])
    daemon._forget_the_dead()
    assert not stale.exists()
