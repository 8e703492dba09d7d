"""A real kube-apiserver on a real etcd for tests, on free ports of the loopback, gone without a trace at the end.

It is the API server of the test cluster's node (or KUBEBUILDER_ASSETS), with RBAC on and no controllers: objects stay
as they were written, which is what tests of an operator want. Deleted namespaces stay Terminating, so use fresh names.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.node import binaries
from e2e.ports import free_ports

READY_SECONDS = 60  # a machine that builds other things meanwhile; alone it takes 3 to 5
_ATTEMPTS = 3  # a free port may be taken between our asking and the server's listening
_JSON = "application/json"
_PREFIX = "marsad-apiserver-"


class StartFailed(RuntimeError):
    """The servers did not become ready; the text ends with their last log lines."""


@dataclass(frozen=True)
class ApiServer:
    """A running API server. `kubeconfig` is its administrator's; `folder` holds certificate, keys and logs."""

    url: str
    token: str
    folder: Path
    tools: Path
    context: ssl.SSLContext = field(repr=False)

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig of an administrator (group system:masters)."""
        return self.folder / "kubeconfig"

    def request(
        self, method: str, path: str, body: Any = None, *, content: str = _JSON, accept: str = _JSON
    ) -> tuple[int, dict[str, Any]]:
        """(HTTP status, JSON answer) of a request as the administrator; a refusal is an answer, not an exception."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content, "Accept": accept}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else {"message": text.decode()}

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the kubectl of the same version as the administrator; standard output and error are captured."""
        own = ("--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.folder / "cache"))
        command = [str(self.tools / "kubectl"), *own, *words]
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, timeout=60, check=False)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done

    def create_namespace(self, prefix: str = "test") -> str:
        """Make a namespace of a fresh name and return the name."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        code, answer = self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        assert code == 201, answer
        return name

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Kubeconfig of an existing ServiceAccount, with only the rights that RBAC gives it."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        code, answer = self.request("POST", path, {"spec": {"expirationSeconds": 3600}})
        assert code == 201, answer
        return self._write_kubeconfig(f"kubeconfig-{namespace}-{name}", answer["status"]["token"])

    def _write_kubeconfig(self, name: str, token: str) -> Path:
        authority = base64.b64encode((self.folder / "server.crt").read_bytes()).decode()
        cluster = {"server": self.url, "certificate-authority-data": authority}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        path = self.folder / name
        path.write_text(json.dumps(config))
        return path


def _tools(folder: Path) -> Path:
    """A folder with etcd, kube-apiserver and kubectl: KUBEBUILDER_ASSETS, or links to the node's, built if missing."""
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return Path(assets)
    links = folder / "bin"
    links.mkdir()
    for tool in ("etcd", "kubernetes"):
        for binary in binaries.build(tool).iterdir():
            (links / binary.name).symlink_to(binary)
    return links


def _fresh_folder() -> Path:
    """A folder in memory where there is room for one, named after this process; those of dead processes are removed."""
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    for left in base.glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base))


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is killed on leaving, and by the kernel should this process die first. Its data is disposable."""
    with log.open("ab") as out:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _certificate(folder: Path) -> None:
    """A self-signed certificate for 127.0.0.1; its key also signs service account tokens."""
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 7 -subj /CN=marsad-test"
    extensions = "-addext subjectAltName=IP:127.0.0.1 -addext keyUsage=critical,digitalSignature,keyCertSign"
    files = f"-keyout {folder / 'server.key'} -out {folder / 'server.crt'}"
    command = ["openssl", *f"{request} {extensions} {files}".split()]
    subprocess.run(command, check=True, capture_output=True)


def _etcd(tools: Path, data: Path, client: int, peer: int) -> list[str]:
    urls = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    command = [str(tools / "etcd"), f"--data-dir={data}", "--unsafe-no-fsync", "--log-level=warn"]
    command += [f"--listen-client-urls={urls[0]}", f"--advertise-client-urls={urls[0]}"]
    return [*command, f"--listen-peer-urls={urls[1]}", f"--initial-advertise-peer-urls={urls[1]}",
            f"--initial-cluster=default={urls[1]}"]  # fmt: skip


def _kube_apiserver(tools: Path, folder: Path, etcd: int, port: int) -> list[str]:
    key = folder / "server.key"
    return [
        str(tools / "kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={port}",
        f"--tls-cert-file={folder / 'server.crt'}", f"--tls-private-key-file={key}",
        f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC", "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'server.crt'}",
        f"--service-account-signing-key-file={key}", "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none", "--disable-admission-plugins=ServiceAccount",
    ]  # fmt: skip


def _await_ready(server: ApiServer, processes: Sequence[subprocess.Popen[bytes]]) -> bool:
    """Whether the server became ready; false as soon as one of its processes has ended."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and all(process.poll() is None for process in processes):
        with contextlib.suppress(OSError):
            request = urllib.request.Request(
                server.url + "/readyz", headers={"Authorization": f"Bearer {server.token}"}
            )
            with urllib.request.urlopen(request, context=server.context, timeout=5):
                return True
        time.sleep(0.1)
    return False


@contextmanager
def apiserver() -> Iterator[ApiServer]:
    """Start etcd and kube-apiserver, yield them ready, and leave nothing behind. Raises StartFailed."""
    folder = _fresh_folder()
    try:
        tools = _tools(folder)
        _certificate(folder)
        token = secrets.token_hex(16)
        (folder / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
        context = ssl.create_default_context(cafile=folder / "server.crt")
        for attempt in range(_ATTEMPTS):
            client, peer, port = free_ports(3)
            server = ApiServer(f"https://127.0.0.1:{port}", token, folder, tools, context)
            with (
                _running(_etcd(tools, folder / f"etcd-{attempt}", client, peer), folder / "etcd.log") as etcd,
                _running(_kube_apiserver(tools, folder, client, port), folder / "kube-apiserver.log") as kube,
            ):
                if _await_ready(server, (etcd, kube)):
                    server._write_kubeconfig("kubeconfig", token)
                    yield server
                    return
        raise StartFailed(
            "\n".join(line for log in folder.glob("*.log") for line in log.read_text().splitlines()[-15:])
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
