"""The work of a forecast, done in a process of the lowest priority that exists only while there is some."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from types import TracebackType
from zoneinfo import ZoneInfo

from marsad_center.forecast import arrivals, occupancy
from marsad_center.forecast.outlook import ARRIVALS, Forecast
from marsad_center.forecast.series import Hours

Trained = arrivals.Trained | occupancy.Trained
Made = tuple[Forecast, Trained | None]

_NICE = 10
_LITTLE = 24 * min(arrivals.REQUIRED_DAYS, occupancy.REQUIRED_DAYS)  # hours; with fewer there is nothing to compute


def compute(id: str, facility: str, hours: Hours, zone: ZoneInfo, now: datetime, trained: Trained | None) -> Made:  # noqa: PLR0917 - its arguments cross processes
    """The forecast `id` of `facility`, and what training found."""
    if id == ARRIVALS:
        return arrivals.forecast(facility, hours, zone, now, trained if isinstance(trained, arrivals.Trained) else None)
    return occupancy.forecast(facility, hours, zone, now, trained if isinstance(trained, occupancy.Trained) else None)


class Work:
    """`with Work() as work: await work.compute(...)`. The process starts when first needed and ends with the block."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Work:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def compute(
        self, id: str, facility: str, hours: Hours, zone: ZoneInfo, now: datetime, *, trained: Trained | None
    ) -> Made:
        """As `compute`, elsewhere; here, where the history is too short to be worth a process."""
        if len(hours.values) < _LITTLE:
            return compute(id, facility, hours, zone, now, trained)
        if self._pool is None:
            # Spawned, not forked: a copy of this process would hold its connections and event loop.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=os.nice, initargs=(_NICE,))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, compute, id, facility, hours, zone, now, trained)
