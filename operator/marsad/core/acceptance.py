"""Whether the operator acts on a declaration: what no single object's own rules can see is refused here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from marsad.api.components import ResourceAmounts, ResourceOverride
from marsad.api.conditions import Reason
from marsad.api.healthcluster import HealthCluster
from marsad.api.names import FINALIZER
from marsad.core.outcome import Refused
from marsad.core.quantity import BadQuantity, amount
from marsad.core.world import Observed, Platform
from marsad.core.zones import exists, missing

LONGEST_NAME = 63  # it is the value of a label
_PARAMETER = re.compile(r"[a-z_][a-z0-9_$]{0,62}(\.[a-z_][a-z0-9_$]{0,62})?")  # as the API has it, for older objects


def refusal(observed: Observed) -> Refused | None:
    """Why nothing is done for the HealthCluster, or None when it is accepted."""
    cluster, platform = observed.cluster, observed.platform
    if (keeper := _keeper(cluster.namespace, platform)) is not None:
        return Refused(
            Reason.NAMESPACE_RESERVED,
            f"Namespace {cluster.namespace} is that of {keeper}, whose pods would be held to a center's policies, "
            "quota and Pod Security: give the HealthCluster a namespace of its own.",
        )
    if older := sorted(rival.name for rival in observed.rivals if _claim(rival) < _claim(cluster)):
        return Refused(
            Reason.NAMESPACE_TAKEN,
            f"HealthCluster {older[0]} is older and has namespace {cluster.namespace}: a namespace holds one center.",
        )
    if cluster.spec.release not in (None, platform.release):
        return Refused(
            Reason.NOT_IN_RELEASE,
            f"spec.release is {cluster.spec.release}, and this operator brings {platform.release}: "
            "leave spec.release out, or install the operator of that release.",
        )
    if (fault := next(_faults(cluster), None)) is not None:
        return Refused(Reason.INVALID, fault)
    return None


def _keeper(namespace: str, platform: Platform) -> str | None:
    """Whose a namespace is that is no place for a center, because all pods in it are fenced in; None for any other."""
    keepers = {
        "default": "whatever names none",
        platform.monitoring_namespace: "monitoring",
        platform.cnpg_namespace: "CloudNativePG",
        platform.operator_namespace: "the operator",
    }
    return "Kubernetes itself" if namespace.startswith("kube-") else keepers.get(namespace)


def _claim(cluster: HealthCluster) -> tuple[bool, str, str]:
    """Sorts first who may have the namespace: the one that has a center there already (ages are whole seconds)."""
    made = cluster.metadata.creation_timestamp
    return FINALIZER not in cluster.metadata.finalizers, made.isoformat() if made else "", cluster.metadata.uid


def _faults(cluster: HealthCluster) -> Iterator[str]:
    if len(cluster.name) > LONGEST_NAME:
        yield f"metadata.name is longer than {LONGEST_NAME} characters: every object of the center is labelled with it."
    if not exists(cluster.spec.time_zone):
        yield missing("spec.timeZone", cluster.spec.time_zone)
    for name in sorted(cluster.spec.database.parameters):
        if not _PARAMETER.fullmatch(name):
            yield f"spec.database.parameters has {name[:80]!r}: settings of PostgreSQL are named in lower-case letters."
    overrides = cluster.spec.overrides
    for component in ("gateway", "analytics", "dashboard"):
        override: ResourceOverride = getattr(overrides, component)
        yield from _quantity_faults(f"spec.overrides.{component}", override)


def _quantity_faults(where: str, override: ResourceOverride) -> Iterator[str]:
    try:
        for what in ("cpu", "memory"):
            requested, limit = _number(override.requests, what), _number(override.limits, what)
            if requested is not None and limit is not None and requested > limit:
                yield f"{where} requests more {what} than it limits: no pod could start."
    except BadQuantity as error:
        yield f"{where}: {error}."


def _number(amounts: ResourceAmounts, what: str) -> Decimal | None:
    text: str | None = getattr(amounts, what)
    return None if text is None else amount(text)
