"""Wires the parts into one running operator: watches, election, and the leader's queue and polls.

Leader and standby alike keep their caches warm and answer probes. Only the leader has a queue that runs and a fence
that is open; losing the Lease cancels its work, an orderly end lets the work finish and then gives the Lease back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine

import marsad
from marsad.core.kinds import FACILITY, HEALTHCLUSTER, NAMESPACE, WATCHED, Kind
from marsad.core.outcome import Outcome, Refused, Wait
from marsad.core.templates import load
from marsad.core.world import Key, Manifest
from marsad.shell import log as logs
from marsad.shell.cache import Cache
from marsad.shell.certificates import Certificates
from marsad.shell.client import Client
from marsad.shell.connection import Connection
from marsad.shell.errors import ApiError
from marsad.shell.lease import Elector, Fence, NotLeader
from marsad.shell.metrics import Metrics
from marsad.shell.observe import Observer
from marsad.shell.queue import Queue, QueueKey, TryAgain, jittered
from marsad.shell.reconcile import Reconciler
from marsad.shell.repair import Repairs
from marsad.shell.report import Reports
from marsad.shell.serve import Server
from marsad.shell.settings import Settings
from marsad.shell.statuses import Statuses
from marsad.shell.watch import Watches
from marsad.shell.writer import Writer

log = logging.getLogger(__name__)


class Runtime:
    """One operator process. `ended` is set when it must end: after `stop`, or with `failed` when a part broke."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self.metrics = metrics = Metrics()
        self.client = Client(connection, user_agent=f"marsad/{marsad.__version__} ({settings.identity})")
        self.cache = Cache(metrics, self._changed)
        self.fence = Fence()
        self.failed = False
        self.ended = asyncio.Event()
        self.reports = Reports(settings.report_url, settings.poll, self.keys, self._answered, metrics)
        writer = Writer(self.client, self.fence, self.cache, metrics, at_once=settings.writes_at_once)
        observer = Observer(self.cache, self.reports, settings.platform)
        statuses = Statuses(writer, settings.identity)
        repairs = Repairs(writer, metrics, settings.identity)
        certificates = Certificates(self.client, writer)
        self._reconciler = Reconciler(
            observer, writer, load(settings.templates), statuses, repairs=repairs, certificates=certificates
        )
        self._queue: Queue | None = None
        self._elector = Elector(
            self.client,
            self.fence,
            namespace=settings.platform.operator_namespace,
            name=settings.lease_name,
            identity=settings.identity,
            on_change=self._lead,
            times=settings.lease,
        )
        self._leading: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._server = Server(metrics.registry, self.unready)
        metrics.report_conditions(lambda: self.cache.all_of(HEALTHCLUSTER) if self.fence.open else ())

    # The life of the process

    async def start(self) -> None:
        """Begin to watch, to answer probes and to stand for election. Raises OSError when a port is taken."""
        await self.client.__aenter__()
        await self._server.open(self._settings.host, self._settings.metrics_port)
        self._spawn(Watches(self.client, self.cache, WATCHED, self.metrics).run(), "watches")
        self._spawn(self._stand(), "election")

    async def stop(self) -> None:
        """End in order: finish the looks under way, then give the Lease back, then close."""
        drained = await self._queue.drain() if self._queue is not None else True
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._end_leading()
        if drained:  # else a write may still be on its way, and the Lease must run out
            await self._elector.release()
        await self._server.close()
        await self.client.__aexit__(None, None, None)
        self.ended.set()

    def unready(self) -> str:
        """What is still awaited before this process is of use, for people; empty when it is ready."""
        return ", ".join(kind.plural for kind in WATCHED if not self.cache.synced((kind,)))

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.critical("%s ended, so the process must", task.get_name(), exc_info=task.exception())
            self.failed = True
            self.ended.set()

    # Leading

    async def _stand(self) -> None:
        """Stand for election once the cache is whole: a leader that knows nothing would only hold things up."""
        while self.unready():  # noqa: ASYNC110 (many kinds, one moment, at start only)
            await asyncio.sleep(0.05)
        log.info("caches are synced")
        await self._elector.run()

    def _lead(self, leads: bool) -> None:
        self.metrics.leader.set(leads)
        if leads:
            self._leading = asyncio.create_task(self._work(self._leading), name="leader")
            self._leading.add_done_callback(self._ended)
        elif self._leading is not None:
            self._leading.cancel()

    async def _work(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:  # of an earlier term
            await asyncio.gather(before, return_exceptions=True)
        queue = Queue(self._look, workers=self._settings.workers, on_depth=self.metrics.queue_depth.set)
        self._queue = queue
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(queue.run())
                group.create_task(self.reports.run())
                for key in self.keys():
                    queue.add(key, "leading")
                for namespace in {item["metadata"]["namespace"] for item in self.cache.all_of(FACILITY)}:
                    self._add_all(namespace, "leading")
        finally:
            self._queue = None

    async def _end_leading(self) -> None:
        if self._leading is not None:
            self._leading.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._leading

    # What is looked at, and why

    def keys(self) -> list[QueueKey]:
        """Every HealthCluster that exists."""
        return [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in self.cache.all_of(HEALTHCLUSTER)]

    def nudge(self, namespace: str, name: str, cause: str) -> None:
        """Ask for a look at a HealthCluster. Does nothing on a standby."""
        if self._queue is not None:
            self._queue.add((namespace, name), cause)

    def heard(self, namespace: str, name: str, version: str) -> None:
        """Someone else heard of a version of a HealthCluster: look at it, unless our own cache is as far already."""
        if not self.cache.reached(Key(HEALTHCLUSTER.group, HEALTHCLUSTER.kind, namespace, name), version):
            self.nudge(namespace, name, "HealthCluster heard of")

    def _add_all(self, namespace: str, cause: str) -> None:
        clusters = self.cache.within(namespace, HEALTHCLUSTER)
        for cluster in clusters:
            self.nudge(namespace, cluster["metadata"]["name"], cause)
        if not clusters and self.cache.within(namespace, FACILITY):
            self.nudge(namespace, "", cause)  # Facilities without a HealthCluster are told so

    def _changed(self, kind: Kind, item: Manifest) -> None:
        """The cache changed: look at the HealthCluster of that namespace."""
        if self._queue is None:
            return
        metadata = item["metadata"]
        if not metadata:  # the kind as a whole became known, current, or absent
            for namespace, name in self.keys():
                self.nudge(namespace, name, f"{kind.plural} listed")
            return
        namespace = metadata["name"] if kind is NAMESPACE else metadata.get("namespace", "")
        if kind is HEALTHCLUSTER:
            self.nudge(namespace, metadata["name"], "HealthCluster changed")
        self._add_all(namespace, f"{kind.kind}/{metadata['name']} changed")

    def _answered(self, key: QueueKey) -> None:
        self.nudge(*key, cause="center reported")

    async def _look(self, key: QueueKey, causes: tuple[str, ...]) -> float | None:
        """One reconcile, measured and logged; how long until the next is due by itself."""
        began = time.monotonic()
        with logs.about(*key, causes):
            try:
                outcome = await self._reconciler.reconcile(key)
            except (ApiError, NotLeader) as error:
                self.metrics.reconciles.labels("failed").inc()
                raise TryAgain(str(error)) from error
            except Exception:
                self.metrics.reconciles.labels("fault").inc()
                raise
            finally:
                self.metrics.duration.observe(time.monotonic() - began)
            self.metrics.reconciles.labels(type(outcome).__name__.lower()).inc()
            return self._next(key, outcome)

    def _next(self, key: QueueKey, outcome: Outcome) -> float | None:
        if key not in self.keys():
            return None
        match outcome:
            case Wait(seconds=seconds, reason=reason):
                log.debug("again in %s s: %s", seconds, reason)
                return seconds
            case Refused(message=message):
                raise TryAgain(message)
            case _:
                return jittered(self._settings.resync)
