"""docs/how-to/connect-over-tls.md, done: its commands make certificates with which `marsad simulate` gets into a real
gateway, whose own certificate is the operator's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from marsad.cli import app
from marsad.shell.issuing import authority, pem, server
from marsad_center.gateway.service import Ports, run
from marsad_center.tests.conftest import CENTER, Database, database, postgres_server

__all__ = ["database", "postgres_server"]  # fixtures of the center's own tests

pytestmark = pytest.mark.postgres
REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = (REPOSITORY / "docs" / "how-to" / "connect-over-tls.md").read_text()


def commands(word: str) -> list[str]:
    """The page's commands that begin with a word."""
    return re.findall(rf"^ {{7}}({word} .*)$", PAGE, re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the page's openssl commands were run, and the center's authority is center.crt."""
    made = tmp_path / "made"
    made.mkdir()
    for command in commands("openssl"):
        done = subprocess.run(shlex.split(command), cwd=made, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (command, done.stderr)
    signer = authority("makkah", datetime.now(UTC))
    (made / "center.crt").write_bytes(pem(signer.certificate))
    files = server(("gateway.makkah.svc", "gateway"), signer, datetime.now(UTC))
    (made / "tls").mkdir()
    for name in ("tls.crt", "tls.key"):
        (made / "tls" / name).write_bytes(files[name])
    (made / "tls" / "clients.crt").write_bytes((made / "facilities.crt").read_bytes())
    return made


@contextlib.asynccontextmanager
async def gateway(database: Database, folder: Path) -> AsyncIterator[Ports]:
    """A running gateway with the feeds that the page declares; its ports."""
    facilities: list[dict[str, Any]] = [dict(one) for one in CENTER["facilities"]]
    asked = {
        "sendingApplication": "NOORHIS",
        "sendingFacility": "NOOR",
        "transport": "MLLPS",
        "certificate": {"name": "his.noor.example"},
    }
    emr = {"name": "emr", "sendingApplication": "NOOREMR", "transport": "FHIRS"}
    facilities[0]["feeds"] = [facilities[0]["feeds"][0] | asked, asked | emr]
    (database.folder / "center.json").write_text(json.dumps(CENTER | {"facilities": facilities}))
    settings = replace(database.settings("gateway"), tls=folder / "tls")
    started: asyncio.Future[Ports] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run(settings, started=started.set_result))
    try:
        yield await asyncio.wait_for(started, 60)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def simulate(folder: Path, words: list[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `marsad simulate` with these words."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "marsad.cli", "simulate", *words, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def as_on_the_page(port: int | None, *more: str) -> list[str]:
    """The words of the page's `marsad simulate`, to this port and with more."""
    (line,) = commands("marsad simulate")
    words = shlex.split(line)[2:]
    words[words.index("--to") + 1] = f"127.0.0.1:{port}"
    return [*words, "--json", "--rate", "200", *more]


async def test_the_page_leads_into_the_gateway(database: Database, folder: Path) -> None:
    async with gateway(database, folder) as ports:
        code, out, err = await simulate(folder, as_on_the_page(ports.mllps))
    assert code == 0, err
    assert json.loads(out)["answers"] == {"AA": 20}


async def test_the_page_leads_fhir_into_the_gateway_and_nobody_without_a_certificate(
    database: Database, folder: Path
) -> None:
    (line,) = commands("curl")

    async def curl(words: list[str]) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(*words, cwd=folder, stdout=asyncio.subprocess.PIPE)
        out, _err = await process.communicate()
        return process.returncode, out.decode()

    async with gateway(database, folder) as ports:
        words = [word.replace("8443", str(ports.https)) for word in shlex.split(line)]
        code, out = await curl([*words, "--silent"])
        assert (code, json.loads(out)["issue"][0]["diagnostics"]) == (0, "Stored.")
        bare = [word for word in words if word not in ("--cert", "noor.crt", "--key", "noor.key")]
        code, out = await curl([*bare, "--silent"])
        assert code
        assert not out
        code, out = await curl([word.replace("NOOREMR|", "NOORHIS|") for word in [*words, "--silent"]])
        assert code == 22
        assert "declared for MLLP over TLS, and this came over FHIR" in out


async def test_without_its_certificate_a_sender_learns_why_nobody_answers(database: Database, folder: Path) -> None:
    async with gateway(database, folder) as ports:
        words = as_on_the_page(ports.mllps, "--attempts", "1", "--count", "1")
        bare = [word for word in words if word not in ("--cert", "noor.crt", "--key", "noor.key")]
        code, out, _err = await simulate(folder, bare)
        assert code == 1
        assert json.loads(out)["unanswered"] == 1
        distrustful = [word for word in words if word not in ("--ca", "center.crt", "--json")]
        code, out, _err = await simulate(folder, distrustful)
        assert code == 1
        assert "the gateway's certificate is not valid here" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--ca", "center.crt"], "--ca, --cert, --key and --server-name are for --tls: add it"),
        (["--tls", "--cert", "noor.crt"], "--cert and --key belong together: give both"),
        (["--tls", "--ca", "noor.key"], "--ca noor.key: no certificates can be read from it"),
        (["--tls", "--cert", "noor.crt", "--key", "facilities.key"], "no certificate with its key"),
    ],
)
def test_what_cannot_be_spoken_with_is_said_before_anything_is_sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, ["simulate", *words, "--facility", "KAMC=HIS/KAMC", "--count", "1"])
    assert done.exit_code == 2
    assert sentence in done.output
