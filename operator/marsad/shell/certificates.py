"""Reads certificates where it must know of them, and issues those of a center's own authority.

A Secret's content is read only of the objects that TLS is declared with, when they changed, and not kept: what stays in
memory is when a certificate ends and what it is called.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from marsad.api.names import GATEWAY, managed_labels
from marsad.core import certificates as core
from marsad.core.certificates import AUTHORITY, SERVER, Due, Step
from marsad.core.kinds import CONFIG_MAP, SECRET
from marsad.core.world import Held, Key, Manifest, Observed
from marsad.shell.apply import Applied, refusal
from marsad.shell.client import Client, path
from marsad.shell.errors import ApiError, NotFound, Overloaded, Unreachable, without_words
from marsad.shell.issuing import authority, loaded, pair, pem, server
from marsad.shell.writer import Writer

log = logging.getLogger(__name__)


class Certificates:
    """What is known of the certificates of all centers, by namespace."""

    def __init__(self, client: Client, writer: Writer) -> None:
        self._client, self._writer = client, writer
        self._known: dict[str, dict[Key, tuple[str, Held]]] = {}  # with the resourceVersion that was read

    async def look(self, observed: Observed) -> Observed:
        """The world with what the objects hold that TLS is declared with. Raises Unreachable or Overloaded."""
        namespace = observed.cluster.namespace
        before, known = self._known.pop(namespace, {}), {}
        for kind, name in core.objects(observed):
            live = observed.get("", kind, name)
            if live is None:
                continue
            key, version = Key.of(live), live["metadata"].get("resourceVersion", "")
            seen = before.get(key, ("", Held()))
            known[key] = seen if seen[0] == version else (version, await self._read(key))
        if known:
            self._known[namespace] = known
        return replace(observed, certificates={key: held for key, (_version, held) in known.items()})

    async def issue(self, observed: Observed, due: Due, done: Applied) -> None:
        """Issue what is due. What the server refuses is told in `done`. Raises Unreachable or Overloaded."""
        namespace, now = observed.cluster.namespace, observed.now
        try:
            if due.authority is Step.MAKE:
                signer = authority(namespace, now)
            else:
                signer = loaded(await self._data(Key("", "Secret", namespace, AUTHORITY)))
            if due.authority is Step.RENEW:
                signer = authority(namespace, now, signer)
            if due.authority is not Step.KEEP:
                annotations = {core.ANNOTATION_CERTIFICATE: pem(signer.certificate).decode()}
                await self._put(observed, AUTHORITY, pair(signer.certificate, signer.key), annotations, done)
            await self._put(observed, SERVER, server(due.names, signer, now), {}, done)
        except (Unreachable, Overloaded):
            raise
        except ApiError as error:
            key = Key("", "Secret", namespace, SERVER)
            done.refused[key] = refusal(without_words(error, f"the certificate of {key} was not issued"))
            log.warning("%s", done.refused[key].message)

    async def _put(
        self, observed: Observed, name: str, data: Mapping[str, bytes], annotations: Mapping[str, str], done: Applied
    ) -> None:
        """Create the Secret, or replace what it holds in one step: a certificate with its key."""
        cluster, live = observed.cluster, observed.get("", "Secret", name)
        coded = {entry: base64.b64encode(value).decode() for entry, value in data.items()}
        labels = managed_labels(cluster.name, GATEWAY)
        metadata: dict[str, Any] = {"labels": labels, "annotations": dict(annotations)}
        if live is None:
            metadata |= {"name": name, "namespace": cluster.namespace}
            made = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata}
            await self._writer.create(SECRET, {**made, "data": coded})
        else:
            metadata["resourceVersion"] = live["metadata"]["resourceVersion"]
            await self._writer.patch(SECRET, cluster.namespace, name, {"metadata": metadata, "data": coded})
        done.written += 1
        log.info("issued the certificate of Secret/%s", name)

    async def _read(self, key: Key) -> Held:
        try:
            return core.read(await self._data(key))
        except (Unreachable, Overloaded):
            raise
        except NotFound:
            return Held(fault="it was deleted a moment ago")
        except ApiError as error:
            return Held(fault=f"it cannot be read ({without_words(error, 'the API server refused it').message})")

    async def _data(self, key: Key) -> dict[str, bytes]:
        """The whole content of a Secret or ConfigMap."""
        kind = SECRET if key.kind == "Secret" else CONFIG_MAP
        found: Manifest = await self._client.ask("GET", path(kind, key.namespace, key.name))
        data: Mapping[str, str] = found.get("data") or {}
        if kind is CONFIG_MAP:
            return {name: text.encode() for name, text in data.items()}
        return {name: _decoded(text) for name, text in data.items()}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""
