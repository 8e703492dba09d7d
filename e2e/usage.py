"""What processes use of a machine, as Linux tells it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

MIB = 1024 * 1024


def peak_mib(pid: int) -> float:
    """Most memory that a process ever had resident, in MiB (VmHWM)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def resident_mib(pid: int) -> float:
    """Memory that it has resident now, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def cpu_seconds(pid: int) -> float:
    """Processor time that it has used until now."""
    return _cpu(Path(f"/proc/{pid}/stat").read_text())


def family_cpu_seconds(pid: int) -> float:
    """The same of a process and all its children, those that have ended and were waited for included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    used = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(OSError):
            used += cpu_seconds(int(child))
    return used


def children_cpu_seconds(*names: str) -> float:
    """The same of those children of this process that run one of the named programs."""
    used = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            text = path.read_text()
            name, parent = text[text.index("(") + 1 : text.rindex(")")], int(text.rpartition(")")[2].split()[1])
            if parent == os.getpid() and name in names:
                used += _cpu(text)
    return used


def _cpu(stat: str) -> float:
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
