"""The process as Kubernetes sees it: settings, logs, probes, metrics, signals."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from marsad_center.ops import JsonFormatter, Readiness
from marsad_center.settings import SettingsError, from_environment
from marsad_center.tests.conftest import Database
from marsad_center.tests.environment import environment
from marsad_center.tests.gateway.playing import adt, code, gateway, sending


async def get(port: int, path: str, method: str = "GET") -> tuple[int, str, str]:
    def ask() -> tuple[int, str, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, response.headers["content-type"], response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["content-type"], error.read().decode()

    return await asyncio.to_thread(ask)


def test_the_environment_is_read_once_and_frozen() -> None:
    settings = from_environment("gateway", {"MARSAD_MLLP_PORT": "2600", "MARSAD_DATABASE_CA": "/ca.crt"})
    assert (settings.mllp_port, settings.http_port, settings.metrics_port) == (2600, 8080, 9090)
    assert (settings.database.host, settings.database.name, settings.database.ca) == (
        "database-rw",
        "center",
        Path("/ca.crt"),
    )
    with pytest.raises(AttributeError):
        settings.mllp_port = 1  # type: ignore[misc]


async def test_what_tests_tell_a_process_is_what_they_mean(sealed_database: Database, tmp_path: Path) -> None:
    settings = replace(
        sealed_database.settings("gateway"),
        tls=tmp_path,
        https_port=8443,
        pipelines=frozenset({"fhir"}),
        roles=tmp_path,
    )
    assert from_environment("gateway", environment(settings)) == settings


@pytest.mark.parametrize("value", ["x", "-1", "65536"])
def test_a_port_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(SettingsError, match="MARSAD_PIPELINES must name some of fhir, hl7, not 'dicom'"):
        from_environment("gateway", {"MARSAD_PIPELINES": "hl7,dicom"})
    with pytest.raises(SettingsError, match="MARSAD_MLLP_PORT"):
        from_environment("gateway", {"MARSAD_MLLP_PORT": value})


def test_a_log_line_is_one_json_object_with_its_fields() -> None:
    record = logging.getLogger("x").makeRecord("x", logging.WARNING, "f", 1, "said\nso", (), None, extra={"feed": "هـ"})
    line = JsonFormatter("gateway").format(record)
    assert "\n" not in line
    document = json.loads(line)
    assert document["message"] == "said\nso"
    assert (document["level"], document["component"], document["feed"]) == ("warning", "gateway", "هـ")


def test_readiness_says_what_is_missing() -> None:
    readiness = Readiness("schema", "database")
    readiness.met("schema")
    readiness.missing("database", "no route")
    assert readiness.document() == {"ready": False, "needs": {"schema": "met", "database": "no route"}}
    readiness.met("database")
    assert readiness.ready


async def test_probes_metrics_and_fhirs_place(database: Database) -> None:
    async with gateway(database) as ports:
        async with sending(ports) as sender:
            await sender.code(adt("A04", "1"))
            await sender.code(adt("A04", "1"))
            await sender.code(adt("Z01", "2"))
        for port in (ports.http, ports.metrics):
            assert (await get(port, "/healthz"))[0] == 200
            status, kind, body = await get(port, "/readyz")
            assert (status, kind, json.loads(body)["ready"]) == (200, "application/json", True)
        assert (await get(ports.http, "/metrics"))[0] == 404, "facilities reach this port"
        assert (await get(ports.http, "/fhir/metadata"))[0] == 200
        metrics = (await get(ports.metrics, "/metrics"))[2]
    for line in (
        'marsad_gateway_acknowledged_total{code="AA"}',
        'marsad_gateway_quarantined_total{reason="unknown-trigger"}',
        "marsad_gateway_duplicates_total",
        "marsad_gateway_commit_seconds_bucket",
        "marsad_gateway_queue_messages",
        "marsad_gateway_connections",
        'marsad_gateway_bytes_total{direction="in"}',
    ):
        assert line in metrics


async def test_what_is_not_declared_is_not_heard_wherever_it_comes_from(database: Database) -> None:
    """Where no network plugin enforces the policies, the gateway itself is the last door."""
    async with gateway(database, pipelines=frozenset({"hl7"})) as ports, sending(ports) as sender:
        await sender.code(adt("A04", "1"))
        assert (await get(ports.http, "/fhir/metadata"))[0] == 404
        assert (await get(ports.http, "/readyz"))[0] == 200
    async with gateway(database, pipelines=frozenset({"fhir"})) as ports:
        assert ports.mllp is None
        assert (await get(ports.http, "/fhir/metadata"))[0] == 200


async def test_no_log_line_holds_anything_of_a_message(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = ("PID|1||SECRET-MRN||Secret^Name", "PV1|1|E|ED||||||||||||||||SECRET-VISIT")
    async with database.connect("postgres") as connection:
        await connection.execute("ALTER TABLE movement ADD CHECK (visit_key <> 'SECRET-VISIT')")
    async with gateway(database) as ports, sending(ports) as sender:
        from marsad_center.tests.gateway.playing import message

        for number, segments in enumerate((secret, ("PID|SECRET\0",), ("SECRET is no segment",))):
            assert code(await sender.ask(message("ADT^A04", f"m{number}", *segments))) == "AE"
    assert caplog.records
    printed = "\n".join(JsonFormatter("gateway").format(record) for record in caplog.records)
    assert "secret" not in printed.lower()


async def test_sigterm_ends_the_process_in_order(sealed_database: Database, eventually: Any) -> None:
    told = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment(sealed_database.settings("gateway"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "marsad_center", "gateway", env=told, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines: list[dict[str, Any]] = []
    async for line in process.stdout:
        lines.append(json.loads(line))
        if lines[-1]["message"] == "serving":
            reader, writer = await asyncio.open_connection("127.0.0.1", lines[-1]["mllp"])
            writer.write(b"\x0b" + adt("A04", "1").encode() + b"\x1c\r")
            assert b"MSA|AA|1" in await reader.readuntil(b"\x1c\r")
            process.send_signal(signal.SIGTERM)
            assert await reader.read() == b""
            writer.close()
    assert await asyncio.wait_for(process.wait(), 120) == 0
    assert lines[-1]["message"] == "stopped"
