"""Our node image: Debian's systemd and runc, Kubernetes from Go modules, and every container image that never changes.

Named `marsad/node:<Kubernetes version>-<digest of all it is made of>`, so that what did not change is not built again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.console import CACHE, LOGS, Failure, output, run, succeeds
from e2e.node import archive, binaries, docker

IMAGE = Path(__file__).parent / "image"
CONTAINERD = ["containerd", "containerd-shim-runc-v2", "ctr"]
NODE_TOOLS = ["kubernetes", "containerd", "cni", "etcd", "coredns", "pause", "local-path-provisioner"]
PROVISIONER = "marsad/local-path-provisioner"


def kubeadm_images() -> dict[str, str]:
    """Image names that kubeadm of this release starts, by the last part of their name (`etcd`, `pause`...)."""
    listing = ["config", "images", "list", "--kubernetes-version", binaries.version("kubernetes")]
    names = output([binaries.program("kubernetes", "kubeadm"), *listing]).split()
    return {name.rpartition("/")[2].partition(":")[0]: name for name in names}


def name(base: str, extra: list[str]) -> str:
    """The node image's name for a base image and the extra images to hold (their names identify their content)."""
    digest = hashlib.sha256(f"{docker.identity(base)} {sorted(extra)}".encode())
    for file in sorted([*IMAGE.rglob("*"), Path(__file__), Path(archive.__file__)]):
        if file.is_file():
            digest.update(file.name.encode() + file.read_bytes())
    digest.update(repr([binaries.folder(tool).name for tool in NODE_TOOLS]).encode())
    return f"marsad/node:{binaries.version('kubernetes')}-{digest.hexdigest()[:12]}"


def ensure(base: str, extra: list[str], say: Callable[[str], None] = print) -> str:
    """Have the node image, holding kubeadm's images, the storage provisioner's and the `extra` ones of this daemon."""
    image = name(base, extra)
    if docker.has(image):
        return image
    say("images of the control plane")
    wanted = [*_control_plane(base), _provisioner(), base, *extra]
    say("the node's Debian packages and binaries")
    bare = f"{image}-bare"
    with _context(base) as context:
        docker.build(bare, context, dockerfile=IMAGE / "Dockerfile", arguments={"BASE_IMAGE": base}, log="node-image")
    say(f"{len(wanted)} images into the node")
    _import(bare, wanted, image)
    docker.prune("marsad/node", keep=2)  # this one and what it was made from: each takes a gigabyte
    return image


def _control_plane(base: str) -> list[str]:
    images = kubeadm_images()
    if (wanted := images["pause"].partition(":")[2]) != binaries.OWN_VERSIONS["pause"].lstrip("v"):
        raise Failure(f"kubeadm wants pause {wanted}", "set OWN_VERSIONS in e2e/node/binaries.py to it")
    kubernetes = binaries.build("kubernetes")
    for component in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        program = kubernetes / component
        archive.program(images[component], {f"usr/local/bin/{component}": program}, [f"/usr/local/bin/{component}"])
    archive.program(images["etcd"], {"usr/local/bin/etcd": binaries.program("etcd")}, ["/usr/local/bin/etcd"])
    archive.program(images["coredns"], {"coredns": binaries.program("coredns")}, ["/coredns"])
    archive.program(images["pause"], {"pause": binaries.program("pause")}, ["/pause"], user="65535:65535")
    with tempfile.TemporaryDirectory(dir=CACHE) as context:
        _place(kubernetes / "kube-proxy", Path(context) / "kube-proxy")
        recipe = IMAGE / "kube-proxy.Dockerfile"
        proxy, arguments = images["kube-proxy"], {"BASE_IMAGE": base}
        docker.build(proxy, Path(context), dockerfile=recipe, arguments=arguments, log="node-image")
    return list(images.values())


def _provisioner() -> str:
    image = f"{PROVISIONER}:{binaries.version('local-path-provisioner')}"
    program = binaries.program("local-path-provisioner")
    archive.program(image, {"usr/bin/local-path-provisioner": program}, ["/usr/bin/local-path-provisioner"])
    return image


@contextmanager
def _context(base: str) -> Iterator[Path]:
    """A build context: our files with their image names filled in, and the binaries where a node has them."""
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        root = Path(scratch) / "rootfs"
        shutil.copytree(IMAGE / "rootfs", root)
        config = root / "etc/containerd/config.toml"
        config.write_text(config.read_text().replace("@PAUSE_IMAGE@", kubeadm_images()["pause"]))
        storage = (IMAGE / "default-storage.yaml").read_text()
        provisioner = f"{PROVISIONER}:{binaries.version('local-path-provisioner')}"
        storage = storage.replace("@PROVISIONER_IMAGE@", provisioner).replace("@HELPER_IMAGE@", base)
        (root / "kind/manifests").mkdir(parents=True)
        (root / "kind/manifests/default-storage.yaml").write_text(storage)
        (root / "kind/version").write_text(binaries.version("kubernetes"))
        for program in ("kubelet", "kubeadm", "kubectl"):
            _place(binaries.program("kubernetes", program), root / "usr/bin" / program)
        for program in CONTAINERD:
            _place(binaries.program("containerd", program), root / "usr/local/bin" / program)
        for plugin in binaries.build("cni").iterdir():
            _place(plugin, root / "opt/cni/bin" / plugin.name)
        yield Path(scratch)


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)  # both are in the cache: no copy of hundreds of megabytes


def _import(bare: str, images: list[str], result: str) -> None:
    """Put images into a node's containerd, to be unpacked when a cluster starts (overlay on overlay cannot); commit."""
    start = ["docker", "run", "--detach", "--privileged", "--network", "none"]
    start += ["--entrypoint", "/usr/local/bin/containerd"]
    container = output([*start, bare]).strip()
    inside = ["docker", "exec", "--interactive", container, "ctr", "--namespace", "k8s.io"]
    try:
        deadline = time.monotonic() + 60
        while not succeeds([*inside, "version"]):
            if time.monotonic() > deadline:
                raise Failure(
                    "containerd did not start in the node image", "see `docker logs` of it", LOGS / "node.log"
                )
            time.sleep(0.5)
        with (LOGS / "node-image.log").open("ab") as log:
            saving = subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE, stderr=log)
            importing = [*inside, "images", "import", "--no-unpack", "-"]
            done = subprocess.run(importing, stdin=saving.stdout, stdout=log, stderr=log, check=False)
            if saving.wait() or done.returncode:
                raise Failure("the images could not be put into the node image", "", LOGS / "node-image.log")
        changes = ['ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]', "CMD []"]
        commit = ["docker", "commit", *(word for change in changes for word in ("--change", change))]
        run([*commit, container, result], log="node-image")
    finally:
        run(["docker", "rm", "--force", "--volumes", container], log="node-image")
