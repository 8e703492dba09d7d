"""Settings of a component as the environment that a process of its own reads them from."""

from __future__ import annotations

from marsad_center.settings import Settings


def environment(settings: Settings) -> dict[str, str]:
    """That of which `from_environment` makes these settings again. Settings without keys cannot be said."""
    database = settings.database
    return {
        "MARSAD_DATABASE_HOST": database.host,
        "MARSAD_DATABASE_PORT": str(database.port),
        "MARSAD_DATABASE_NAME": database.name,
        "MARSAD_DATABASE_CREDENTIALS": str(database.credentials),
        "MARSAD_DATABASE_CA": str(database.ca or ""),
        "MARSAD_DATABASE_ROLES": str(settings.roles or ""),
        "MARSAD_CENTER": str(settings.center),
        "MARSAD_KEYS": str(settings.keys),
        "MARSAD_TLS": str(settings.tls or ""),
        "MARSAD_PIPELINES": ",".join(sorted(settings.pipelines)),
        "MARSAD_IDENTITY_HEADER": settings.identity_header,
        "MARSAD_LOG_LEVEL": settings.log_level,
        "MARSAD_BIND": settings.bind,
        "MARSAD_MLLP_PORT": str(settings.mllp_port),
        "MARSAD_MLLPS_PORT": str(settings.mllps_port),
        "MARSAD_HTTP_PORT": str(settings.http_port),
        "MARSAD_HTTPS_PORT": str(settings.https_port),
        "MARSAD_METRICS_PORT": str(settings.metrics_port),
    }
