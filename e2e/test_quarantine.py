"""`marsad quarantine` and `marsad reprocess` against the center's own program and a real PostgreSQL. In the place of
kubectl stands a script that runs right here what it is to run in the pod; that it asks for the right pod is checked."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from e2e.console import REPOSITORY
from marsad.cli import app
from marsad_center.tests.conftest import Database, database, postgres_server, sealed_database  # noqa: F401 - fixtures
from marsad_center.tests.environment import environment
from marsad_center.tests.gateway.playing import adt, gateway, message, sending

Cli = Callable[..., Result]


@pytest.fixture
def cli(sealed_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:  # noqa: F811
    """The command; what the center's program says itself goes to the process's own output (see capfd)."""
    pod = {"PYTHONPATH": str(REPOSITORY / "center")} | environment(sealed_database.settings("gateway"))
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "kubectl").write_text(
        f"#!{sys.executable}\nimport json, os, sys\nasked, _, inside = ' '.join(sys.argv[1:]).partition(' -- ')\n"
        f"with open({str(tmp_path / 'asked')!r}, 'a') as log: log.write(asked + '\\n')\n"
        f"at = sys.argv.index('--') + 2\nos.environ |= {pod!r}\n"
        f"os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[at:]])\n"
    )
    (folder / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, words, env={"COLUMNS": "160"})

    return run


@pytest.fixture
async def refused(sealed_database: Database) -> Database:  # noqa: F811
    """A center that refused one message of an undeclared sender, and one that is none."""
    async with gateway(sealed_database) as ports:
        for text in (adt("A04", "1", "SECRET-V", sender="LIS|NEWLAB"), message("ADT^Z99", "2", "PID|1||SECRET-P")):
            async with sending(ports) as sender:
                await sender.ask(text)
    return sealed_database


async def test_the_quarantine_of_a_center_is_listed_in_words(cli: Cli, refused: Database, tmp_path: Path) -> None:
    result = await asyncio.to_thread(cli, "quarantine", "list", "-n", "makkah", "--context", "kind-marsad")
    assert result.exit_code == 0
    assert "no feed is declared for MSH-3 and MSH-4" in result.stdout
    assert "LIS | NEWLAB" in result.stdout
    assert "2 in quarantine: 1 unknown-sender, 1 unknown-trigger" in result.stdout
    assert "SECRET" not in result.stdout
    asked = (tmp_path / "asked").read_text()
    assert asked == "--context kind-marsad --namespace makkah exec deployment/gateway --container gateway\n"


async def test_codes_that_nobody_has_mapped_are_listed(
    cli: Cli,
    refused: Database,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert "Every code is mapped." in (await asyncio.to_thread(cli, "codes", "-n", "makkah")).stdout
    pv1 = "PV1|1|E|ED^R1^B1|||||||قلب|||||||||V9"
    async with gateway(refused) as ports, sending(ports) as sender:
        await sender.ask(message("ADT^A04", "9", "EVN|A04|20261123100000+0300", "PID|1||SECRET-P", pv1))
    result = await asyncio.to_thread(cli, "codes", "-n", "makkah", "--facility", "KAMC")
    assert result.exit_code == 0
    assert "قلب" in result.stdout
    assert "1 codes are not mapped: 1 of KAMC" in result.stdout
    assert "Every code" in (await asyncio.to_thread(cli, "codes", "--facility", "ALNOOR")).stdout
    capfd.readouterr()
    await asyncio.to_thread(cli, "codes", "-n", "makkah", "--json")
    told = json.loads(capfd.readouterr().out)
    assert (told["totals"], told["codes"][0]["code"], told["codes"][0]["times"]) == ({"KAMC": 1}, "قلب", 1)


async def test_an_undeclared_sender_is_shown_for_onboarding(cli: Cli, refused: Database) -> None:
    result = await asyncio.to_thread(cli, "quarantine", "senders", "-n", "makkah")
    assert "NEWLAB" in result.stdout
    assert "not declared" in result.stdout


async def test_a_row_is_shown_with_what_to_do_and_its_content_only_when_asked(
    cli: Cli, refused: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(cli, "quarantine", "list", "-n", "makkah", "--json", "--reason", "unknown-trigger")
    (row,) = json.loads(capfd.readouterr().out)["rows"]
    assert (await asyncio.to_thread(cli, "quarantine", "show", str(row["id"]))).exit_code == 0
    shown = capfd.readouterr().out
    assert "This release does not read this trigger. Replay it after an upgrade that does." in shown
    assert "SECRET" not in shown
    await asyncio.to_thread(cli, "quarantine", "show", str(row["id"]), "--content")
    assert "PID|1||SECRET-P" in capfd.readouterr().out


async def test_what_is_refused_again_is_told_by_the_exit_code(
    cli: Cli, refused: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    result = await asyncio.to_thread(cli, "quarantine", "replay", "--all", "-n", "makkah")
    assert result.exit_code == 1
    assert "2 refused" in capfd.readouterr().out
    result = await asyncio.to_thread(cli, "reprocess", "-n", "makkah", "--from", "2020-01-01")
    assert result.exit_code == 0
    assert "1 messages read again, 0 say something else now. Done." in capfd.readouterr().out


async def test_replay_of_nothing_in_particular_is_refused(cli: Cli) -> None:
    result = await asyncio.to_thread(cli, "quarantine", "replay")
    assert result.exit_code == 2
    assert "say which rows: by number, --reason, --feed or --all" in result.stderr


def test_without_kubectl_the_command_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(app, ["quarantine", "list"])
    assert result.exit_code == 2
    assert "kubectl is not installed; it is what leads into a gateway's pod" in result.stderr


def test_a_gateway_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho 'Error from server (Forbidden)' >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    result = CliRunner().invoke(app, ["quarantine", "senders", "-n", "oran"])
    assert result.exit_code == 2
    assert "no gateway answered in oran" in result.stderr
