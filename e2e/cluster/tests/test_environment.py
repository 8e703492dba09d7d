"""The environment holds what the lock names."""

from __future__ import annotations

from e2e.cluster import environment


def test_a_package_that_left_the_lock_is_found_however_its_name_is_spelled() -> None:
    lock = "python-json-logger==4.2.0 \\\n    --hash=sha256:00\nuvicorn[standard]==1.0\n"
    installed = ["pip", "setuptools", "python_json_logger", "Uvicorn", "kubernetes"]
    assert environment.unlocked(installed, lock) == ["kubernetes"]
