"""Where the API server is and how to log in: a kubeconfig file, or the ServiceAccount of the pod."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NoCluster(RuntimeError):
    """Neither KUBECONFIG, nor a pod's ServiceAccount, nor ~/.kube/config says where the API server is."""


@dataclass(frozen=True)
class Connection:
    """One API server and the identity to use there. `*_data` are PEM bytes; `token_path` is read anew as it rotates."""

    server: str
    ca: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    token: str | None = None
    token_path: Path | None = None
    insecure: bool = False
    server_name: str | None = None

    def bearer(self) -> str | None:
        """The bearer token as of now: a projected token is replaced by the kubelet about hourly."""
        if self.token_path is not None:
            return self.token_path.read_text(encoding="ascii").strip()
        return self.token

    def ssl_context(self) -> ssl.SSLContext | None:
        """TLS settings, or None for plain HTTP. Keys touch the disk only for the moment that OpenSSL needs."""
        if not self.server.startswith("https://"):
            return None
        context = ssl.create_default_context(cadata=self.ca.decode("ascii") if self.ca else None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate and self.key:
            with tempfile.NamedTemporaryFile() as pair:
                pair.write(self.certificate + b"\n" + self.key)
                pair.flush()
                context.load_cert_chain(pair.name)
        return context


def connect(environment: Mapping[str, str] = os.environ, service_account: Path = SERVICE_ACCOUNT) -> Connection:
    """The connection that the environment describes: KUBECONFIG first, then the pod's, then ~/.kube/config."""
    if environment.get("KUBECONFIG"):
        return from_kubeconfig(Path(environment["KUBECONFIG"].split(os.pathsep)[0]))
    if environment.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster(environment, service_account)
    default = Path.home() / ".kube" / "config"
    if default.exists():
        return from_kubeconfig(default)
    raise NoCluster("set KUBECONFIG, or run in a pod with a ServiceAccount")


def in_cluster(environment: Mapping[str, str], service_account: Path = SERVICE_ACCOUNT) -> Connection:
    """The connection of a pod: address from the environment, certificate authority and token from its mount."""
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT", "443")
    return Connection(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca=(service_account / "ca.crt").read_bytes(),
        token_path=service_account / "token",
    )


def from_kubeconfig(path: Path, context_name: str | None = None) -> Connection:
    """The connection of a context, else of the current one. Raises NoCluster for what is not supported (plugins)."""
    config = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    chosen = context_name or config.get("current-context")
    if not chosen:
        raise NoCluster(f"{path} has no current context: choose one with `kubectl config use-context`")
    context = _named(config, "contexts", "context", chosen)
    cluster = _named(config, "clusters", "cluster", context.get("cluster"))
    user = _named(config, "users", "user", context.get("user"))
    if "exec" in user or "auth-provider" in user:
        raise NoCluster(f"{path}: login by plugin is not supported; use a token or a client certificate")
    token_file = user.get("tokenFile")
    return Connection(
        server=cluster["server"].rstrip("/"),
        ca=_data(path, cluster, "certificate-authority"),
        certificate=_data(path, user, "client-certificate"),
        key=_data(path, user, "client-key"),
        token=user.get("token"),
        token_path=path.parent / token_file if token_file else None,
        insecure=bool(cluster.get("insecure-skip-tls-verify", False)),
        server_name=cluster.get("tls-server-name"),
    )


def _named(config: Mapping[str, Any], plural: str, singular: str, name: str | None) -> dict[str, Any]:
    for entry in config.get(plural) or ():
        if entry.get("name") == name:
            return dict(entry.get(singular) or {})
    raise NoCluster(f"the kubeconfig has no {singular} named {name!r}")


def _data(path: Path, entry: Mapping[str, Any], name: str) -> bytes | None:
    if encoded := entry.get(f"{name}-data"):
        return base64.b64decode(encoded)
    return (path.parent / entry[name]).read_bytes() if entry.get(name) else None
