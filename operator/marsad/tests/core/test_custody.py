"""Somebody deletes the database of a center that stays: no volume goes with it, and the next one gets its schema."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from marsad.api.names import FINALIZER
from marsad.core.custody import HALT, rescue
from marsad.core.diff import plan
from marsad.core.stages import judge
from marsad.core.world import Key, Manifest, Observed
from marsad.tests.core.test_deletion import CLAIMS, CLUSTER, claim
from marsad.tests.core.worlds import changed, cluster, kinds, provided, wanted, with_objects, without

GONE = "2026-03-01T11:59:00Z"


def hit(**spec: Any) -> Observed:
    """A center whose Cluster was told to go a minute ago, with its volumes; `spec` is changed after it was provided."""
    observed = replace(provided(), cluster=cluster(**spec))
    live = changed(observed.objects[CLUSTER], "metadata.deletionTimestamp", GONE)
    return with_objects(observed, live, claim("database-1"), claim("database-2"))


def after(observed: Observed) -> Observed:
    """The world once the due patches are in force."""
    objects = dict(observed.objects)
    for change in rescue(observed):
        live = objects[Key.of(change.live)]
        merged = {**live["metadata"]}
        for name, value in change.patch["metadata"].items():
            merged[name] = {**merged.get(name, {}), **value} if isinstance(value, dict) else value
        objects[Key.of(live)] = {**live, "metadata": merged}
    return replace(observed, objects=objects)


def patched(observed: Observed) -> set[Key]:
    return {Key.of(change.live) for change in rescue(observed)}


def test_the_engine_is_halted_then_every_volume_released_and_only_then_the_cluster_may_go() -> None:
    observed = hit()
    assert FINALIZER in observed.objects[CLUSTER]["metadata"]["finalizers"]
    assert [dict(change.patch["metadata"]["annotations"]) for change in rescue(observed)] == [HALT]
    observed = after(observed)
    assert patched(observed) == CLAIMS
    observed = after(observed)
    assert not any(observed.objects[at]["metadata"]["ownerReferences"] for at in CLAIMS)
    assert patched(observed) == {CLUSTER}
    observed = after(observed)
    assert observed.objects[CLUSTER]["metadata"]["finalizers"] is None
    assert rescue(observed) == ()


def test_nothing_is_rescued_that_nobody_deletes_or_while_it_is_told_to_wait() -> None:
    assert rescue(with_objects(provided(), claim("database-1"))) == ()
    assert rescue(hit(paused=True)) == ()
    assert rescue(replace(hit(), complete=False)) == (), "a volume that is not seen could still be the Cluster's"


def test_what_is_going_is_not_written_and_status_says_what_becomes_of_the_volumes() -> None:
    observed = hit()
    step = plan(wanted(observed), observed, {})
    assert CLUSTER not in {Key.of(manifest) for manifest in step.apply}
    ready = next(one for one in judge(observed, step) if one.type == "DatabaseReady")
    assert (ready.status, ready.reason) == ("False", "Provisioning")
    assert "Its volumes stay" in ready.message


class TestTheSchemaOfAnotherDatabase:
    """A Job that ended before the present Cluster was made brought its schema to one that is no more."""

    def migrated(self, ended: str, made: str) -> tuple[Observed, Manifest]:
        observed = provided()
        live = changed(observed.objects[CLUSTER], "metadata.creationTimestamp", made)
        [job] = kinds(wanted(observed), "Job").values()
        ran = observed.objects[Key.of(job)] | {"status": {"succeeded": 1, "completionTime": ended}}
        return with_objects(observed, live, ran), ran

    def test_its_job_is_replaced_and_the_database_is_not_ready_before(self) -> None:
        observed, job = self.migrated("2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z")
        step = plan(wanted(observed), observed, {})
        assert [Key.of(doomed) for doomed in step.prune] == [Key.of(job)]
        ready = next(one for one in judge(observed, step) if one.type == "DatabaseReady")
        assert (ready.status, ready.reason) == ("False", "MigrationRunning")
        observed = without(observed, Key.of(job))
        assert Key.of(job) in {Key.of(manifest) for manifest in plan(wanted(observed), observed, {}).apply}

    def test_a_job_that_ended_after_the_cluster_was_made_stays(self) -> None:
        observed, _job = self.migrated("2026-03-01T10:00:40Z", "2026-03-01T10:00:00Z")
        step = plan(wanted(observed), observed, {})
        assert step.prune == ()
        assert next(one for one in judge(observed, step) if one.type == "DatabaseReady").status == "True"
