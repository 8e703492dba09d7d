"""Logs as JSON lines: one object a line, with the Kubernetes object and the cause, ours and kopf's in one shape.

Fields: time, level, logger, message; object {kind, namespace, name} and cause where a reconcile speaks; error and
traceback where there was one. What is logged never holds a manifest or an answer of the API server, so no secret.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_about: ContextVar[dict[str, Any] | None] = ContextVar("about", default=None)


@contextmanager
def about(namespace: str, name: str, causes: tuple[str, ...] = ()) -> Iterator[None]:
    """Everything logged inside names this HealthCluster and why it is looked at."""
    object_ = {"kind": "HealthCluster", "namespace": namespace, "name": name}
    token = _about.set({"object": object_} | ({"cause": ", ".join(causes)} if causes else {}))
    try:
        yield
    finally:
        _about.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a newline."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _about.get() or {}
        if reference := getattr(record, "k8s_ref", None):  # kopf's own name for the object it speaks about
            line["object"] = {name: reference.get(name) for name in ("kind", "namespace", "name")}
        if isinstance(key := getattr(record, "object", None), tuple):
            line["object"] = {"kind": "HealthCluster", "namespace": key[0], "name": key[1]}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str) -> None:
    """Send everything that is logged in this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for chatty in ("kopf", "aiohttp.access", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.getLevelName(level), logging.WARNING))
