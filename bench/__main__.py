"""`python -m bench`: run the benchmarks and print what they mean."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from bench import converge, forecast, gateway, history, soak
from bench.samples import Report

BENCHMARKS: dict[str, Callable[[int], Awaitable[Report]]] = {
    "gateway": gateway.measure,
    "converge": converge.measure,
    "soak": soak.measure,
    "history": history.measure,
    "forecast": forecast.measure,
}


def main(words: list[str]) -> int:
    """The exit code: 0 when everything was measured (a missed goal is told, not punished)."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=BENCHMARKS, help="run one of them")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each side (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    asked = parser.parse_args(words)
    reports = []
    for name in [asked.only] if asked.only else BENCHMARKS:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = runner.run(_run(BENCHMARKS[name], asked.rounds))
        load = f"Load of the machine in the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors."
        print(f"{report.text()}\n  {load}\n", flush=True)
        reports.append({**report.as_json(), "load": os.getloadavg()[0]})
    if asked.json:
        asked.json.write_text(json.dumps(reports, indent=2) + "\n")
    return 0


async def _run(measure: Callable[[int], Awaitable[Report]], rounds: int) -> Report:
    return await measure(rounds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
