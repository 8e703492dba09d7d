"""What wakes a worker, and that a worker always ends when it is told to."""

from __future__ import annotations

import asyncio

import pytest

from marsad_center.hints import Hints


async def test_what_was_said_is_taken_once() -> None:
    hints = Hints()
    hints.notified("facts", '{"facilities": ["KAMC"]}')
    hints.notified("facts", '{"facilities": ["SFAC", "KAMC"]}')
    assert await hints.woken(30)
    assert hints.take() == {"KAMC", "SFAC"}
    assert not await hints.woken(0.01)
    assert hints.take() == set()


@pytest.mark.parametrize("payload", ["", "{}", "[]", '{"facilities": 7}', "null"])
async def test_what_cannot_be_read_means_that_anything_may_have_changed(payload: str) -> None:
    hints = Hints()
    hints.notified("facts", payload)
    assert await hints.woken(30)
    assert hints.take() is None
    assert hints.take() == set()


async def test_a_time_that_is_over_still_hears_what_was_said() -> None:
    hints = Hints()
    hints.anything()
    assert await hints.woken(-1.0)
    assert hints.take() is None


async def test_a_worker_that_is_woken_and_told_to_end_at_the_same_moment_ends() -> None:
    """With Python 3.11's asyncio.wait_for it went on, and a component waited for it until it was killed."""
    hints = Hints()

    async def work() -> None:
        while True:
            await hints.woken(30)
            hints.take()

    worker = asyncio.create_task(work())
    for _ in range(3):  # it waits
        await asyncio.sleep(0)
    hints.anything()
    asyncio.get_running_loop().call_soon(worker.cancel)  # after what waits heard of it, before the worker did
    done, _ = await asyncio.wait({worker}, timeout=30)
    if not done:
        worker.cancel()
    assert done
    assert worker.cancelled()
