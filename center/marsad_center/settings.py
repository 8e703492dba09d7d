"""What a center process is told by its environment, read once at the door and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Component = Literal["migrate", "gateway", "analytics", "dashboard"]
COMPONENTS: tuple[Component, ...] = get_args(Component)

Pipeline = Literal["hl7", "fhir"]
PIPELINES: frozenset[Pipeline] = frozenset(get_args(Pipeline))

_HTTP_PORTS: Mapping[Component, int] = {"gateway": 8080, "dashboard": 8000, "analytics": 0, "migrate": 0}


class SettingsError(ValueError):
    """An environment variable, or what it names, that cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the center's database is. `credentials` is a folder with the files `username` and `password`, read at each
    new connection so that a rotated Secret is taken up; `ca` set means sslmode verify-full, None means no TLS (local
    tests only). `host` that starts with "/" is a folder of Unix sockets."""

    host: str
    port: int
    name: str
    credentials: Path
    ca: Path | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a component needs to start. Ports of 0 mean any free port (tests).

    `roles` (migrate only): a folder with a file a role that holds its password; set where nobody else makes the roles,
    as CloudNativePG does. `tls` (gateway only): a folder with the files of gateway/credentials.py; without it nobody
    listens over TLS. `pipelines` (gateway only): what is heard; nothing else is, wherever it comes from. `keys`
    (gateway only): the folder of the center's keys; None leaves what is stored in clear (local tests only, the
    environment cannot say so). `identity_header` (dashboard only): the header in which a trusted proxy says who the
    reader is; empty where no such proxy stands before the dashboard, and then nothing a reader sends is an identity.
    """

    component: Component
    database: DatabaseSettings
    center: Path
    bind: str
    mllp_port: int
    http_port: int
    metrics_port: int
    log_level: str
    roles: Path | None = None
    tls: Path | None = None
    mllps_port: int = 0
    https_port: int = 0
    identity_header: str = ""
    keys: Path | None = None
    pipelines: frozenset[Pipeline] = PIPELINES


def from_environment(component: Component, environ: Mapping[str, str]) -> Settings:
    """Settings of `component` from `environ` (their names are below).

    Raises SettingsError when a number is no number or a port is out of range.
    """
    ca, roles = environ.get("MARSAD_DATABASE_CA", ""), environ.get("MARSAD_DATABASE_ROLES", "")
    tls = environ.get("MARSAD_TLS", "")
    return Settings(
        component=component,
        database=DatabaseSettings(
            host=environ.get("MARSAD_DATABASE_HOST", "database-rw"),
            port=_port(environ, "MARSAD_DATABASE_PORT", 5432),
            name=environ.get("MARSAD_DATABASE_NAME", "center"),
            credentials=Path(environ.get("MARSAD_DATABASE_CREDENTIALS", "/run/secrets/database")),
            ca=Path(ca) if ca else None,
        ),
        center=Path(environ.get("MARSAD_CENTER", "/etc/marsad/center.json")),
        bind=environ.get("MARSAD_BIND", "0.0.0.0"),  # noqa: S104 - the pod's network is fenced by NetworkPolicy
        mllp_port=_port(environ, "MARSAD_MLLP_PORT", 2575),
        http_port=_port(environ, "MARSAD_HTTP_PORT", _HTTP_PORTS[component]),
        metrics_port=_port(environ, "MARSAD_METRICS_PORT", 9090),
        log_level=environ.get("MARSAD_LOG_LEVEL", "INFO").upper(),
        roles=Path(roles) if roles else None,
        tls=Path(tls) if tls else None,
        mllps_port=_port(environ, "MARSAD_MLLPS_PORT", 2576),
        https_port=_port(environ, "MARSAD_HTTPS_PORT", 8443),
        identity_header=environ.get("MARSAD_IDENTITY_HEADER", ""),
        keys=Path(environ.get("MARSAD_KEYS") or "/run/secrets/center-key"),
        pipelines=_pipelines(environ.get("MARSAD_PIPELINES", ",".join(sorted(PIPELINES)))),
    )


def _pipelines(text: str) -> frozenset[Pipeline]:
    named = {word.strip() for word in text.split(",")} - {""}
    if strange := sorted(named - PIPELINES):
        raise SettingsError(f"MARSAD_PIPELINES must name some of {', '.join(sorted(PIPELINES))}, not {strange[0]!r}")
    return frozenset(each for each in PIPELINES if each in named)


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        port = int(text)
    except ValueError:
        raise SettingsError(f"{name} must be a port number, not {text!r}") from None
    if not 0 <= port <= 65535:
        raise SettingsError(f"{name} must be between 0 and 65535, not {port}")
    return port
