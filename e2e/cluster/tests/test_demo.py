"""The facilities that `make up` plays obey the strictest Pod Security, and follow their declaration."""

from __future__ import annotations

from typing import Any

from e2e.cluster import demo


def deployment(declaration: str) -> dict[str, Any]:
    return next(item for item in demo.facilities("marsad/operator:1", declaration) if item["kind"] == "Deployment")


def test_they_run_where_pod_security_is_restricted() -> None:
    namespace = demo.facilities("marsad/operator:1", "")[0]
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    pod = deployment("")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_another_declaration_is_played_by_another_pod() -> None:
    one, other = (deployment(text)["spec"]["template"]["metadata"]["annotations"] for text in ("a", "b"))
    assert one != other


def test_a_killed_container_finds_whom_it_left_behind() -> None:
    pod = deployment("")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    file = container["args"][container["args"].index("--remember") + 1]
    (mount,) = [mount for mount in container["volumeMounts"] if file.startswith(mount["mountPath"])]
    assert not mount.get("readOnly")
    assert [volume for volume in pod["volumes"] if volume["name"] == mount["name"] and "emptyDir" in volume]


def test_they_send_to_the_gateway_of_the_center() -> None:
    arguments = deployment("")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[:3] == ["simulate", "--to", "gateway.makkah.svc:2575"]
