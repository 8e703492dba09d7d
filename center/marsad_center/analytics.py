"""`python -m marsad_center analytics`: the process that makes figures of facts, and recommendations of figures."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY, CollectorRegistry

from marsad_center.indicators import service as figures
from marsad_center.recommendations.service import Follower
from marsad_center.settings import Settings


async def run(settings: Settings, *, metrics_registry: CollectorRegistry = REGISTRY) -> None:
    """The component, until cancelled: figures with probes and metrics, and beside them what follows figures."""
    async with asyncio.TaskGroup() as group:
        group.create_task(figures.run(settings, metrics_registry=metrics_registry))
        group.create_task(Follower(settings, metrics_registry).run())
