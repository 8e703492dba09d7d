"""What kopf calls. Every road leads to `Runtime.nudge`, and so to the one `reconcile`.

kopf runs the process: start and end, signals, login, liveness. Its watch of HealthClusters is a second road by which a
change is noticed; what is true is read from our own cache (docs/adr/0001). An `on.event` handler that returns nothing
leaves no finalizer, no annotation and no status behind.

The Runtime travels in kopf's memo as an attribute: kopf copies the memo for each object.
"""

from __future__ import annotations

from typing import Any

import kopf

from marsad.api.names import GROUP, VERSION
from marsad.shell.connection import Connection, connect
from marsad.shell.runtime import Runtime


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: Any, **_: Any) -> None:
    """Set kopf up as docs/adr/0001 says, then start our own parts."""
    settings.peering.standalone = True  # two replicas agree by a Lease with a fence, which peering has not
    settings.scanning.disabled = True  # our kinds are installed with the operator
    settings.posting.enabled = False  # Events tell of transitions, and are ours
    settings.persistence.diffbase_storage = NothingKept()
    settings.watching.server_timeout = 290  # whole seconds: the API server refuses others
    settings.watching.client_timeout = 330.0
    settings.watching.connect_timeout = 5.0
    settings.watching.inactivity_timeout = 75.0  # a bookmark comes each minute
    settings.networking.request_timeout = 15.0
    settings.networking.connect_timeout = 5.0
    settings.networking.enforce_retry_after = True
    settings.queueing.worker_limit = 16
    settings.process.ultimate_exiting_timeout = 25.0
    await runtime_of(memo).start()


@kopf.on.cleanup()
async def stop(memo: Any, **_: Any) -> None:
    """Finish what is under way and give the Lease back."""
    await runtime_of(memo).stop()


@kopf.on.login()
def login(**_: Any) -> kopf.ConnectionInfo:
    """The same identity as our own client; a rotated token is read when the old one is refused."""
    return to_kopf(connect())


@kopf.on.probe(id="watches")
async def alive(memo: Any, **_: Any) -> str:
    """Liveness: the event loop answers, and no part has ended. Being ready is asked at /readyz."""
    runtime = runtime_of(memo)
    if runtime.failed:
        raise RuntimeError("a part of the operator has ended")
    return runtime.unready() or "synced"


@kopf.on.event(GROUP, VERSION, "healthclusters")
async def healthcluster(namespace: str | None, name: str, meta: kopf.Meta, memo: Any, **_: Any) -> None:
    """Something happened to a HealthCluster. (Facilities, of which there may be thousands, our cache alone watches.)"""
    runtime_of(memo).heard(namespace or "", name, str(meta.get("resourceVersion", "")))


class NothingKept(kopf.DiffBaseStorage):
    """Tells kopf not to work out at every event what changed since it last handled one: none of our handlers asks."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Nothing of a resource counts."""
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        """Nothing was kept."""

    def store(self, **_: Any) -> None:
        """Nothing is kept."""


def runtime_of(memo: Any) -> Runtime:
    """The running operator that __main__ put into kopf's memo."""
    runtime = memo.runtime
    if not isinstance(runtime, Runtime):
        raise TypeError("kopf was started without a Runtime in its memo")
    return runtime


def to_kopf(connection: Connection) -> kopf.ConnectionInfo:
    """Our connection in kopf's words."""
    return kopf.ConnectionInfo(
        server=connection.server,
        ca_data=connection.ca,
        certificate_data=connection.certificate,
        private_key_data=connection.key,
        token=connection.bearer(),
        insecure=connection.insecure or None,
    )
