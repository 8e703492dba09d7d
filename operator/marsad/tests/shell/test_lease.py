"""Leader election and its fence, with a real Lease and a clock that the test moves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from e2e.apiserver import ApiServer
from marsad.shell.client import Client
from marsad.shell.lease import LEASE, Elector, Fence, NotLeader, Times, uptime
from marsad.tests.shell.proxy import Proxy, problem
from marsad.tests.shell.waiting import eventually

QUICK = Times(lasts=2, may_write=1.2, renew=0.2, ask=0.1)  # runs out while a test waits
LASTING = replace(QUICK, lasts=600, may_write=500)  # does not, however busy the machine is


@dataclass
class Candidate:
    """One process that wants to lead."""

    elector: Elector
    fence: Fence
    turns: list[bool] = field(default_factory=list)

    @property
    def leads(self) -> bool:
        return self.fence.open


def candidate(client: Client, namespace: str, identity: str, times: Times = LASTING) -> Candidate:
    fence, turns = Fence(), list[bool]()
    elector = Elector(
        client, fence, namespace=namespace, name="marsad", identity=identity, on_change=turns.append, times=times
    )
    return Candidate(elector, fence, turns)


@asynccontextmanager
async def running(one: Candidate) -> AsyncIterator[Candidate]:
    task = asyncio.create_task(one.elector.run())
    yield one
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class TestFence:
    def test_it_closes_by_itself_when_its_time_is_over(self) -> None:
        now = [100.0]
        fence = Fence(clock=lambda: now[0])
        with pytest.raises(NotLeader):
            fence.check()
        fence.extend(109.0)
        fence.check()
        now[0] = 109.0
        with pytest.raises(NotLeader):
            fence.check()

    def test_the_defaults_leave_room_for_the_last_request(self) -> None:
        times, timeout = Times(), 5.0
        assert times.may_write + timeout < times.lasts

    def test_the_clock_goes_on(self) -> None:
        assert uptime() <= uptime()


class TestElection:
    async def test_of_two_only_one_leads(self, client: Client, namespace: str) -> None:
        async with running(candidate(client, namespace, "a")) as a, running(candidate(client, namespace, "b")) as b:
            await eventually(lambda: a.leads or b.leads, "a leader")
            first, second = (a, b) if a.leads else (b, a)
            holder = (await client.get(LEASE, namespace, "marsad"))["spec"]["renewTime"]
            for _ in range(20):
                assert not second.leads
                await asyncio.sleep(0.1)
            assert first.turns == [True]
            assert (await client.get(LEASE, namespace, "marsad"))["spec"]["renewTime"] > holder, "it is renewed"

    async def test_an_orderly_end_hands_over_at_once(self, client: Client, namespace: str) -> None:
        async with running(candidate(client, namespace, "a")) as a:
            await eventually(lambda: a.leads, "a leads")
        assert a.turns == [True, False]
        await a.elector.release()
        assert (await client.get(LEASE, namespace, "marsad"))["spec"]["holderIdentity"] == ""
        async with running(candidate(client, namespace, "b")) as b:
            await eventually(lambda: b.leads, "b leads")

    async def test_a_holder_that_vanished_is_followed_after_its_time(self, client: Client, namespace: str) -> None:
        async with running(candidate(client, namespace, "a", QUICK)) as a:
            await eventually(lambda: a.leads, "a leads")
        async with running(candidate(client, namespace, "b", QUICK)) as b:  # a gave nothing back
            assert not b.leads
            await eventually(lambda: b.leads, "b leads")
            assert not a.leads, "both may not write"

    async def test_a_holder_that_is_cut_off_stops_before_another_may_start(
        self, apiserver: ApiServer, client: Client, namespace: str
    ) -> None:
        async with (
            Proxy(apiserver) as proxy,
            Client(proxy.connection) as cut_off,
            running(candidate(cut_off, namespace, "a", QUICK)) as a,
        ):
            await eventually(lambda: a.leads, "a leads")
            async with running(candidate(client, namespace, "b", QUICK)) as b:
                proxy.fault = lambda _request: problem(500, "cut off")
                while not b.leads:
                    assert not (a.leads and b.leads)
                    await asyncio.sleep(0.02)
                assert not a.leads
                await eventually(lambda: a.turns[-1] is False, "its work is ended")

    async def test_a_renewal_whose_answer_was_lost_does_not_cost_the_lease(
        self, apiserver: ApiServer, client: Client, namespace: str
    ) -> None:
        async with (
            Proxy(apiserver) as proxy,
            Client(proxy.connection) as proxied,
            running(candidate(proxied, namespace, "a")) as a,
        ):
            await eventually(lambda: a.leads, "a leads")
            # As if a renewal had been carried out without this process hearing of it.
            await client.patch(LEASE, namespace, "marsad", {"spec": {"leaseDurationSeconds": 3}})
            renewals = len([method for method, _ in proxy.seen if method == "PATCH"])
            await eventually(lambda: len([m for m, _ in proxy.seen if m == "PATCH"]) > renewals + 2, "renewals")
            assert a.turns == [True]
