"""What the operator's environment says: read once at start, frozen. Names are those that the Helm chart sets."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import marsad
from marsad.core.world import Platform
from marsad.shell.lease import Times

SOURCE_TREE = Path(marsad.__file__).parents[2]


class BadSetting(ValueError):
    """An environment variable cannot be understood; the text names it."""


@dataclass(frozen=True)
class Settings:
    """Seconds, unless a name says otherwise. `report_url` is a template of {namespace} for the center's dashboard."""

    platform: Platform
    identity: str
    templates: Path = SOURCE_TREE / "charts" / "center"
    lease_name: str = "marsad-operator"
    lease: Times = field(default_factory=Times)
    workers: int = 8
    writes_at_once: int = 24
    resync: float = 300.0
    poll: float = 15.0
    report_url: str = "http://dashboard.{namespace}.svc:8000/api/v1/feeds"
    metrics_port: int = 9090
    liveness_port: int = 8080
    host: str = "0.0.0.0"  # noqa: S104 (probes and Prometheus come from outside the pod)
    log_level: str = "INFO"


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment; what is absent has a default, except the images. Raises BadSetting."""
    default = Settings(Platform("", "", ""), "")
    return Settings(
        platform=Platform(
            release=environment.get("MARSAD_RELEASE") or marsad.__version__,
            center_image=_needed(environment, "MARSAD_CENTER_IMAGE"),
            postgresql_image=_needed(environment, "MARSAD_POSTGRESQL_IMAGE"),
            postgresql_uid=_number(environment, "MARSAD_POSTGRESQL_UID", 26),
            operator_namespace=environment.get("MARSAD_NAMESPACE") or "marsad-system",
            cnpg_namespace=environment.get("MARSAD_CNPG_NAMESPACE") or "cnpg-system",
            api_server_port=_number(environment, "MARSAD_API_SERVER_PORT", 6443),
            pod_ranges=_ranges(environment, "MARSAD_POD_RANGES"),
            monitoring_namespace=environment.get("MARSAD_MONITORING_NAMESPACE") or "monitoring",
        ),
        # Never the pod's name alone: a container that restarts in place must not take itself for the Lease's holder.
        identity=f"{environment.get('MARSAD_POD_NAME') or socket.gethostname()}_{secrets.token_hex(4)}",
        templates=Path(environment.get("MARSAD_TEMPLATES") or default.templates),
        workers=_number(environment, "MARSAD_WORKERS", default.workers),
        resync=float(_number(environment, "MARSAD_RESYNC_SECONDS", int(default.resync))),
        poll=float(_number(environment, "MARSAD_POLL_SECONDS", int(default.poll))),
        report_url=environment.get("MARSAD_REPORT_URL") or default.report_url,
        metrics_port=_number(environment, "MARSAD_METRICS_PORT", default.metrics_port),
        liveness_port=_number(environment, "MARSAD_LIVENESS_PORT", default.liveness_port),
        host=environment.get("MARSAD_HOST") or default.host,
        log_level=(environment.get("MARSAD_LOG_LEVEL") or default.log_level).upper(),
    )


def _needed(environment: Mapping[str, str], name: str) -> str:
    if value := environment.get(name):
        return value
    raise BadSetting(f"{name} is not set: the Helm chart sets it from its values")


def _ranges(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    words = [word.strip() for word in environment.get(name, "").split(",")]
    try:
        return tuple(str(ip_network(word)) for word in words if word)
    except ValueError as error:
        raise BadSetting(f"{name} must be ranges such as 10.244.0.0/16: {error}") from error


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not value.isdigit() or int(value) < 1:
        raise BadSetting(f"{name} must be a positive whole number, not {value!r}")
    return int(value)
