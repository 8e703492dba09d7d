"""Whether a live object is as desired, field by field; what others add beside our fields is tolerated.

Maps are compared by the keys we set. Lists that the API server merges by a key are matched by it; all other lists are
one value, compared whole. Empty and absent are the same, because the API server does not keep every empty thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PODS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "protocol"),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
KEYED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Deployment": _PODS,
    "Job": _PODS,
    "Service": {"ports": ("port", "protocol")},
}
"""By kind: fields that are lists of maps, with the keys by which the API server's schema merges them."""

SELECTORS = frozenset({"selector", "podSelector", "namespaceSelector", "nodeSelector", "labelSelector"})
"""Maps that are one value to the API server: one label more selects something else."""

Keys = Mapping[str, tuple[str, ...]]


def as_desired(desired: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether every field that `desired` sets is so in the live object."""
    return _same(desired, live, KEYED.get(desired["kind"], {}), "")


def project(desired: Mapping[str, Any], live: Mapping[str, Any]) -> Any:
    """The live object with only the paths that `desired` has; lists that are one value are kept whole."""
    return _projected(desired, live, KEYED.get(desired["kind"], {}), "")


def _same(desired: Any, live: Any, keyed: Keys, field: str) -> bool:
    if _empty(desired):
        return _empty(live)
    if field in SELECTORS:
        return _exactly(desired, live)
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(
            _same(value, live.get(name), keyed, name) for name, value in desired.items()
        )
    if isinstance(desired, list) and field in keyed:
        return isinstance(live, list) and all(
            _same(item, _match(item, live, keyed[field]), keyed, "") for item in desired
        )
    if isinstance(desired, list):
        return isinstance(live, list) and _exactly(desired, live)
    return type(desired) is type(live) and bool(desired == live)


def _exactly(desired: Any, live: Any) -> bool:
    """Equal, and true is not 1."""
    if isinstance(desired, dict) and isinstance(live, dict):
        return desired.keys() == live.keys() and all(_exactly(value, live[name]) for name, value in desired.items())
    if isinstance(desired, list) and isinstance(live, list):
        return len(desired) == len(live) and all(map(_exactly, desired, live))
    return type(desired) is type(live) and bool(desired == live)


def _projected(desired: Any, live: Any, keyed: Keys, field: str) -> Any:
    if field in SELECTORS:
        return live
    if isinstance(desired, dict) and isinstance(live, dict) and desired:
        return {name: _projected(value, live[name], keyed, name) for name, value in desired.items() if name in live}
    if isinstance(desired, list) and isinstance(live, list) and field in keyed:
        return [_projected(item, _match(item, live, keyed[field]), keyed, "") for item in desired]
    return live


def _match(item: Mapping[str, Any], live: Sequence[Any], keys: tuple[str, ...]) -> Any:
    """The live item with the same keys, or None."""
    wanted = _identity(item, keys)
    return next((other for other in live if isinstance(other, dict) and _identity(other, keys) == wanted), None)


def _identity(item: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(key, "TCP" if key == "protocol" else None) for key in keys)


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, dict | list) and not value)
