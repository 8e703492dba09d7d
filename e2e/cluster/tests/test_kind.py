"""What kind is told about a node, for every sort of machine."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster import kind
from e2e.console import Failure


def patches(configuration: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {patch["kind"]: patch for patch in map(json.loads, configuration["kubeadmConfigPatches"])}


def test_cgroups_of_version_1_are_accepted_by_the_kubelet() -> None:
    kubelet = patches(kind.config(own=True, version_1=True, port=None, resolver=None))["KubeletConfiguration"]
    assert kubelet["failCgroupV1"] is False
    assert kubelet["cgroupDriver"] == "cgroupfs"


def test_the_stock_node_on_cgroups_of_version_2_keeps_its_own_ways() -> None:
    configuration = kind.config(own=False, version_1=False, port=None, resolver=Path("/r"))
    assert "KubeletConfiguration" not in patches(configuration)
    assert configuration["networking"] == {"disableDefaultCNI": False}
    assert configuration["nodes"] == [{"role": "control-plane"}]


def test_pods_of_our_node_ask_the_machines_name_servers() -> None:
    configuration: dict[str, Any] = kind.config(
        own=True, version_1=False, port=None, resolver=Path("/cache/resolv.conf")
    )
    mount = configuration["nodes"][0]["extraMounts"][0]
    assert mount["hostPath"] == "/cache/resolv.conf"
    assert patches(configuration)["KubeletConfiguration"]["resolvConf"] == mount["containerPath"]


def test_the_dashboard_is_published_on_the_loopback_only() -> None:
    configuration: dict[str, Any] = kind.config(own=True, version_1=True, port=8007, resolver=None)
    mapping = {"containerPort": kind.DASHBOARD_NODE_PORT, "hostPort": 8007, "listenAddress": "127.0.0.1"}
    assert configuration["nodes"][0]["extraPortMappings"] == [mapping]


def test_name_servers_of_the_loopback_are_no_use_to_a_pod() -> None:
    text = "# a comment\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver ::1\nsearch example\n"
    assert kind.nameservers(text) == ["10.0.0.2"]


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What kind is told to remove, on a machine with the dead clusters `ours` and `theirs`; `ours` was made here."""
    told: list[str] = []
    monkeypatch.setattr(kind, "CACHE", tmp_path)
    monkeypatch.setattr(kind, "kind", lambda: Path("kind"))
    monkeypatch.setattr(kind, "_containers", lambda name: {f"{name}-control-plane": "exited"} if name != "none" else {})
    monkeypatch.setattr(kind, "run", lambda command, **_options: told.append(" ".join(map(str, command))))
    kind.configuration("ours").parent.mkdir(parents=True)
    kind.configuration("ours").write_text("{}")
    return told


def test_a_cluster_that_was_made_here_is_removed(removed: list[str]) -> None:
    kind.delete("none")
    kind.delete("ours")
    assert removed == ["kind delete cluster --name ours"]


def test_the_cluster_of_someone_else_is_neither_removed_nor_made_anew(removed: list[str]) -> None:
    for touch in (kind.delete, lambda name: kind.create(name, "image", own=True)):
        with pytest.raises(Failure, match="theirs that was not made here"):
            touch("theirs")
    assert removed == []


def test_a_port_that_is_taken_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert kind.free_port(port) > port
