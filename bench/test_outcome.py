"""The verdict on the converge benchmark, from rounds that are made up."""

from __future__ import annotations

import os

import pytest

from bench.outcome import GOAL, Round, Spent, floor_of_writing, report

RAW = (Round(1.0, Spent(0.25, 1.75), 500), Round(2.0, Spent(0.5, 1.5), 500))


def ours(slower: float) -> tuple[Round, ...]:
    return tuple(Round(slower * raw.seconds, Spent(1.0, 2.0), 800, looks=44, memory=80.5) for raw in RAW)


@pytest.mark.parametrize(("slower", "verdict"), [(GOAL, "so it is reached"), (GOAL + 0.1, "so it is not reached")])
def test_the_goal_is_judged_by_the_time_on_the_clock(slower: float, verdict: str) -> None:
    assert verdict in report(ours(slower), RAW).conclusion[0]


def test_the_effort_counts_the_api_server_on_both_sides() -> None:
    figures = {one.name: one.values for one in report(ours(1), RAW).samples}
    assert figures["ratio of processor times"] == (1.5, 1.5)
    assert figures["API server for the operator: processor time"] == (2.0, 2.0)


def test_the_floor_is_the_server_s_time_and_the_script_s_own_for_every_write() -> None:
    assert floor_of_writing(ours(1), RAW) == pytest.approx(0.6)  # 800 writes at 0.5 and 1 ms: 0.75 ms
    assert any("would need 1.30 times" in line for line in report(ours(1), RAW).conclusion)


def test_processor_time_of_a_running_process_grows_with_its_work() -> None:
    before = Spent.until_now(os.getpid())
    while (done := Spent.until_now(os.getpid()) - before).own < 0.05:
        sum(range(10_000))
    assert done.total == done.own + done.server
