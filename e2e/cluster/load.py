"""Images from Docker into a cluster's node, without the layers that the node holds already.

`kind load` sends whole images: hundreds of megabytes when one source file changed. Here an OCI archive is made of what
`docker save` gives, its index and manifests whole, its layers only those whose digest the node's containerd lacks; the
importer finds the others in its own store.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Container
from pathlib import Path
from typing import IO, Any

from e2e.cluster import kind
from e2e.console import CACHE, LOGS, Failure, output, run
from e2e.node import docker

OCI = "application/vnd.oci.image"
GZIP = b"\x1f\x8b"


def load(cluster: str, images: list[str]) -> list[str]:
    """Put images into a cluster's node, those it lacks; names identify content, so a name it has is up to date."""
    inside = ["docker", "exec", "--interactive", kind.node(cluster), "ctr", "--namespace", "k8s.io"]
    names = set(output([*inside, "images", "list", "--quiet"]).split())
    absent = [image for image in images if qualified(image) not in names]
    if not absent:
        return []
    held = set(output([*inside, "content", "list", "--quiet"]).split())
    for image in absent:
        _send(cluster, archive(image), held, [*inside, "images", "import", "--snapshotter", "overlayfs", "-"])
    return absent


def archive(image: str) -> Path:
    """What `docker save` writes for an image, kept in the cache for the next cluster while Docker has the image."""
    path = CACHE / "images" / (image.replace("/", "_") + ".tar")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        for other in path.parent.glob("*.tar"):
            if not docker.has(other.stem.replace("_", "/")):
                other.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            saved = Path(scratch) / "saved"
            run(["docker", "save", "--output", saved, image], log="save")
            saved.rename(path)
    return path


def _send(cluster: str, path: Path, held: Container[str], importing: list[str]) -> None:
    LOGS.mkdir(parents=True, exist_ok=True)
    said = LOGS / f"load-{cluster}.log"
    with said.open("ab") as log, subprocess.Popen(importing, stdin=subprocess.PIPE, stdout=log, stderr=log) as process:
        assert process.stdin is not None
        try:
            with tarfile.open(path) as saved:
                convert(saved, process.stdin, held)
            process.stdin.close()
        except BrokenPipeError:
            pass  # the importer gave up: its exit code and log say why
    if process.returncode:
        raise Failure(f"{path.stem} could not be loaded into cluster {cluster}", "run this again", said)


def qualified(image: str) -> str:
    """An image's name as containerd keeps it."""
    first = image.partition("/")[0]
    return image if "." in first or ":" in first else f"docker.io/{image}"


def convert(saved: tarfile.TarFile, out: IO[bytes], held: Container[str]) -> None:
    """Write an OCI archive of every image that `docker save` wrote, leaving out layers whose digest is `held`."""
    written: set[str] = set()
    manifests: list[dict[str, Any]] = []
    with tarfile.open(fileobj=out, mode="w|") as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        for image in json.loads(_read(saved, "manifest.json")):
            config = _read(saved, image["Config"])
            layers = [
                _layer(saved, name, digest)
                for name, digest in zip(image["Layers"], json.loads(config)["rootfs"]["diff_ids"], strict=True)
            ]
            for name, layer in zip(image["Layers"], layers, strict=True):
                if layer["digest"] not in held and layer["digest"] not in written:
                    written.add(layer["digest"])
                    _copy(saved, name, archive, _blob(layer["digest"]))
            described = {"mediaType": f"{OCI}.config.v1+json", "digest": _digest(config), "size": len(config)}
            manifest = {
                "schemaVersion": 2,
                "mediaType": f"{OCI}.manifest.v1+json",
                "config": described,
                "layers": layers,
            }
            text = json.dumps(manifest).encode()
            _add(archive, _blob(_digest(config)), config)
            _add(archive, _blob(_digest(text)), text)
            for tag in image["RepoTags"] or []:
                names = {"io.containerd.image.name": qualified(tag)}
                one = {
                    "mediaType": manifest["mediaType"],
                    "digest": _digest(text),
                    "size": len(text),
                    "annotations": names,
                }
                manifests.append(one)
        _add(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": manifests}).encode())


def _layer(saved: tarfile.TarFile, name: str, uncompressed: str) -> dict[str, Any]:
    """Descriptor of a layer: an uncompressed one's digest is its diff id; a compressed one's is in its file's name."""
    member = _member(saved, name)
    content = saved.extractfile(member)
    assert content is not None
    if content.read(2) == GZIP:
        digest = f"sha256:{Path(name).name}"
        return {"mediaType": f"{OCI}.layer.v1.tar+gzip", "digest": digest, "size": member.size}
    return {"mediaType": f"{OCI}.layer.v1.tar", "digest": uncompressed, "size": member.size}


def _member(saved: tarfile.TarFile, name: str) -> tarfile.TarInfo:
    """A file of the archive; `docker save` writes a layer that two images share once, and a link to it."""
    member = saved.getmember(name)
    while member.issym() or member.islnk():
        base = Path(member.name).parent if member.issym() else Path()
        member = saved.getmember(_normal(base / member.linkname))
    return member


def _normal(path: Path) -> str:
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def _read(saved: tarfile.TarFile, name: str) -> bytes:
    content = saved.extractfile(_member(saved, name))
    assert content is not None
    return content.read()


def _copy(saved: tarfile.TarFile, source: str, archive: tarfile.TarFile, target: str) -> None:
    member = _member(saved, source)
    entry = tarfile.TarInfo(target)
    entry.size = member.size
    archive.addfile(entry, saved.extractfile(member))


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")
