"""What exists, in memory: lists and watches with replace semantics.

A relist *replaces* what was known of a kind: an object deleted while the watch was cut vanishes (kopf's index keeps
such ghosts). A list that fails, or fails in the middle, changes nothing and makes the cache incomplete; it never counts
as empty. Everything is keyed by namespace, because one reconcile looks at one namespace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from marsad.api.names import LABEL_HEALTHCLUSTER
from marsad.core.kinds import Kind
from marsad.core.world import Key, Manifest
from marsad.shell.metrics import Metrics

Listener = Callable[[Kind, Manifest], None]
"""Called with the new object (or the last known one after a deletion) whenever the cache changed."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
WHOLE = frozenset({"HealthCluster", "Facility", "Namespace", "ResourceQuota", "LimitRange", "Cluster"})
"""Kinds kept whole even when they are not ours: others' quotas bear on us, too."""


class Cache:
    """Live objects of the watched kinds. Not thread-safe; lives in one event loop."""

    def __init__(self, metrics: Metrics, listener: Listener = lambda _kind, _manifest: None) -> None:
        self.listener = listener
        self._metrics = metrics
        self._objects: dict[str, dict[Key, Manifest]] = {}  # by namespace; "" holds Namespaces
        self._by_kind: dict[tuple[str, str], set[Key]] = {}
        self._current: dict[tuple[str, str], bool] = {}  # False: listed once, but the last list or watch failed
        self._absent: set[tuple[str, str]] = set()  # optional kinds the server does not offer
        self._heard: dict[tuple[str, str], int] = {}  # newest version that a list or watch told
        self._stale_since: dict[tuple[str, str], float] = {}

    # What others read

    def get(self, key: Key) -> Manifest | None:
        """The live object, or None."""
        return self._objects.get(key.namespace, {}).get(key)

    def reached(self, key: Key, version: str) -> bool:
        """Whether what is known of an object is of that resource version, or of a newer one."""
        return (known := self.get(key)) is not None and _version(known) >= _number(version)

    def namespace(self, name: str) -> Mapping[Key, Manifest]:
        """A snapshot of everything known in one namespace, with the Namespace itself."""
        found = dict(self._objects.get(name, {}))
        itself = Key("", "Namespace", "", name)
        if (live := self.get(itself)) is not None:
            found[itself] = live
        return found

    def within(self, namespace: str, kind: Kind) -> list[Manifest]:
        """The live objects of a kind in one namespace, by name."""
        found = self._objects.get(namespace, {})
        return [found[key] for key in sorted(key for key in found if (key.group, key.kind) == _id(kind))]

    def all_of(self, kind: Kind) -> list[Manifest]:
        """Every live object of a kind, in all namespaces."""
        return [self._objects[key.namespace][key] for key in sorted(self._by_kind.get(_id(kind), ()))]

    def served(self) -> frozenset[tuple[str, str]]:
        """(group, kind) of what is watched and was listed at least once."""
        return frozenset(self._current)

    def synced(self, kinds: Iterable[Kind]) -> bool:
        """Whether each kind was listed completely at least once (or is optional and known to be absent)."""
        return all(_id(kind) in self._current or _id(kind) in self._absent for kind in kinds)

    def complete(self, kinds: Iterable[Kind]) -> bool:
        """Whether each kind is current: no list or watch of it has failed since the last success."""
        return all(self._current.get(_id(kind), _id(kind) in self._absent) for kind in kinds)

    def stale_for(self) -> float:
        """Seconds since the first kind that is not current now was; 0 when all are."""
        return time.monotonic() - min(self._stale_since.values()) if self._stale_since else 0.0

    # What watches and writes bring in

    def replace(self, kind: Kind, items: Iterable[Manifest], version: str) -> None:
        """Take a complete list of that resource version: what is not in it, and not newer, is gone."""
        found = {Key.of(item): item for item in items}
        self._heard[_id(kind)] = listed = _number(version)
        for key in self._by_kind.get(_id(kind), set()) - found.keys():
            if _version(self._objects[key.namespace][key]) <= listed:
                self._remove(kind, key)
        for key, item in found.items():
            if (known := self.get(key)) is None or _version(item) >= _version(known):
                self._store(kind, key, item)
        first = not self._current.get(_id(kind), False)
        self._absent.discard(_id(kind))
        self.mark(kind, current=True)
        if first:  # what waited for this kind to be known may go on
            self.listener(kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}})

    def hear(self, kind: Kind, event: str, item: Manifest) -> None:
        """Take an event of a watch: ADDED, MODIFIED or DELETED."""
        self._heard[_id(kind)] = _version(item)
        if event == "DELETED":
            self._remove(kind, Key.of(item))
        elif (known := self.get(Key.of(item))) is None or _version(item) >= _version(known):
            self._store(kind, Key.of(item), item)

    def wrote(self, kind: Kind, answer: Manifest) -> None:
        """Take the answer to a write of ours, ahead of its echo.

        If the watch is past it already, the watch knows better: the object may be gone since.
        """
        newest = self._heard.get(_id(kind), 0)
        if (known := self.get(Key.of(answer))) is not None:
            newest = max(newest, _version(known))
        if _version(answer) > newest:
            self._store(kind, Key.of(answer), answer)

    def mark(self, kind: Kind, *, current: bool) -> None:
        """Say whether what is known of a kind is current; a kind never listed stays unknown."""
        if current or _id(kind) in self._current:
            self._current[_id(kind)] = current
        if current:
            self._stale_since.pop(_id(kind), None)
        else:
            self._stale_since.setdefault(_id(kind), time.monotonic())
        self._metrics.synced.labels(kind.kind).set(float(current))
        self._metrics.cached.labels(kind.kind).set(len(self._by_kind.get(_id(kind), ())))

    def forget(self, kind: Kind) -> None:
        """The server does not offer this optional kind (any more): nothing of it exists."""
        known = _id(kind) in self._current
        for key in list(self._by_kind.get(_id(kind), ())):
            self._remove(kind, key)
        self._current.pop(_id(kind), None)
        self._stale_since.pop(_id(kind), None)
        if known or _id(kind) not in self._absent:
            self._absent.add(_id(kind))
            self.listener(kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}})

    def _store(self, kind: Kind, key: Key, item: Manifest) -> None:
        within = self._objects.setdefault(key.namespace, {})
        known = within.get(key)
        if known is not None and _version(known) == _version(item):
            return  # the echo of our own write, or a relist
        within[key] = lean(kind, item)
        self._by_kind.setdefault(_id(kind), set()).add(key)
        self.listener(kind, within[key])

    def _remove(self, kind: Kind, key: Key) -> None:
        within = self._objects.get(key.namespace, {})
        gone = within.pop(key, None)
        self._by_kind.get(_id(kind), set()).discard(key)
        if not within:
            self._objects.pop(key.namespace, None)
        if gone is not None:
            self.listener(kind, gone)


def lean(kind: Kind, item: Manifest) -> Manifest:
    """The object without what nobody reads: managed fields, kubectl's copy, and the content of others' objects."""
    metadata = {name: value for name, value in item["metadata"].items() if name != "managedFields"}
    if LAST_APPLIED in (annotations := metadata.get("annotations", {})):
        metadata["annotations"] = {name: value for name, value in annotations.items() if name != LAST_APPLIED}
    ours = LABEL_HEALTHCLUSTER in metadata.get("labels", {}) or kind.kind in WHOLE
    if ours and not (kind.metadata_only or kind.status_only):
        return {**item, "metadata": metadata}
    if kind.status_only:
        metadata.pop("annotations", None)  # CloudNativePG keeps a copy of the whole pod there
    told = {"status": item.get("status") or {}} if ours and kind.status_only else {}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata, **told}


def _id(kind: Kind) -> tuple[str, str]:
    return (kind.group, kind.kind)


def _version(item: Manifest) -> int:
    """Resource versions are ordered numbers (Kubernetes 1.35 made that a promise; etcd always did)."""
    return _number(item["metadata"].get("resourceVersion", ""))


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0
