"""Go programs the cluster is made of, built from pinned modules and cached outside the clone.

Each folder of tools/ is one Go module whose `tool` directives (or own main.go) name what to build, with exact
versions in go.mod and checksums in go.sum. A folder's binaries are keyed by its files and the compiler, so a second
clone on the same machine, or a change elsewhere, builds nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import functools
import hashlib
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from e2e.console import CACHE, Failure, output, run
from e2e.node.golang import go

TOOLS = Path(__file__).parent / "tools"
OWN_MAIN = {"etcd", "coredns", "pause"}  # modules built from our main.go instead of a `tool` directive
OWN_VERSIONS = {"pause": "v3.10.2"}  # the pod sandbox image that kubeadm of this Kubernetes release asks for
# What the stock releases stamp into their binaries, so that `kubectl version` and kubeadm's skew checks are right.
STAMPS = {
    "kubernetes": {
        "k8s.io/component-base/version.gitVersion": "{v}",
        "k8s.io/component-base/version.gitMajor": "1",
        "k8s.io/component-base/version.gitMinor": "{minor}",
        "k8s.io/component-base/version.gitTreeState": "clean",
        "k8s.io/client-go/pkg/version.gitVersion": "{v}",
    },
    "containerd": {"github.com/containerd/containerd/v2/version.Version": "{v}"},
    "helm": {"helm.sh/helm/v3/internal/version.version": "{v}"},
    "cloudnative-pg": {"github.com/cloudnative-pg/cloudnative-pg/pkg/versions.buildVersion": "{bare}"},
    "coredns": {"github.com/coredns/coredns/coremain.GitCommit": "marsad"},
}
MODULES = {
    "kubernetes": "k8s.io/kubernetes",
    "containerd": "github.com/containerd/containerd/v2",
    "cni": "github.com/containernetworking/plugins",
    "helm": "helm.sh/helm/v3",
    "kind": "sigs.k8s.io/kind",
    "cloudnative-pg": "github.com/cloudnative-pg/cloudnative-pg",
    "local-path-provisioner": "github.com/rancher/local-path-provisioner",
    "etcd": "go.etcd.io/etcd/server/v3",
    "coredns": "github.com/coredns/coredns",
    "pause": "",
}
MINUTES = {"kubernetes": 5, "etcd": 2, "coredns": 2, "helm": 2, "containerd": 2, "cloudnative-pg": 2}  # cold, 2 cores


def version(tool: str) -> str:
    """The pinned version of a tool, such as `v1.36.3`, as its go.mod says."""
    if tool in OWN_VERSIONS:
        return OWN_VERSIONS[tool]
    text = (TOOLS / tool / "go.mod").read_text()
    found = re.search(rf"^(?:require )?\s*{re.escape(MODULES[tool])} (v\S+)", text, re.M)
    if not found:
        raise Failure(f"{TOOLS / tool}/go.mod does not pin {MODULES[tool]}")
    return found[1]


def packages(tool: str) -> list[str]:
    """Import paths of the main packages that a tool's folder asks for."""
    if tool in OWN_MAIN:
        return ["."]
    text = (TOOLS / tool / "go.mod").read_text()
    block = re.search(r"^tool \(\n(.*?)^\)", text, re.M | re.S)
    return block[1].split() if block else re.findall(r"^tool (\S+)", text, re.M)


@functools.cache
def compiler() -> str:
    """The compiler's version and target, two lines."""
    return output([go(), "env", "GOVERSION", "GOARCH"])


def architecture() -> str:
    """What Go calls this machine's processor, such as `amd64`."""
    return compiler().split()[1]


def key(tool: str) -> str:
    """Digest of what decides a tool's binaries: its pinned modules, our sources, the compiler, the stamps."""
    digest = hashlib.sha256()
    for file in sorted((TOOLS / tool).iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    digest.update(compiler().encode())
    digest.update(repr(sorted(STAMPS.get(tool, {}).items())).encode())
    return digest.hexdigest()[:12]


def folder(tool: str) -> Path:
    """Where a tool's binaries are, or will be, in the cache."""
    return CACHE / "bin" / f"{tool}-{version(tool)}-{key(tool)}"


def _ldflags(tool: str) -> str:
    v = version(tool)
    values = {"v": v, "bare": v.lstrip("v"), "minor": v.split(".")[1]}
    stamps = " ".join(f"-X {name}={value.format(**values)}" for name, value in STAMPS.get(tool, {}).items())
    return f"-s -w {stamps}".strip()


def build(tool: str) -> Path:
    """Build a tool if the cache lacks it; the folder appears only when complete, so a killed build leaves nothing.

    Of two that want the same tool at a time, one builds and the other waits for it.
    """
    target = folder(tool)
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{tool}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released with the file, also when the process is killed
        if not target.is_dir():
            _build(tool, target)
    return target


def _build(tool: str, target: Path) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{tool}-", dir=target.parent))
    out = str(scratch / tool) if tool in OWN_MAIN else f"{scratch}/"
    command: list[str | Path] = [
        go(),
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags",
        _ldflags(tool),
        "-o",
        out,
        *packages(tool),
    ]
    advice = f"see that `go mod download` works in {TOOLS / tool} (module proxy, memory: 2 GB are needed)"
    try:
        environment = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
        run(command, log=f"go-{tool}", advice=advice, cwd=TOOLS / tool, env=environment, timeout=3600)
        scratch.chmod(0o755)
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def program(tool: str, name: str = "") -> Path:
    """Path of one program of a tool (by default the one of the tool's own name), built if need be."""
    return build(tool) / (name or tool)


def go_command(tool: str, *arguments: str) -> str:
    """What a `go` command prints that is run in a tool's folder."""
    return output([go(), "-C", TOOLS / tool, *arguments], timeout=600)


def unbuilt() -> list[str]:
    """The tools that the cache lacks."""
    return [tool for tool in MODULES if not folder(tool).is_dir()]


def main() -> None:
    """`python3 -m e2e.node.binaries [TOOL ...]`: build what is named (default: all) and say how long each took."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("tools", nargs="*", choices=[*sorted(MODULES), []], default=[])
    for tool in parser.parse_args().tools or sorted(MODULES):
        started = time.monotonic()
        try:
            path = build(tool)
        except Failure as failure:
            sys.exit(f"{tool}: {failure}")
        print(f"{tool:24} {version(tool):10} {time.monotonic() - started:6.1f} s  {path}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
