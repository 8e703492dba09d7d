"""Keeps the rules of the policies in the kernel of a kind node while a story runs: asks the API server, tells `nft`.

The node is a container with a network of its own, so nothing outside it is touched; afterwards the table is gone.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.console import Failure, output
from e2e.kubectl import Kubectl
from e2e.policies import nftables, read

EVERY = 1.0  # seconds between two looks at the API server
BRIDGED = "/proc/sys/net/bridge/bridge-nf-call-iptables"


class Enforcer:
    """Within `with`, the policies of a cluster of one node are enforced, a second or so behind what is declared.

    `node` is the node's container. Raises Failure where the kernel cannot do it, and read.Uncovered where a policy says
    more than can be enforced: at once, or at the end for what appeared meanwhile.
    """

    def __init__(self, kube: Kubectl, node: str) -> None:
        self.kube, self.node = kube, node
        self._loaded, self._lock = "", threading.Lock()
        self._end, self._thread = threading.Event(), threading.Thread(target=self._follow, daemon=True)
        self._failed: Exception | None = None

    def __enter__(self) -> Enforcer:
        if output(["docker", "exec", self.node, "cat", BRIDGED]).strip() != "1":
            raise Failure(f"{self.node}: packets between pods pass its bridge unseen", f"write 1 to {BRIDGED} in it")
        self.catch_up()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._remove()
        if self._failed:
            raise self._failed

    def catch_up(self) -> None:
        """Enforce what is declared now, before this returns."""
        with self._lock:
            self._load(rules(self.kube))

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Nothing is enforced within."""
        with self._lock:
            self._remove()
            yield
        self.catch_up()

    def _follow(self) -> None:
        while not self._end.wait(EVERY):
            try:
                self.catch_up()
                self._failed = None
            except Exception as error:  # told at the end, unless it went as it came
                self._failed = error

    def _load(self, text: str) -> None:
        if text != self._loaded:
            output(["docker", "exec", "--interactive", self.node, "nft", "--file", "-"], stdin=text)
            self._loaded = text

    def _remove(self) -> None:
        self._load(nftables.REMOVAL)


def rules(kube: Kubectl) -> str:
    """The rules for everything that a cluster declares now. Raises read.Uncovered."""
    found = json.loads(kube.run("get", "networkpolicies,pods,namespaces", "--all-namespaces", "--output", "json"))
    items: dict[str, list[dict[str, object]]] = {}
    for item in found["items"]:
        items.setdefault(item["kind"], []).append(item)
    namespaces = {item["metadata"]["name"]: item["metadata"]["labels"] for item in found["items"]
                  if item["kind"] == "Namespace"}  # fmt: skip
    policies = [read.policy(item) for item in items.get("NetworkPolicy", ())]
    return nftables.ruleset(policies, read.pods(items.get("Pod", ())), namespaces)
