"""The incremental engine: which facts to read again after which cause, and which figures to write.

    full     everything: at the start, after a reconnect, after a failed pass, when the registry changed
    touched  the facts of the named facilities; their figures and the cluster's
    tick     what changes by the passing of time alone: the rolling windows and freshness of every facility; once a
             minute their history, too

Facts of all facilities are kept in memory (counts and durations, no rows), so a pass costs what it touches. The result
equals a recomputation from scratch; a property test holds it to that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from marsad_center.db import Connection
from marsad_center.indicators import coverage, expected, history, queries, store, vaccination
from marsad_center.indicators.catalogue import Indicator, adjusted, catalogue
from marsad_center.indicators.facts import Facts
from marsad_center.indicators.figures import CLUSTER, Figure, figures
from marsad_center.indicators.measure import Moment
from marsad_center.registry import Center, Retention


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass did: figures computed and written, events measured, longest wait from receipt to figure."""

    computed: int
    written: int
    measured: int = 0
    longest_lag: float = 0.0


class _Begun(NamedTuple):
    """When a pass began: `now`, and by the clock that only goes forward."""

    now: datetime
    at: float


class Engine:
    """Not safe for concurrent passes: the service runs one at a time.

    A pass is given the time at which it begins; `seconds`, a clock that only goes forward, tells when it was over.
    """

    def __init__(
        self, entries: Mapping[str, Indicator] | None = None, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._unsampled: list[store.Taken] = []
        self._defaults = catalogue() if entries is None else entries
        self._catalogue = self._defaults
        self._facts: dict[str, Facts] = {}
        self._platforms: Mapping[str, list[str]] = {}
        self._written: dict[tuple[str, str], Figure] = {}
        self._complete = False
        self._recorded: datetime | None = None
        self._kept: datetime | None = None
        self.objective_seconds = 120.0
        self._retention, self._zone = Retention(), "UTC"

    def declared(self, center: Center) -> None:
        """Take over what the declaration says of figures; the next pass is a full one."""
        self.objective_seconds = float(center.freshness_objective_seconds)
        self._catalogue = adjusted(self._defaults, center.indicators)
        self._retention, self._zone, self._kept = center.history, center.time_zone, None
        self.invalidate()

    @property
    def facts(self) -> Mapping[str, Facts]:
        """By facility, as of the last pass."""
        return self._facts

    def invalidate(self) -> None:
        """Make the next pass a full one (after a lost connection: notifications may have been lost with it, and what
        answers next may be another database, with partitions of its own)."""
        self._complete, self._kept = False, None

    async def touched(self, connection: Connection, codes: Collection[str], now: datetime) -> Pass:
        """Recompute the facilities `codes` and the cluster; everything when nothing is known yet."""
        if not self._complete or not self._facts.keys() >= set(codes):
            return await self.full(connection, now)
        return await self._guarded(connection, sorted(codes), self._begin(now), windowed_only=False)

    async def tick(self, connection: Connection, now: datetime) -> Pass:
        """Recompute what rolls with the clock; everything when the registry changed."""
        begun = self._begin(now)
        declared = await queries.facilities(connection)
        if not self._complete or declared != {code: facts.facility for code, facts in self._facts.items()}:
            done = await self.full(connection, now)
        else:
            if missed := await store.waiting(connection):
                await self._guarded(connection, missed, begun, windowed_only=False)
            await store.forget(connection, now)
            done = await self._guarded(connection, sorted(self._facts), begun, windowed_only=True)
        await self._record(connection, now)
        return done

    async def _record(self, connection: Connection, now: datetime) -> None:
        """The history, once a minute. Where partitions cannot be had at once, the next minute tries again."""
        minute = now.replace(second=0, microsecond=0)
        if minute == self._recorded:
            return
        if self._kept is None or not self._kept <= now < self._kept + history.HOUR:
            if not await history.keep(connection, now, self._retention):
                return
            self._kept = now
        mine = [each for each in self._written.values() if self._catalogue[each.id].maker == "figures"]
        await history.record(connection, mine, now, self._zone)
        self._recorded = minute

    async def full(self, connection: Connection, now: datetime) -> Pass:
        """Recompute everything from the tables alone; delete figures of what is gone."""
        begun = self._begin(now)
        self._complete = True  # at the start: an invalidation that comes during the pass must outlive it
        try:
            declared = await queries.facilities(connection)
            self._facts = {code: Facts(facility) for code, facility in declared.items()}
            self._platforms = coverage.eligible(declared.values())
            self._written = await store.written(connection)
            codes = sorted({*declared, *await store.waiting(connection)})
        except BaseException:
            self.invalidate()
            raise
        done = await self._guarded(connection, codes, begun, windowed_only=False, everything=True)
        await self.expect(connection, now)
        return done

    async def expect(self, connection: Connection, now: datetime) -> None:
        """Make figures of the newest forecasts, or of their absence."""
        await expected.publish(connection, self._catalogue, Moment(now, self.objective_seconds))

    def _begin(self, now: datetime) -> _Begun:
        return _Begun(now, self._seconds())

    async def _guarded(
        self, connection: Connection, codes: list[str], begun: _Begun, *, windowed_only: bool, everything: bool = False
    ) -> Pass:
        try:
            await self._measure(connection, begun)  # what a pass took that then failed to say how old it was
            done = await self._pass(connection, codes, begun.now, windowed_only=windowed_only, everything=everything)
            measured = await self._measure(connection, begun)
        except BaseException:
            self.invalidate()  # memory may be ahead of what was committed
            raise
        return replace(done, measured=measured.events, longest_lag=measured.longest_lag)

    async def _measure(self, connection: Connection, begun: _Begun) -> store.Measured:
        """How old the events of the last pass were when its figures were committed: known only now, and in the figure
        of freshness with the next pass. Until it is written they are kept; only the end of the process loses them."""
        if not self._unsampled:
            return store.Measured(0, 0.0)
        shown = begun.now + timedelta(seconds=self._seconds() - begun.at)
        async with connection.transaction():
            measured = await store.measure(connection, self._unsampled, shown, self.objective_seconds)
        self._unsampled = []
        return measured

    async def _pass(
        self, connection: Connection, codes: list[str], now: datetime, *, windowed_only: bool, everything: bool
    ) -> Pass:
        async with connection.transaction():
            taken = [] if windowed_only else await store.take(connection, codes)
            known = [code for code in codes if code in self._facts]
            await self._read(connection, known, now, windowed_only=windowed_only)
            vaccinated = await vaccination.read(connection, [each.facility for each in self._facts.values()])
            computed = self._compute(known, Moment(now, self.objective_seconds, self._platforms, vaccinated))
            changed = [each for each in computed if not each.same(self._written.get((each.id, each.facility)))]
            gone = self._gone(computed) if everything else set()
            await store.write(connection, changed)
            await store.detail(
                connection,
                [each for each in changed if not each.same_detail(self._written.get((each.id, each.facility)))],
            )
            await store.remove(connection, gone)
            if windowed_only or everything:
                await store.pulse(connection, now)
            hinted = {each.facility for each in changed} | {facility for _, facility in gone}
            if taken or windowed_only:
                hinted |= {*known}  # counters of feeds may have changed where no figure did
            if hinted:
                await store.notify(connection, hinted)
        self._unsampled += taken
        self._written.update({(each.id, each.facility): each for each in changed})
        for key in gone:
            del self._written[key]
        return Pass(len(computed), len(changed))

    async def _read(self, connection: Connection, codes: list[str], now: datetime, *, windowed_only: bool) -> None:
        recent = await queries.recent(connection, codes, now)
        present = {} if windowed_only else await queries.present(connection, codes)
        for code in codes:
            facts = replace(self._facts[code], recent=recent[code])
            self._facts[code] = replace(facts, present=present[code]) if code in present else facts

    def _gone(self, computed: list[Figure]) -> set[tuple[str, str]]:
        """What is stored and no more computed; not what others make, unless its facility is gone."""
        return {
            (id_, facility)
            for id_, facility in set(self._written) - {(each.id, each.facility) for each in computed}
            if id_ not in self._catalogue
            or self._catalogue[id_].maker == "figures"
            or facility not in {CLUSTER, *self._facts}
        }

    def _compute(self, codes: list[str], moment: Moment) -> list[Figure]:
        result = []
        for code in codes:
            result += figures(code, [self._facts[code]], self._catalogue, moment)
        return result + figures(CLUSTER, list(self._facts.values()), self._catalogue, moment)
