"""DatabaseReady: the engine, the primary, and the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from marsad.api.conditions import ConditionType, Reason
from marsad.api.database import DatabaseStatus, Engine
from marsad.api.names import LABEL_CNPG_CLUSTER, LABEL_NAME, MIGRATE
from marsad.core.conditions import Finding
from marsad.core.context import CNPG_NAME
from marsad.core.diff import Plan
from marsad.core.kinds import CLUSTER, CNPG
from marsad.core.migration import is_migration, outlived
from marsad.core.pods import trouble
from marsad.core.repair import blocking_join, told, unfilled_claim
from marsad.core.world import Key, Manifest, Observed

KIND = ConditionType.DATABASE_READY
INSTALL = (
    "CloudNativePG is not installed, and it runs the database. Install it: kubectl apply --server-side -f with its "
    "release manifest (docs/how-to/install.md), or declare a database with engine: external. "
    "The center then goes on by itself."
)
GOING = "The Cluster `database` is being deleted. Its volumes stay, and the next one is made with them."
FAILURES_THAT_TELL = 3  # pods of the Job that failed before it counts: one may have been evicted
_MOVING = ("Failing over", "Switchover in progress")


def judge_database(observed: Observed, plan: Plan) -> Finding:
    """False while the primary does not serve or the schema is not that of the release."""
    engine = _external(observed) if _is_external(observed) else _cloudnative_pg(observed, plan)
    if not engine.holds:
        return engine
    return _migration(observed, plan) or engine


def database_status(observed: Observed) -> DatabaseStatus:
    """What the engine reports."""
    engine = str(observed.cluster.spec.database.engine)
    live = _live(observed)
    if _is_external(observed) or live is None:
        return DatabaseStatus(engine=engine)
    status = _status(live)
    return DatabaseStatus(
        engine=engine,
        primary=status.get("currentPrimary") if _primary_serves(status) else None,
        instances=int(live.get("spec", {}).get("instances", 0)),
        ready_instances=int(status.get("readyInstances", 0)),
    )


def _is_external(observed: Observed) -> bool:
    return observed.cluster.spec.database.engine is Engine.EXTERNAL


def _external(observed: Observed) -> Finding:
    external = observed.cluster.spec.database.external
    name = external.secret_name if external else ""
    if observed.get("", "Secret", name) is None:
        message = f"Secret {name} is missing: create it with the external database's username, password and ca.crt."
        return Finding.false(KIND, Reason.CREDENTIALS_MISSING, message)
    return Finding.true(KIND, Reason.ALL_INSTANCES_READY, "The external database has the schema of the release.")


def _cloudnative_pg(observed: Observed, plan: Plan) -> Finding:
    if (CNPG, CLUSTER.kind) not in observed.served:
        return Finding.false(KIND, Reason.ENGINE_MISSING, INSTALL)
    live = _live(observed)
    if live is not None and live["metadata"].get("deletionTimestamp") is not None:
        return Finding.false(KIND, Reason.PROVISIONING, GOING)
    if live is None or Key.of(live) in plan.differs:
        return Finding.false(KIND, Reason.PROVISIONING, "The Cluster `database` is being written.")
    status = _status(live)
    if (blocked := blocking_join(observed)) is not None:
        return Finding.false(KIND, Reason.PRIMARY_BLOCKED, told(observed, blocked))
    return _with_trouble(observed, _without_primary(status) or _instances(live, status))


def _with_trouble(observed: Observed, found: Finding) -> Finding:
    """What befalls a pod of the database, where one is awaited: its reason where nobody serves, else its words."""
    if found.holds and (unfilled := unfilled_claim(observed)) is not None:
        return replace(found, message=f"{found.message} {told(observed, unfilled)}")
    awaited = found.reason in (Reason.PROVISIONING, Reason.PRIMARY_SERVING)
    failing = trouble(observed, LABEL_CNPG_CLUSTER, CNPG_NAME) if awaited else None
    if failing is None:
        return found
    reason = found.reason if found.holds else failing.reason
    return replace(found, reason=reason, message=f"{found.message} {failing.message}")


def _without_primary(status: Mapping[str, Any]) -> Finding | None:
    """Why nobody takes writes, or None when the primary does."""
    primary, phase = status.get("currentPrimary", ""), _phase(status)
    if primary and (status.get("targetPrimary", primary) != primary or status.get("phase") in _MOVING):
        return Finding.false(KIND, Reason.FAILING_OVER, f"Another instance takes the place of {primary}. {phase}")
    if not primary:
        return Finding.false(KIND, Reason.PROVISIONING, phase)
    if not _primary_serves(status):
        return Finding.false(KIND, Reason.PROVISIONING, f"The primary {primary} is not ready. {phase}")
    return None


def _instances(live: Manifest, status: Mapping[str, Any]) -> Finding:
    wanted, ready = int(live["spec"].get("instances", 0)), int(status.get("readyInstances", 0))
    phase = _phase(status)
    if ready < wanted:
        return Finding.true(KIND, Reason.PRIMARY_SERVING, f"{ready} of {wanted} instances are ready. {phase}")
    return Finding.true(KIND, Reason.ALL_INSTANCES_READY, "Every instance is ready and the schema is current.")


def _live(observed: Observed) -> Manifest | None:
    return observed.get(CNPG, CLUSTER.kind, CNPG_NAME)


def _status(live: Manifest) -> Mapping[str, Any]:
    found: Mapping[str, Any] = live.get("status") or {}
    return found


def _phase(status: Mapping[str, Any]) -> str:
    """CloudNativePG's own words."""
    phase = status.get("phase") or "nothing yet"
    why = f" ({status['phaseReason']})" if status.get("phaseReason") else ""
    return f"CloudNativePG says: {phase}{why}."


def _primary_serves(status: Mapping[str, Any]) -> bool:
    healthy = (status.get("instancesStatus") or {}).get("healthy") or ()
    return bool(status.get("currentPrimary")) and status["currentPrimary"] in healthy


def _migration(observed: Observed, plan: Plan) -> Finding | None:
    """What is amiss with the schema; None when the release's Job succeeded."""
    key = next((Key.of(manifest) for manifest in plan.wanted if is_migration(manifest)), None)
    live = observed.objects.get(key) if key else None
    if key is None or live is None or outlived(observed, live):
        return Finding.false(KIND, Reason.MIGRATION_RUNNING, "The Job that brings the schema is being written.")
    status = live.get("status") or {}
    if status.get("succeeded"):
        return None
    failures = int(status.get("failed", 0))
    ended = any(item["type"] == "Failed" and item["status"] == "True" for item in status.get("conditions") or ())
    if ended or failures >= FAILURES_THAT_TELL:
        log = f"kubectl logs --namespace {key.namespace} --selector {LABEL_NAME}={MIGRATE}"
        next_try = "It was given up: delete it, and it starts anew." if ended else "It is tried again."
        return Finding.false(KIND, Reason.MIGRATION_FAILED, f"Job {key.name} fails: {log} says why. {next_try}")
    if (failing := trouble(observed, LABEL_NAME, MIGRATE)) is not None:
        return Finding.false(KIND, failing.reason, f"Job {key.name} waits. {failing.message}")
    return Finding.false(KIND, Reason.MIGRATION_RUNNING, f"Job {key.name} brings the schema to the release's version.")
