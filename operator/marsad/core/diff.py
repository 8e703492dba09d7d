"""What differs between desired and live, and so what is to be written and pruned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marsad.core import inventory
from marsad.core.acceptance import refusal
from marsad.core.compare import as_desired, project
from marsad.core.kinds import kind_of
from marsad.core.migration import is_migration, outlived
from marsad.core.stamp import digest, ours
from marsad.core.world import Key, Manifest, Observed

Projection = Any
Learned = Mapping[Key, tuple[str, Projection]]
"""What the API server made of our last apply of each object: (digest applied, `project(desired, response)`)."""


@dataclass(frozen=True)
class Plan:
    """What one pass writes, in this order: inventory, `apply`, `prune`.

    `wanted` is all that should exist. `differs` names what does not exist as it should, even where nothing may be
    written (paused, refused). `foreign` names wanted objects that exist and are not ours: they are left alone.
    `inventory` is the ConfigMap to apply before all else, or None when it is right as it is. `prune` holds live
    objects, for preconditions.
    """

    wanted: tuple[Manifest, ...] = ()
    apply: tuple[Manifest, ...] = ()
    prune: tuple[Manifest, ...] = ()
    inventory: Manifest | None = None
    differs: frozenset[Key] = frozenset()
    foreign: tuple[Key, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.apply or self.prune or self.inventory)


def plan(
    desired: Sequence[Manifest], observed: Observed, learned: Learned, settled: Collection[Key] = frozenset()
) -> Plan:
    """What to write so that what exists becomes `desired`. Writes nothing when refused, paused or deleting.

    Objects in `settled` are not compared: the caller knows that neither they nor what is desired of them have changed
    since they were last found right.
    """
    listed = inventory.inventory(observed)
    wanted = {Key.of(manifest): manifest for manifest in desired}
    foreign = tuple(key for key in wanted if _foreign(key, observed, listed))
    differing = [
        manifest
        for key, manifest in wanted.items()
        if key not in settled and key not in foreign and _differs(key, manifest, observed, learned)
    ]
    differs = frozenset(Key.of(manifest) for manifest in differing)
    cluster = observed.cluster
    halted = cluster.spec.paused or cluster.deleting or observed.namespace_going or refusal(observed) is not None
    if halted or not wanted:
        return Plan(wanted=tuple(desired), differs=differs, foreign=foreign)
    return Plan(
        wanted=tuple(desired),
        apply=tuple(manifest for manifest in differing if not _going(observed.objects.get(Key.of(manifest)))),
        prune=(*_prunable(observed, listed, wanted), *_outlived(observed, wanted)),
        inventory=_inventory(observed, (key for key in wanted if key not in foreign)),
        differs=differs,
        foreign=foreign,
    )


def learn(applied: Manifest, response: Manifest) -> tuple[str, Projection]:
    """What to remember of an apply, for `learned[Key.of(applied)]`."""
    return digest(applied), project(applied, response)


def overwrite(manifest: Manifest, live: Manifest) -> Manifest:
    """A JSON merge patch for an object that server-side apply cannot repair.

    Someone who changed the key of a list's item (the number of a Service's port) owns an item beside ours of the same
    name, and the API server calls the two invalid. A merge patch replaces the whole list; the next apply owns it again.
    """
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}}


def _differs(key: Key, manifest: Manifest, observed: Observed, learned: Learned) -> bool:
    live = observed.objects.get(key)
    if live is None or _going(live):
        return True
    if as_desired(manifest, live):
        return False
    applied, made = learned.get(key, ("", None))
    return applied != digest(manifest) or project(manifest, live) != made


def _foreign(key: Key, observed: Observed, listed: frozenset[inventory.Entry]) -> bool:
    """Whether an object of a wanted name is someone else's: neither labels nor inventory say that it is ours."""
    live = observed.objects.get(key)
    if live is None or not kind_of(key.group, key.kind).namespaced:
        return False
    return not ours(live, observed.cluster) and inventory.entry(key) not in listed


def _prunable(
    observed: Observed, listed: frozenset[inventory.Entry], wanted: Mapping[Key, Manifest]
) -> tuple[Manifest, ...]:
    """Live, ours by label and by inventory, of a kind that may be pruned, and no longer wanted."""
    if not observed.complete:
        return ()
    return tuple(
        live
        for key, live in sorted(observed.objects.items())
        if key not in wanted
        and inventory.entry(key) in listed
        and ours(live, observed.cluster)
        and kind_of(key.group, key.kind).prunable
        and (not kind_of(key.group, key.kind).optional or (key.group, key.kind) in observed.served)
        and not _going(live)
    )


def _outlived(observed: Observed, wanted: Mapping[Key, Manifest]) -> tuple[Manifest, ...]:
    """Jobs of the wanted name whose schema went with another database: they are made anew, and run again."""
    found = (observed.objects.get(key) for key, manifest in wanted.items() if is_migration(manifest))
    jobs = (live for live in found if live is not None and not _going(live) and ours(live, observed.cluster))
    return tuple(job for job in jobs if outlived(observed, job)) if observed.complete else ()


def _going(live: Manifest | None) -> bool:
    """Whether an object is being deleted: what is written to it would not stay, so it is made again once it is gone."""
    return live is not None and live["metadata"].get("deletionTimestamp") is not None


def _inventory(observed: Observed, wanted: Iterable[Key]) -> Manifest | None:
    made = inventory.manifest(observed, inventory.due(observed, wanted))
    live = observed.get("", "ConfigMap", inventory.NAME)
    return None if live is not None and as_desired(made, live) else made
