"""HAPI FHIR's validator as an oracle: what the gateway answers is FHIR R4.

Needs Java and Maven, which fetches the validator once; skipped, with the reason, where one of them is missing.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import bundle, encounter, put, send
from marsad_center.tests.gateway.fhir.test_malformed import CASES
from marsad_center.tests.gateway.playing import gateway

PROGRAM = Path(__file__).parent / "testdata" / "hapi"
FETCH_SECONDS, CHECK_SECONDS = 420, 300


@pytest.fixture(scope="session")
def validator() -> Path:
    """The folder with the validator's libraries, kept between runs."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine: HAPI FHIR's validator cannot run")
    project = PROGRAM / "pom.xml"
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "marsad"
    folder = cache / f"hapi-{hashlib.sha256(project.read_bytes()).hexdigest()[:12]}"
    if not (folder / "whole").exists():
        fetch = ["mvn", "-q", "-B", "-f", str(project), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        try:
            done = subprocess.run(fetch, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"Maven did not fetch HAPI FHIR's validator within {FETCH_SECONDS} s")
        if done.returncode:
            pytest.skip(f"Maven cannot fetch HAPI FHIR's validator: {done.stdout[-300:]}")
        (folder / "whole").touch()
    return folder


def faults(validator: Path, files: list[Path]) -> list[str]:
    """The lines of errors that the validator prints."""
    command = ["java", "-Xmx1g", "-cp", f"{validator}/*", str(PROGRAM / "Validate.java"), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_SECONDS, check=True)
    lines = done.stdout.splitlines()
    assert lines[-1] == f"checked\t{len(files)}"
    return [line for line in lines if line.split("\t")[1] in ("error", "fatal")]


async def test_what_the_gateway_answers_is_fhir(database: Database, validator: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "nonsense"}]}')
    said: dict[str, bytes] = {}
    async with gateway(database) as ports:
        said["capability"] = (await send(ports, "GET", "/fhir/metadata")).raw
        said["stored"] = (await put(ports, encounter(version="1"))).raw
        said["conflict"] = (await put(ports, encounter(version="1", status="arrived"))).raw
        said["unknown"] = (await put(ports, encounter(), feed="NO|BODY")).raw
        said["transaction"] = (
            await send(ports, "POST", "/fhir", bundle("transaction", ("PUT Encounter/V2", encounter("V2", "1"))))
        ).raw
        each = bundle("batch", ("PUT Encounter/V3", encounter("V3")), ("PUT Encounter/V4", encounter("V4", status="x")))
        said["batch"] = (await send(ports, "POST", "/fhir", each)).raw
        said["empty"] = (await send(ports, "POST", "/fhir", {"resourceType": "Bundle", "type": "transaction"})).raw
        for number, (request, content, *_expected) in enumerate(CASES):
            method, _space, path = request.partition(" ")
            said[f"case-{number}"] = (await send(ports, method, path.replace("|", "%7C"), content)).raw
    for name, raw in said.items():
        (tmp_path / f"{name}.json").write_bytes(raw)
    files = [tmp_path / f"{name}.json" for name in said]
    found = await asyncio.to_thread(faults, validator, [wrong, *files])
    assert {line.split("\t")[0] for line in found} == {"wrong.json"}, "\n".join(found)
