"""Gathers the world of one HealthCluster from the cache, once, before anything is judged."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

from marsad.api.facility import AnyFacility, Facility, UnreadableFacility
from marsad.api.healthcluster import HealthCluster, UnreadableHealthCluster
from marsad.api.model import InvalidObject, Resource
from marsad.core.kinds import FACILITY, HEALTHCLUSTER, WATCHED, Kind
from marsad.core.world import Key, Manifest, Observed, Platform
from marsad.shell.cache import Cache
from marsad.shell.queue import QueueKey
from marsad.shell.report import Reports

log = logging.getLogger(__name__)
GRACE = 20.0  # seconds for a watch to come back before status says Unknown
Parsed = TypeVar("Parsed", bound=Resource)


class Observer:
    """Answers from memory; nothing here asks the API server."""

    def __init__(self, cache: Cache, reports: Reports, platform: Platform) -> None:
        self._cache = cache
        self._reports = reports
        self._platform = platform
        self._parsed: dict[Key, tuple[str, Resource]] = {}  # by resourceVersion: reading a model costs more than a look

    def observe(self, key: QueueKey) -> Observed | None:
        """The world of a HealthCluster as known now, or None when there is no such HealthCluster.

        Raises InvalidObject when the HealthCluster itself cannot be read.
        """
        namespace, name = key
        live = self._cache.get(_key(HEALTHCLUSTER, namespace, name))
        if live is None:
            return None
        facilities = self.facilities(namespace)
        rivals = (item for item in self._of(HEALTHCLUSTER, namespace) if item["metadata"]["name"] != name)
        return Observed(
            cluster=self._parse(HealthCluster, live),
            platform=self._platform,
            now=datetime.now(UTC),
            objects=self._cache.namespace(namespace),
            rivals=tuple(self._readable(rivals)),
            facilities=tuple(one for one in facilities if isinstance(one, Facility)),
            unreadable=tuple(one for one in facilities if isinstance(one, UnreadableFacility)),
            served=self._cache.served(),
            report=self._reports.get(key),
            complete=self._cache.complete(WATCHED),
        )

    def unreadable(self, key: QueueKey, error: InvalidObject) -> UnreadableHealthCluster:
        """What can be known of a HealthCluster that `observe` could not read."""
        live = self._cache.get(_key(HEALTHCLUSTER, *key))
        return UnreadableHealthCluster.parse({**(live or {}), "fault": f"It cannot be read: {error}."})

    def renewing(self) -> bool:
        """Whether a watch was cut a moment ago and is being renewed: no time to tell anyone that nothing is known."""
        return 0 < self._cache.stale_for() < GRACE

    def facilities(self, namespace: str) -> tuple[AnyFacility, ...]:
        """The Facilities of a namespace, those being deleted included."""
        return tuple(self._facility(item) for item in self._of(FACILITY, namespace))

    def clusters(self, namespace: str) -> tuple[str, ...]:
        """The names of the HealthClusters of a namespace."""
        return tuple(item["metadata"]["name"] for item in self._of(HEALTHCLUSTER, namespace))

    def _of(self, kind: Kind, namespace: str) -> list[Manifest]:
        return self._cache.within(namespace, kind)

    def _facility(self, item: Manifest) -> AnyFacility:
        if (known := self._known(UnreadableFacility, item)) is not None:
            return known
        try:
            return self._parse(Facility, item)
        except InvalidObject as error:
            log.warning("Facility/%s cannot be read: %s", item["metadata"]["name"], error)
            return self._keep(item, UnreadableFacility.parse({**item, "fault": f"It cannot be read: {error}."}))

    def _readable(self, rivals: Iterable[Manifest]) -> Iterable[HealthCluster]:
        for item in rivals:
            try:
                yield self._parse(HealthCluster, item)
            except InvalidObject as error:
                log.warning("HealthCluster/%s cannot be read: %s", item["metadata"]["name"], error)

    def _parse(self, model: type[Parsed], item: Manifest) -> Parsed:
        return self._known(model, item) or self._keep(item, model.parse(item))

    def _known(self, model: type[Parsed], item: Manifest) -> Parsed | None:
        version, parsed = self._parsed.get(Key.of(item), ("", None))
        return parsed if version == item["metadata"]["resourceVersion"] and isinstance(parsed, model) else None

    def _keep(self, item: Manifest, parsed: Parsed) -> Parsed:
        self._parsed[Key.of(item)] = (item["metadata"]["resourceVersion"], parsed)
        return parsed

    def forget(self, namespace: str) -> None:
        """Drop what was read of objects of the namespace that are gone."""
        gone = [key for key in self._parsed if key.namespace == namespace and self._cache.get(key) is None]
        for key in gone:
            del self._parsed[key]


def _key(kind: Kind, namespace: str, name: str) -> Key:
    return Key(kind.group, kind.kind, namespace, name)
