"""The operator's own HTTP port: /metrics for Prometheus, /readyz for the kubelet."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


class Server:
    """Serves until `close`. Ready means that every cache is synced, on the leader and on the standby alike."""

    def __init__(self, registry: CollectorRegistry, unready: Callable[[], str]) -> None:
        self._registry = registry
        self._unready = unready
        application = web.Application()
        application.add_routes([web.get("/metrics", self._metrics), web.get("/readyz", self._readyz)])
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)

    async def open(self, host: str, port: int) -> None:
        """Listen. Raises OSError when the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _readyz(self, _request: web.Request) -> web.Response:
        if missing := self._unready():
            return web.Response(status=503, text=f"waiting for {missing}\n")
        return web.Response(text="ok\n")
