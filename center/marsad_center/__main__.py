"""`python -m marsad_center migrate|gateway|analytics|dashboard`: one image, one entry point a component.

Each component is a coroutine that takes Settings and runs until it is cancelled. SIGTERM and SIGINT cancel it once; it
cleans up in its own `finally` blocks (stop accepting, finish what is in flight, close) and returns or lets the
cancellation out. The modules are imported only when asked for, so a gateway never loads the dashboard.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop

from marsad_center import __version__, ops
from marsad_center.settings import COMPONENTS, Component, Settings, SettingsError, from_environment

Run = Callable[[Settings], Awaitable[None]]

_ENTRY_POINTS: dict[Component, str] = {
    "migrate": "marsad_center.facts.migrate:run",
    "gateway": "marsad_center.gateway.service:run",
    "analytics": "marsad_center.analytics:run",
    "dashboard": "marsad_center.web.service:run",
}


UPKEEP = ("quarantine", "codes", "reprocess", "reseal")
_UPKEEP = "marsad_center.gateway.upkeep.command"


def main(arguments: list[str]) -> int:
    """Run the component named by the only argument, or a command of upkeep (`quarantine`, `codes`, `reprocess`,
    `reseal`) with its own. 0 after a clean end, 1 after a failure, 2 for wrong usage."""
    if arguments and arguments[0] in UPKEEP:
        run_command: Callable[[list[str]], int] = importlib.import_module(_UPKEEP).main
        return run_command(arguments)
    if len(arguments) != 1 or arguments[0] not in COMPONENTS:
        sys.stderr.write(f"usage: python -m marsad_center {'|'.join((*COMPONENTS, *UPKEEP))}\n")
        return 2
    component = next(name for name in COMPONENTS if name == arguments[0])
    try:
        settings = from_environment(component, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    ops.configure_logging(component, settings.log_level)
    log = logging.getLogger("marsad_center")
    log.info("starting", extra={"version": __version__})
    module_name, function_name = _ENTRY_POINTS[component].split(":")
    run: Run = getattr(importlib.import_module(module_name), function_name)
    # What was imported stays: to look through it again and again for garbage took a tenth of a busy gateway's time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signalled(run, settings))
    except SettingsError as error:
        log.error("the component cannot start", extra={"reason": str(error)})
        return 2
    except Exception:
        log.exception("the component failed")
        return 1
    log.info("stopped")
    return 0


async def _until_signalled(run: Run, settings: Settings) -> None:
    task = asyncio.ensure_future(run(settings))
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:  # a second signal must not interrupt the orderly end that the first one began
            stopped = True
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
