"""What kind is told about a node, for every sort of machine."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from e2e.cluster import kind


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


def test_a_port_that_is_taken_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert kind.free_port(port) > port
