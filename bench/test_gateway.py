"""What the gateway benchmark says, from runs that are made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.gateway import GOAL, Run, conclusion
from bench.load import Account
from bench.samples import Samples


def run(*, gateway: float, database: float, senders: float) -> Run:
    return Run(Account(seconds=10, spent=senders, waits=[0.01] * 1000), gateway, database)


def test_what_processors_would_bear_is_bounded_by_all_of_the_work_together() -> None:
    assert run(gateway=0.05, database=0.14, senders=0.01).borne == pytest.approx(10_000)


def test_what_processors_would_bear_is_bounded_by_each_gateway_alone_which_is_one_process() -> None:
    one = run(gateway=0.1, database=0.01, senders=0.01)
    assert one.borne == pytest.approx(10_000)
    assert replace(one, processes=2).borne == pytest.approx(1000 / 0.06)


@pytest.mark.parametrize(
    ("best", "said"), [(GOAL, "so it is reached"), (GOAL - 1, "so it is not reached on the clock")]
)
def test_the_goal_is_judged_by_the_best_round_on_the_clock(best: float, said: str) -> None:
    one = Samples("ratio", "", (1.0,))
    many = Samples("many", "messages/s", (best / 2, best))
    assert said in conclusion(many, many, many, one, one)[0]
