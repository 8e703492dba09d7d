"""`python -m marsad`: run the operator until SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys

import kopf
import uvloop

from marsad import handlers
from marsad.core.templates import TemplateError
from marsad.shell import log, settings
from marsad.shell.connection import NoCluster, connect
from marsad.shell.runtime import Runtime

logger = logging.getLogger("marsad")


async def operate(read: settings.Settings) -> bool:
    """Run until a signal, or until a part ends by a fault; False for the latter. kopf finds its handlers by import."""
    runtime = Runtime(read, connect())
    _settle()
    logger.info("release %s as %s (%s)", read.platform.release, read.identity, handlers.__name__)
    await kopf.operator(
        memo=kopf.Memo(runtime=runtime),
        clusterwide=True,
        standalone=True,
        liveness_endpoint=f"http://{read.host}:{read.liveness_port}/healthz",
        stop_flag=runtime.ended,
    )
    return not runtime.failed


def _settle() -> None:
    """Seek garbage seldom, and not among what was loaded, which stays: it was a tenth of a busy operator's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)  # new objects; Python's own 700 are a few answers of the API server


def main() -> int:
    """The exit code: 0 after an orderly end, 1 after a fault, 2 when the environment is wrong."""
    log.configure("INFO")
    try:
        read = settings.read()
        log.configure(read.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return 0 if runner.run(operate(read)) else 1
    except (settings.BadSetting, NoCluster, TemplateError) as error:
        logger.critical("%s", error)
        return 2
    except Exception:
        logger.critical("the operator ended by a fault", exc_info=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
