"""A Docker daemon: the one that runs is used as it is; where none runs, ours is started, recorded and later stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from e2e.cluster import debian
from e2e.console import CACHE, LOGS, Failure, output, run, succeeds
from e2e.node import runc_within

PACKAGES = ["docker.io", "iptables", "ca-certificates"]
RECORD = CACHE / "docker" / "daemon.json"  # {"pid", "started"} of the daemon that we started
WRAPPER = CACHE / "docker" / "runc-within"  # outside the clone: the daemon may outlive it
LOG = LOGS / "dockerd.log"
PIDFILES = [Path("/run/docker.pid"), Path("/run/docker/containerd/containerd.pid")]


def answers() -> bool:
    """Whether a daemon answers this user."""
    return shutil.which("docker") is not None and succeeds(["docker", "version", "--format", "{{.Server.Version}}"])


def ensure() -> str:
    """Have a daemon that answers; a sentence that says which one it is."""
    if answers():
        return "running, started by an earlier run" if ours() else "running already, used as it is"
    if os.geteuid() != 0:
        raise Failure(
            "no Docker daemon answers, and starting one needs root",
            "start Docker, or make this user a member of the group docker, or run this as root",
        )
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        debian.install(PACKAGES)
        if answers():  # the package's own service came up
            return "installed from Debian"
    _start()
    return "started here"


def ours() -> int | None:
    """Process id of the running daemon that we started, or None. A recycled process id is not mistaken for it."""
    try:
        record = json.loads(RECORD.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return record["pid"] if _birth(record["pid"]) == record["started"] else None


def stop() -> bool:
    """Stop the daemon if it is ours and nothing runs in it any more; whether it was stopped."""
    pid = ours()
    if pid is None or (answers() and output(["docker", "ps", "--quiet"]).strip()):
        return False
    os.kill(pid, signal.SIGTERM)
    if not _until(lambda: _birth(pid) is None, seconds=60):
        raise Failure(f"the Docker daemon (process {pid}) did not stop within 60 s", f"look into {LOG}")
    RECORD.unlink(missing_ok=True)
    return True


def _start() -> None:
    LOG.parent.mkdir(parents=True, exist_ok=True)
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    _forget_the_dead()
    _mount_systemd_hierarchy()
    command = ["dockerd", "--pidfile", str(PIDFILES[0]), *_runtime()]
    with LOG.open("ab") as log:
        daemon = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    RECORD.write_text(json.dumps({"pid": daemon.pid, "started": _birth(daemon.pid)}))
    if not _until(lambda: answers() or daemon.poll() is not None, seconds=60) or daemon.poll() is not None:
        raise Failure("the Docker daemon did not start", "mend what its log names, then run this again", LOG)


def _runtime() -> list[str]:
    """Flags for a machine whose own capabilities are fewer than a privileged container asks for."""
    if not runc_within.lacking(Path("/proc/self/status").read_text()):
        return []
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else os.path.realpath(sys.executable)
    source = Path(runc_within.__file__).read_text().partition("\n")[2]
    WRAPPER.write_text(f"#!{python} -IS\n{source}")
    WRAPPER.chmod(0o755)
    return ["--add-runtime", f"within={WRAPPER}", "--default-runtime", "within"]


def _forget_the_dead() -> None:
    """Remove pid files whose process is gone or has become another program: dockerd would refuse to start."""
    for path in PIDFILES:
        try:
            name = Path(f"/proc/{path.read_text().strip()}/comm").read_text().strip()
        except FileNotFoundError:
            name = ""
        if name not in {"dockerd", "containerd"}:
            path.unlink(missing_ok=True)


def _mount_systemd_hierarchy() -> None:
    """On cgroup v1, systemd inside a node needs its own named hierarchy, which a machine without systemd lacks."""
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists() or (root / "systemd" / "cgroup.procs").exists():
        return
    (root / "systemd").mkdir(exist_ok=True)
    run(["mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", root / "systemd"], log="dockerd")


def _birth(pid: int) -> str | None:
    """When a process began, in clock ticks since boot as the kernel says, or None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


def _until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return bool(condition())
