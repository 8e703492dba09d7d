"""What is remembered of a HealthCluster's objects between two looks, so that a look costs what has changed.

Memory, not truth: without it (after a restart) everything is compared again, and nothing else is different.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from marsad.core.diff import Plan, Projection, learn, plan
from marsad.core.stamp import digest
from marsad.core.world import Key, Manifest, Observed


class Memory:
    """Of one HealthCluster."""

    def __init__(self) -> None:
        self._learned: dict[Key, tuple[str, Projection]] = {}
        self._right: dict[Key, tuple[str, str]] = {}  # digest and resourceVersion that were found to agree

    def plan(self, wanted: Sequence[Manifest], observed: Observed) -> Plan:
        """The plan, comparing only what is not known to be right."""
        digests = {Key.of(manifest): digest(manifest) for manifest in wanted}
        seen = {
            key: (told, live["metadata"]["resourceVersion"])
            for key, told in digests.items()
            if (live := observed.objects.get(key)) is not None
        }
        settled = frozenset(key for key, state in seen.items() if self._right.get(key) == state)
        planned = plan(wanted, observed, self._learned, settled)
        unsettled = planned.differs.union(planned.foreign)
        self._right = {key: state for key, state in seen.items() if key not in unsettled}
        return planned

    def keep(self, answers: Iterable[tuple[Manifest, Manifest]]) -> None:
        """Remember what the server made of what was applied: that is right, however it is written there."""
        for applied, answer in answers:
            key = Key.of(applied)
            self._learned[key] = learn(applied, answer)
            self._right[key] = (digest(applied), answer["metadata"]["resourceVersion"])
