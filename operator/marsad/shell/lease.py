"""Leader election by a coordination.k8s.io Lease, with a fence that every write asks.

Times, in seconds: the Lease lasts 15 and is renewed every 3. This process may write for 9 after it *sent* the last
renewal that succeeded; a write begun then times out 5 later, so all is over at 14, before another may take the Lease
at 15. All is measured on CLOCK_BOOTTIME, which goes on while the machine sleeps or the process is stopped, and never by
comparing two machines' clocks: a follower counts from when it saw the Lease change.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marsad.core.kinds import Kind
from marsad.shell.client import Client
from marsad.shell.errors import ApiError, Conflict, NotFound

log = logging.getLogger(__name__)

LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")


@dataclass(frozen=True)
class Times:
    """See the module: `lasts` > `may_write` + the time-out of one request."""

    lasts: float = 15.0
    may_write: float = 9.0
    renew: float = 3.0
    ask: float = 2.0  # how often a follower looks


class NotLeader(Exception):
    """This process may not write (any more): it does not hold the Lease, or could not renew it in time."""


def uptime() -> float:
    """Seconds since boot, suspended time included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Fence:
    """Until when this process may write."""

    def __init__(self, clock: Callable[[], float] = uptime) -> None:
        self._clock = clock
        self._until = float("-inf")

    @property
    def open(self) -> bool:
        return self._clock() < self._until

    @property
    def left(self) -> float:
        """Seconds until it closes by itself; not positive when it is closed."""
        return self._until - self._clock()

    def check(self) -> None:
        """Raise NotLeader unless this process may write now. Every write asks, as the last thing before it is sent."""
        if not self.open:
            raise NotLeader("this process does not hold the Lease")

    def extend(self, until: float) -> None:
        self._until = until

    def close(self) -> None:
        self._until = float("-inf")


class Elector:
    """Takes, renews and gives back one Lease; `leading` runs while it is held and is cancelled when it is lost."""

    def __init__(
        self,
        client: Client,
        fence: Fence,
        *,
        namespace: str,
        name: str,
        identity: str,
        on_change: Callable[[bool], None],
        times: Times = Times(),
        clock: Callable[[], float] = uptime,
    ) -> None:
        self._client = client
        self._fence = fence
        self._namespace, self._name, self._identity = namespace, name, identity
        self._on_change = on_change
        self._times = times
        self._clock = clock
        self._seen: tuple[str, float] = ("", clock())  # resourceVersion of the Lease, and when it was first seen
        self._version: str | None = None  # of the Lease as we hold it

    async def run(self) -> None:
        """Seek and keep the Lease, for ever; `on_change` hears True when it is won and False when it is lost."""
        while True:
            if await self._take():
                log.info("leading as %s", self._identity)
                self._on_change(True)
                try:
                    await self._keep()
                finally:
                    self._on_change(False)
                log.warning("no longer leading")
            await asyncio.sleep(self._times.ask * random.uniform(0.8, 1.2))  # noqa: S311 (spreads load)

    async def release(self) -> None:
        """Give the Lease back, so that another need not wait for it to run out. Call when no write is under way."""
        self._fence.close()
        if self._version is None:
            return
        try:
            await self._patch(self._version, {"holderIdentity": "", "leaseDurationSeconds": 1})
            log.info("gave the Lease back")
        except ApiError as error:
            log.warning("could not give the Lease back: %s", error)
        self._version = None

    async def _take(self) -> bool:
        sent = self._clock()
        try:
            lease = await self._client.get(LEASE, self._namespace, self._name)
            if not self._free(lease):
                return False
            transitions = int(lease["spec"].get("leaseTransitions") or 0) + 1
            sent = self._clock()
            answer = await self._patch(
                lease["metadata"]["resourceVersion"],
                self._spec() | {"acquireTime": _now(), "leaseTransitions": transitions},
            )
        except NotFound:
            return await self._create()
        except Conflict:
            return False  # another was quicker
        except ApiError as error:
            log.warning("could not ask for the Lease: %s", error)
            return False
        return self._won(sent, answer)

    async def _create(self) -> bool:
        metadata = {"namespace": self._namespace, "name": self._name}
        spec = self._spec() | {"acquireTime": _now(), "leaseTransitions": 0}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        sent = self._clock()
        try:
            return self._won(sent, await self._client.create(LEASE, lease))
        except ApiError as error:
            log.warning("could not create the Lease: %s", error)
            return False

    async def _keep(self) -> None:
        """Renew until the Lease is lost: another holds it, or no renewal succeeded in time."""
        while self._fence.open:
            await asyncio.sleep(min(self._times.renew * random.uniform(0.9, 1.0), max(self._fence.left, 0)))  # noqa: S311
            if self._version is None:
                raise AssertionError("only a holder keeps the Lease")
            sent = self._clock()
            try:
                async with asyncio.timeout(max(self._fence.left, 0)):
                    self._won(sent, await self._patch(self._version, self._spec()))
            except Conflict:
                if not await self._still_ours():
                    log.warning("lost the Lease to another")
                    break
            except NotFound as error:
                log.warning("lost the Lease: %s", error)
                break
            except (ApiError, TimeoutError) as error:
                log.warning("could not renew the Lease, %.1f s left: %s", self._fence.left, error or "timed out")
        self._fence.close()
        self._version = None

    async def _still_ours(self) -> bool:
        """After a conflict: an earlier renewal may have been carried out although its answer never came."""
        try:
            lease = await self._client.get(LEASE, self._namespace, self._name)
        except ApiError:
            return True  # not known: go on trying until the fence closes
        self._version = lease["metadata"]["resourceVersion"]
        return bool(lease["spec"].get("holderIdentity") == self._identity)

    def _won(self, sent: float, answer: dict[str, Any]) -> bool:
        self._version = answer["metadata"]["resourceVersion"]
        self._fence.extend(sent + self._times.may_write)
        return self._fence.open

    def _free(self, lease: dict[str, Any]) -> bool:
        """Whether the Lease may be taken: nobody holds it, or it has not changed for as long as it lasts."""
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, self._clock())
        spec = lease.get("spec") or {}
        if not spec.get("holderIdentity"):
            return True
        lasts = float(spec.get("leaseDurationSeconds") or self._times.lasts)
        return self._clock() - self._seen[1] >= lasts

    def _spec(self) -> dict[str, Any]:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.lasts),
            "renewTime": _now(),
        }

    async def _patch(self, version: str, spec: dict[str, Any]) -> dict[str, Any]:
        patch = {"metadata": {"resourceVersion": version}, "spec": spec}
        return await self._client.patch(LEASE, self._namespace, self._name, patch)


def _now() -> str:
    """For people who read the Lease; no decision is made from it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
