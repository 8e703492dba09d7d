"""Log lines: JSON, with the object and the cause, ours and kopf's alike."""

from __future__ import annotations

import json
import logging
from typing import Any

from marsad.shell.log import JsonFormatter, about


def line(message: str = "hello", error: Exception | None = None, **extra: Any) -> dict[str, Any]:
    info = (type(error), error, None) if error is not None else None
    record = logging.makeLogRecord({"name": "test", "msg": message, "levelname": "INFO", "exc_info": info, **extra})
    return dict(json.loads(JsonFormatter().format(record)))


def test_a_line_within_a_look_names_the_healthcluster_and_why_it_is_looked_at() -> None:
    with about("makkah", "mkh", ("Deployment/gateway changed", "resync")):
        told = line()
    assert told["object"] == {"kind": "HealthCluster", "namespace": "makkah", "name": "mkh"}
    assert told["cause"] == "Deployment/gateway changed, resync"
    assert "object" not in line(), "and no longer outside of it"


def test_kopfs_own_lines_have_the_same_shape() -> None:
    reference = {
        "apiVersion": "marsad.dev/v1alpha1",
        "kind": "Facility",
        "namespace": "makkah",
        "name": "kfh",
        "uid": "u",
    }
    assert line(k8s_ref=reference)["object"] == {"kind": "Facility", "namespace": "makkah", "name": "kfh"}


def test_an_error_is_named_in_one_field_and_stays_on_one_line() -> None:
    told = line(error=ValueError("two\nlines"))
    assert told["error"] == "ValueError: two\nlines"
    record = logging.makeLogRecord({"msg": "a\nb"})
    assert "\n" not in JsonFormatter().format(record)


def test_arabic_stays_readable() -> None:
    record = logging.makeLogRecord({"msg": "مكة"})
    assert "مكة" in JsonFormatter().format(record)
