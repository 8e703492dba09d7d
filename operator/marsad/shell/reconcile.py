"""The one road: whatever happened, compare all that should be with all that is, and write the difference."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable

from marsad.api.conditions import ConditionStatus, ConditionType, Reason
from marsad.api.model import Condition, InvalidObject
from marsad.api.names import FINALIZER
from marsad.core.certificates import due as issue_due
from marsad.core.custody import Patch, rescue
from marsad.core.deletion import DeletionPlan, deletion
from marsad.core.desired import desired
from marsad.core.diff import Plan, plan
from marsad.core.kinds import HEALTHCLUSTER, kind_of
from marsad.core.outcome import Done, Outcome, Refused, Wait
from marsad.core.pods import settling
from marsad.core.secrets import wanted_secrets
from marsad.core.stages import judge
from marsad.core.templates import Templates
from marsad.core.world import Key, Observed
from marsad.shell.apply import Applied, carry_out, delete_all
from marsad.shell.certificates import Certificates
from marsad.shell.memory import Memory
from marsad.shell.observe import Observer
from marsad.shell.queue import QueueKey
from marsad.shell.repair import Repairs
from marsad.shell.secrets import create_secrets
from marsad.shell.statuses import Statuses
from marsad.shell.writer import Writer

log = logging.getLogger(__name__)

HAS_PODS = frozenset({"Deployment", "Job", "Cluster"})  # gone only when their pods are: policies fence them until then
RENEWAL_LOOK = 2.0  # seconds
DELETION_LOOK = 5.0  # seconds between looks at a deletion, besides those that its progress causes


class Reconciler:
    """Reconciles one HealthCluster at a time for each key; keys may run side by side."""

    def __init__(
        self,
        observer: Observer,
        writer: Writer,
        templates: Templates,
        statuses: Statuses,
        *,
        repairs: Repairs,
        certificates: Certificates,
    ) -> None:
        self._observer = observer
        self._writer = writer
        self._templates = templates
        self._statuses = statuses
        self._repairs = repairs
        self._certificates = certificates
        self._memories: defaultdict[QueueKey, Memory] = defaultdict(Memory)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def reconcile(self, key: QueueKey) -> Outcome:
        """One look. Raises ApiError when the server could not be asked, and NotLeader when the Lease was lost."""
        async with self._locks[key[0]]:  # of two HealthClusters in a namespace, each must see what the other got
            return await self._reconcile(key)

    async def _reconcile(self, key: QueueKey) -> Outcome:
        try:
            observed = self._observer.observe(key)
        except InvalidObject as error:
            log.error("the HealthCluster cannot be read: %s", error)
            await self._statuses.unreadable(self._observer.unreadable(key, error))
            return Refused(Reason.INVALID, str(error))
        if observed is None:
            return await self._absent(key)
        if observed.cluster.deleting and FINALIZER in observed.cluster.metadata.finalizers:
            return await self._delete(key, observed)
        return await self._provide(key, observed)

    async def _provide(self, key: QueueKey, observed: Observed) -> Outcome:
        """Bring what exists to what is declared, then say how it is."""
        if due := rescue(observed):
            await self._patch(due)
            observed = self._observer.observe(key) or observed
        memory, done = self._memories[key], Applied()
        observed = await self._certified(key, observed, done)
        wanted = desired(observed, self._templates)
        planned = memory.plan(wanted, observed)
        await self._write(observed, planned, done)
        memory.keep(done.answers)
        if done.written:  # what was written is in the cache: judge the world as it is now
            observed = await self._certificates.look(self._observer.observe(key) or observed)
            planned = memory.plan(wanted, observed)
        if self._observer.renewing():
            return Wait(RENEWAL_LOOK, "a watch is being renewed; status is told after that")
        await self._tell(observed, judge(observed, planned, done.refused))
        repair = await self._repairs.carry_out(observed)
        return next(iter(done.refused.values()), _patience(settling(observed), repair))

    async def _certified(self, key: QueueKey, observed: Observed, done: Applied) -> Observed:
        """The world with what is known of certificates, those issued that are due."""
        observed = await self._certificates.look(observed)
        if (issuing := issue_due(observed)) is None:
            return observed
        await self._hold(observed)
        await self._certificates.issue(observed, issuing, done)
        return await self._certificates.look(self._observer.observe(key) or observed)

    async def _write(self, observed: Observed, planned: Plan, done: Applied) -> None:
        """Everything that is written for a center that is provided, the finalizer first."""
        halted = observed.cluster.spec.paused or observed.cluster.deleting or observed.namespace_going
        if halted or not planned.wanted:
            return
        missing = wanted_secrets(observed)
        if planned.empty and not missing:
            return
        await self._hold(observed)
        await create_secrets(self._writer, missing, done)
        await carry_out(self._writer, planned, observed.objects, done)

    async def _hold(self, observed: Observed) -> None:
        """Add our finalizer, so that nothing we make outlives the knowledge of it."""
        metadata = observed.cluster.metadata
        if FINALIZER not in metadata.finalizers:
            await self._finalizers(observed, [*metadata.finalizers, FINALIZER])

    async def _delete(self, key: QueueKey, observed: Observed) -> Outcome:
        """Carry out the step of the deletion that is due; let the HealthCluster go after the last."""
        step = deletion(observed)
        await self._carry_out(step)
        if step.finished:
            metadata = observed.cluster.metadata
            await self._finalizers(observed, [name for name in metadata.finalizers if name != FINALIZER])
            log.info("the HealthCluster is gone: %s", step.message)
            return Done()
        after = self._observer.observe(key)
        if after is not None:
            await self._tell(after, judge(after, plan((), after, {})))
        return Wait(DELETION_LOOK, step.message)

    async def _carry_out(self, step: DeletionPlan) -> None:
        await self._patch(step.patches)
        await delete_all(self._writer, step.deletes, same_version=False, foreground=HAS_PODS)

    async def _patch(self, patches: Iterable[Patch]) -> None:
        for change in patches:
            key = Key.of(change.live)
            await self._writer.patch(kind_of(key.group, key.kind), key.namespace, key.name, change.patch)
            log.info("patched %s", key)

    async def _finalizers(self, observed: Observed, finalizers: list[str]) -> None:
        metadata = observed.cluster.metadata
        patch = {"metadata": {"resourceVersion": metadata.resource_version, "finalizers": finalizers}}
        await self._writer.patch(HEALTHCLUSTER, metadata.namespace, metadata.name, patch)

    async def _tell(self, observed: Observed, conditions: tuple[Condition, ...]) -> None:
        await self._statuses.cluster(observed, conditions)
        if not _is_rival(conditions):
            await self._statuses.facilities((*observed.facilities, *observed.unreadable), observed)

    async def _absent(self, key: QueueKey) -> Outcome:
        """There is no such HealthCluster (any more): forget it, and tell the Facilities if none is left at all."""
        namespace = key[0]
        self._memories.pop(key, None)
        self._observer.forget(namespace)
        if not self._observer.clusters(namespace):
            await self._statuses.facilities(self._observer.facilities(namespace), None)
        return Done()


def _patience(pods: float | None, repair: float | None) -> Outcome:
    """Look again when time alone will have changed what is to be said or done."""
    waits = [
        Wait(seconds, what)
        for seconds, what in ((pods, "a pod cannot be scheduled"), (repair, "CloudNativePG waits in vain"))
        if seconds is not None
    ]
    return min(waits, key=lambda wait: wait.seconds, default=Done())


def _is_rival(conditions: tuple[Condition, ...]) -> bool:
    return any(
        condition.type == ConditionType.ACCEPTED
        and condition.status is ConditionStatus.FALSE
        and condition.reason == Reason.NAMESPACE_TAKEN
        for condition in conditions
    )
