"""CloudNativePG in a cluster: from the release manifest inside its Go module, with an image that can be had here."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from e2e.cluster import kind
from e2e.console import CACHE, Failure, output, run, succeeds
from e2e.node import archive, binaries, docker

TOOL = "cloudnative-pg"
NAMESPACE = "cnpg-system"
DEPLOYMENT = "cnpg-controller-manager"
STOCK = f"ghcr.io/cloudnative-pg/cloudnative-pg:{binaries.version(TOOL).lstrip('v')}"
# The release manifest's limits (a tenth of a core) make every start and failover of a small machine slow.
RESOURCES = (
    """          limits:
            cpu: 100m
            memory: 200Mi
          requests:
            cpu: 100m
            memory: 100Mi
""",
    """          limits:
            memory: 400Mi
          requests:
            cpu: 20m
            memory: 100Mi
""",
)
# Small enough for the API server to answer at once, complete enough for the validating webhook to accept it.
PROBE = {
    "apiVersion": "postgresql.cnpg.io/v1",
    "kind": "Cluster",
    "metadata": {"name": "webhook-probe", "namespace": "default"},
    "spec": {"instances": 1, "storage": {"size": "1Gi"}},
}


def image() -> str:
    """The operator's image: the stock one where it can be pulled, else made here from its Go module."""
    if docker.pull(STOCK):
        return STOCK
    own = f"marsad/cloudnative-pg:{binaries.folder(TOOL).name.removeprefix(f'{TOOL}-v')}"
    if not docker.has(own):
        # The operator copies itself into every database pod from this path, by architecture.
        program = f"operator/manager_{binaries.architecture()}"
        files = {program: binaries.program(TOOL, "manager")}
        archive.program(own, files, ["/manager"], user="65532:65532", links={"manager": program})
    return own


def manifest(text: str, operator_image: str) -> str:
    """The release manifest with the operator's image, its pull policy and resources replaced."""
    for old, new in ((STOCK, operator_image), ("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent"), RESOURCES):
        if old not in text:
            raise Failure(
                f"CloudNativePG's release manifest has changed: it lacks {old!r}", "adapt e2e/cluster/cnpg.py"
            )
        text = text.replace(old, new)
    return text


def install(name: str, operator_image: str) -> None:
    """Install or update CloudNativePG in a cluster."""
    path = CACHE / "kind" / f"cnpg-{name}.yaml"
    path.write_text(manifest(_release().read_text(), operator_image))
    apply: list[str | Path] = [*kind.context(name), "apply", "--server-side", "--force-conflicts", "--filename", path]
    run(apply, log=f"cnpg-{name}", timeout=120)


def wait(name: str, seconds: float = 180) -> None:
    """Wait until the operator runs and its webhooks answer."""
    rollout = ["rollout", "status", f"deployment/{DEPLOYMENT}", f"--timeout={seconds:.0f}s"]
    advice = f"kubectl --context kind-{name} --namespace {NAMESPACE} describe pods"
    run([*kind.context(name), "--namespace", NAMESPACE, *rollout], log=f"cnpg-{name}", advice=advice)
    probe = CACHE / "kind" / "cnpg-probe.json"
    probe.write_text(json.dumps(PROBE))
    deadline = time.monotonic() + seconds
    while not succeeds([*kind.context(name), "create", "--dry-run=server", "--filename", probe]):
        if time.monotonic() > deadline:
            raise Failure("CloudNativePG's webhook does not answer", advice)
        time.sleep(0.5)


def installed(name: str, operator_image: str) -> bool:
    """Whether a cluster runs CloudNativePG with this image."""
    wanted = [*kind.context(name), "--namespace", NAMESPACE, "get", "deployment", DEPLOYMENT]
    try:
        found = output([*wanted, "--output", "jsonpath={.spec.template.spec.containers[0].image}"])
    except Failure:
        return False
    return found == operator_image


def _release() -> Path:
    """The release manifest, kept in the cache once it was found in the module."""
    version = binaries.version(TOOL)
    kept = CACHE / "manifests" / f"cnpg-{version.lstrip('v')}.yaml"
    if not kept.exists():
        module = json.loads(
            binaries.go_command(TOOL, "mod", "download", "-json", f"{binaries.MODULES[TOOL]}@{version}")
        )
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(module["Dir"]) / "releases" / kept.name, kept)
    return kept
