#!/usr/bin/env python3
"""An OCI runtime that is runc, asking for no more than this machine itself is allowed.

`docker run --privileged` asks for every capability its kernel knows. On a machine whose own bounding set lacks one
(CAP_SYS_RESOURCE in a sandboxed VM), runc refuses the whole container. Docker is therefore told to call this program
instead (`dockerd --add-runtime within=... --default-runtime within`): it takes what the machine lacks out of the
container's or process's specification, and then becomes runc. Used only where the daemon's own bounding set says so.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
from pathlib import Path

# Bit numbers of linux/capability.h, in order from 0.
# fmt: off
CAPABILITIES = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
]
# fmt: on


def lacking(status: str) -> frozenset[str]:
    """Capabilities missing from the bounding set in the text of a /proc/PID/status, such as {"CAP_SYS_RESOURCE"}."""
    bounding = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd:"))
    return frozenset(f"CAP_{name}" for bit, name in enumerate(CAPABILITIES) if not bounding >> bit & 1)


def fit(process: dict[str, object], lacks: frozenset[str], hard_limits: dict[str, int]) -> None:
    """Trim an OCI process in place: capabilities, resource limits (hard ones by name), and the OOM score."""
    for kind, names in (process.get("capabilities") or {}).items():  # type: ignore[attr-defined]
        process["capabilities"][kind] = [name for name in names if name not in lacks]  # type: ignore[index]
    if "CAP_SYS_RESOURCE" not in lacks:
        return  # it may raise its limits and lower its OOM score
    for limit in process.get("rlimits") or []:  # type: ignore[attr-defined]
        hard = hard_limits.get(limit["type"], resource.RLIM_INFINITY)
        if hard != resource.RLIM_INFINITY:
            limit["hard"] = min(limit["hard"], hard)
            limit["soft"] = min(limit["soft"], limit["hard"])
    if int(process.get("oomScoreAdj") or 0) < 0:  # type: ignore[call-overload]
        process["oomScoreAdj"] = 0


def specification(arguments: list[str]) -> tuple[Path, bool] | None:
    """The file of a runc command line that holds a process, and whether it is a whole container's."""
    values = {"--bundle": ".", "--process": ""}
    short = {"-b": "--bundle", "-p": "--process"}
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        name = short.get(name, name)
        if name in values:
            values[name] = value if equals else following
    if {"create", "run"} & set(arguments):
        return Path(values["--bundle"]) / "config.json", True
    if "exec" in arguments and values["--process"]:
        return Path(values["--process"]), False
    return None


def main() -> None:
    """Fit the specification that this call names, if any, and become runc."""
    found = specification(sys.argv[1:])
    if found:
        path, whole = found
        document = json.loads(path.read_text())
        names = {f"RLIMIT_{name[7:]}": getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
        limits = {name: resource.getrlimit(number)[1] for name, number in names.items()}
        fit(document["process"] if whole else document, lacking(Path("/proc/self/status").read_text()), limits)
        path.write_text(json.dumps(document))
    runc = shutil.which("runc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if runc is None:
        sys.exit("runc is not installed")
    os.execv(runc, ["runc", *sys.argv[1:]])


if __name__ == "__main__":
    main()
