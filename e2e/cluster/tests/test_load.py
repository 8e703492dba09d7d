"""What is sent to a node: whole images, without the layers that it holds."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import Any

from e2e.cluster import load

BASE, APP = b"the base layer", b"the layer of the application"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def saved(*, compressed: bool = False) -> tarfile.TarFile:
    """What `docker save` writes for an image of two layers; newer releases write compressed layers by digest."""
    layers = [load.GZIP + layer for layer in (BASE, APP)] if compressed else [BASE, APP]
    names = (
        [f"blobs/{digest(layer).replace(':', '/')}" for layer in layers]
        if compressed
        else ["0/layer.tar", "1/layer.tar"]
    )
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest(BASE), digest(APP)]}}).encode()
    manifest = [{"Config": "config.json", "RepoTags": ["marsad/center:1"], "Layers": names}]
    files = {
        "config.json": config,
        **dict(zip(names, layers, strict=True)),
        "manifest.json": json.dumps(manifest).encode(),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def converted(archive: tarfile.TarFile, held: set[str]) -> dict[str, bytes]:
    out = io.BytesIO()
    load.convert(archive, out, held)
    out.seek(0)
    with tarfile.open(fileobj=out) as oci:
        return {member.name: oci.extractfile(member).read() for member in oci}  # type: ignore[union-attr]


def manifest_of(files: dict[str, bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one entry of the index, and the manifest that it names."""
    (entry,) = json.loads(files["index.json"])["manifests"]
    return entry, json.loads(files[f"blobs/{entry['digest'].replace(':', '/')}"])


def test_every_blob_is_named_by_its_digest() -> None:
    files = converted(saved(), set())
    blobs = {name: content for name, content in files.items() if name.startswith("blobs/")}
    assert all(name.endswith(hashlib.sha256(content).hexdigest()) for name, content in blobs.items())
    entry, manifest = manifest_of(files)
    assert entry["annotations"] == {"io.containerd.image.name": "docker.io/marsad/center:1"}
    assert [layer["digest"] for layer in manifest["layers"]] == [digest(BASE), digest(APP)]
    assert {BASE, APP} < set(blobs.values())


def test_a_layer_that_the_node_holds_is_not_sent_but_still_named() -> None:
    files = converted(saved(), {digest(BASE)})
    assert BASE not in files.values()
    assert APP in files.values()
    assert [layer["digest"] for layer in manifest_of(files)[1]["layers"]] == [digest(BASE), digest(APP)]


def test_compressed_layers_keep_their_own_digest_and_say_what_they_are() -> None:
    layers = manifest_of(converted(saved(compressed=True), set()))[1]["layers"]
    assert [layer["digest"] for layer in layers] == [digest(load.GZIP + BASE), digest(load.GZIP + APP)]
    assert {layer["mediaType"] for layer in layers} == {"application/vnd.oci.image.layer.v1.tar+gzip"}
