"""What the rounds of the converge benchmark come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.samples import Report, Samples, ratios
from e2e.usage import children_cpu_seconds, cpu_seconds

GOAL = 1.3
"""Of times on the clock. Where the API server keeps all processors busy, as it does two, what is written decides:
the conclusion says how near a script would come that sends the operator's writes."""


@dataclass(frozen=True)
class Spent:
    """Processor time in seconds: `own` of the process that writes, `server` of kube-apiserver and etcd.

    Unlike the time on the clock, it hardly depends on what else the machine does.
    """

    own: float
    server: float

    @classmethod
    def until_now(cls, pid: int) -> Spent:
        """Since the processes began."""
        return cls(cpu_seconds(pid), children_cpu_seconds("kube-apiserver", "etcd"))

    def __sub__(self, earlier: Spent) -> Spent:
        return Spent(self.own - earlier.own, self.server - earlier.server)

    @property
    def total(self) -> float:
        """Of all together."""
        return self.own + self.server


@dataclass(frozen=True)
class Round:
    """One converging: seconds on the clock, and what it cost; `memory` in MiB where an operator was measured."""

    seconds: float
    spent: Spent
    writes: int
    looks: int = 0
    memory: float = 0


def report(ours: Sequence[Round], raw: Sequence[Round]) -> Report:
    """What the rounds mean. Those of the same index were measured next to each other."""
    converge = Samples("operator: converge", "s", tuple(one.seconds for one in ours))
    floor = Samples("raw script: apply", "s", tuple(one.seconds for one in raw))
    ratio = ratios("ratio of converge times", converge, floor)
    all_ours = Samples("operator and API server: processor time", "s", tuple(one.spent.total for one in ours))
    all_raw = Samples("raw script and API server: processor time", "s", tuple(one.spent.total for one in raw))
    effort = ratios("ratio of processor times", all_ours, all_raw)
    served = Samples("API server for the operator: processor time", "s", tuple(one.spent.server for one in ours))
    served_raw = Samples("API server for the raw script: processor time", "s", tuple(one.spent.server for one in raw))
    memory = Samples("operator: peak memory", "MiB", tuple(one.memory for one in ours))
    samples = (
        converge, floor, ratio, all_ours, all_raw, effort, served, served_raw,
        Samples("operator alone: processor time", "s", tuple(one.spent.own for one in ours)),
        Samples("raw script alone: processor time", "s", tuple(one.spent.own for one in raw)),
        Samples("operator: writes", "", tuple(one.writes for one in ours)),
        Samples("raw script: writes", "", tuple(one.writes for one in raw)),
        Samples("operator: reconciles", "", tuple(one.looks for one in ours)),
        memory,
    )  # fmt: skip
    verdict = "reached" if ratio.median <= GOAL else "not reached"
    least = (served.median + floor_of_writing(ours, raw)) / all_raw.median
    conclusion = (
        f"Goal: {GOAL} times the raw script at most. Measured: {ratio.median:.2f} (median), so it is {verdict}.",
        f"On a busy machine look at processor time, {effort.median:.2f} times as much: it hardly depends on others.",
        "The operator also writes Secrets, the inventory, finalizers and status, which the script does not.",
        f"A script that sent the operator's writes would need {least:.2f} times as much as one that sends its own.",
        f"Peak memory of the operator with 22 centers: {max(memory.values):.0f} MiB.",
    )
    return Report("22 HealthClusters (examples/makkah.yaml) against a real API server", samples, conclusion)


def floor_of_writing(ours: Sequence[Round], raw: Sequence[Round]) -> float:
    """Processor seconds that a script would need by itself for as many writes as the operator's (medians)."""
    a_write = median(one.spent.own / one.writes for one in raw)
    return a_write * median(one.writes for one in ours)
