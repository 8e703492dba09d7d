"""The API server for tests keeps its promises: real rights, and nothing left behind however the test run ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.apiserver import ApiServer, apiserver
from e2e.kubectl import eventually

pytestmark = pytest.mark.apiserver

_ROOT = Path(__file__).resolve().parents[1]
_HOLD = """
import time
from e2e.apiserver import apiserver
with apiserver() as server:
    print(server.folder, flush=True)
    time.sleep(600)
"""


def processes_of(folder: Path) -> list[int]:
    """Processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def test_a_service_account_has_the_rights_it_was_given_and_no_others(apiserver: ApiServer, namespace: str) -> None:
    apiserver.kubectl("create", "serviceaccount", "reader", "-n", namespace)
    apiserver.kubectl("create", "role", "reader", "-n", namespace, "--verb=get,list", "--resource=configmaps")
    account = f"--serviceaccount={namespace}:reader"
    apiserver.kubectl("create", "rolebinding", "reader", "-n", namespace, "--role=reader", account)
    mine = str(apiserver.service_account_kubeconfig(namespace, "reader"))

    def may(*words: str) -> str:
        command = [str(apiserver.tools / "kubectl"), "--kubeconfig", mine, "auth", "can-i", *words, "-n", namespace]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    eventually("the role binding is known to the authorizer", lambda: may("list", "configmaps") == "yes")
    assert may("list", "secrets") == "no"
    assert may("create", "configmaps") == "no"


def test_nothing_is_left_after_the_end() -> None:
    with apiserver() as server:
        assert len(processes_of(server.folder)) == 2
        assert server.request("GET", "/api/v1/namespaces/default")[0] == 200
    assert processes_of(server.folder) == []
    assert not server.folder.exists()


def test_the_servers_die_with_a_test_run_that_is_killed() -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLD], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        assert len(processes_of(folder)) == 2
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        eventually("etcd and kube-apiserver are gone", lambda: processes_of(folder) == [])
        with apiserver():
            assert not folder.exists(), "the next one sweeps up"
    finally:
        holder.kill()
        holder.wait()
