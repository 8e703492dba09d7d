"""The Helm chart: its rights are those of core/kinds.py, its CRDs are those of crds/, its values are checked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.apiserver import apiserver as start_apiserver
from e2e.node import binaries
from marsad.core.certificates import AUTHORITY, SERVER
from marsad.core.kinds import HEALTHCLUSTER, WATCHED
from marsad.shell.events import EVENT
from marsad.tests.shell.world import example

pytestmark = pytest.mark.apiserver  # not for its sake: helm is prepared with it

ROOT = Path(__file__).parents[4]
CHART = ROOT / "charts" / "marsad-operator"
Rules = set[tuple[str, str, str]]


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    command = [str(binaries.program("helm")), *words]
    return subprocess.run(command, text=True, capture_output=True, timeout=60, check=False)


def render(*sets: str) -> list[dict[str, Any]]:
    """The chart's documents with these values."""
    words = [word for value in sets for word in ("--set", value)]
    done = helm("template", "marsad", str(CHART), "--namespace", "marsad-system", "--kube-version", "1.36.3", *words)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def one(documents: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    found = [document for document in documents if document["kind"] == kind]
    assert len(found) == 1, found
    return found[0]


def granted(role: dict[str, Any]) -> Rules:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_cluster_role_grants_exactly_what_the_table_of_kinds_needs() -> None:
    needed: Rules = {(kind.group, kind.plural, verb) for kind in (*WATCHED, EVENT) for verb in kind.verbs}
    needed |= {(HEALTHCLUSTER.group, f"{plural}/status", "patch") for plural in ("healthclusters", "facilities")}
    assert granted(one(render(), "ClusterRole")) == needed


def test_an_upgrade_brings_the_new_crds_and_keeps_what_was_declared(tmp_path: Path) -> None:
    older = tmp_path / "marsad-operator"
    shutil.copytree(CHART, older)
    crd = next((older / "files" / "crds").glob("*healthclusters*"))
    definition = yaml.safe_load(crd.read_text())
    del definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["timeZone"]
    crd.write_text(yaml.safe_dump(definition))
    with start_apiserver() as server:
        namespace = server.create_namespace("system")

        def install(chart: Path) -> None:
            done = helm("upgrade", "--install", "marsad", str(chart), "--kubeconfig", str(server.kubeconfig),
                        "--namespace", namespace)  # fmt: skip
            assert done.returncode == 0, done.stderr

        install(older)
        declared = next(document for document in example(namespace) if document["kind"] == "HealthCluster")
        server.kubectl("apply", "--validate=false", "--filename", "-", stdin=yaml.safe_dump(declared))
        asked = ("get", "healthcluster", "makkah", "--namespace", namespace, "--output")
        assert not server.kubectl(*asked, "jsonpath={.spec.timeZone}").stdout, "the older kind has no such field"
        install(CHART)
        assert server.kubectl(*asked, "jsonpath={.spec.code}").stdout == declared["spec"]["code"]
        server.kubectl("apply", "--filename", "-", stdin=yaml.safe_dump(declared))
        assert server.kubectl(*asked, "jsonpath={.spec.timeZone}").stdout == declared["spec"]["timeZone"]


def test_only_the_certificates_that_the_operator_issues_may_be_changed_of_secrets() -> None:
    changing = [rule for rule in one(render(), "ClusterRole")["rules"] if "secrets" in rule["resources"]]
    named = {verb: rule.get("resourceNames") for rule in changing for verb in rule["verbs"]}
    assert named.pop("patch") == [AUTHORITY, SERVER]
    assert set(named.values()) == {None}


def test_the_crds_are_those_of_the_repository_and_outlive_the_release() -> None:
    rendered = {
        document["metadata"]["name"]: document
        for document in render()
        if document["kind"] == "CustomResourceDefinition"
    }
    sources = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    assert rendered.keys() == {source["metadata"]["name"] for source in sources}
    for source in sources:
        document = rendered[source["metadata"]["name"]]
        assert document["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        assert document == source


def test_the_crds_can_be_left_to_someone_else() -> None:
    assert not [item for item in render("crds.install=false") if item["kind"] == "CustomResourceDefinition"]


def test_the_pod_passes_pod_security_restricted() -> None:
    pod = one(render(), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    security = container["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert {"requests", "limits"} == container["resources"].keys()
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()


def test_one_replica_has_no_budget_that_would_hold_up_a_drain() -> None:
    assert one(render(), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert not [document for document in render("replicas=1") if document["kind"] == "PodDisruptionBudget"]


def test_what_the_operator_runs_comes_from_the_values() -> None:
    documents = render(
        "image.tag=t1",
        "center.image=c:2",
        "postgresql.image=p:15.3",
        "postgresql.uid=999",
        "podRanges={10.244.0.0/16,fd00:10::/56}",
    )
    (container,) = one(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    environment = {item["name"]: item.get("value") for item in container["env"]}
    assert container["image"] == "marsad/operator:t1"
    assert environment["MARSAD_CENTER_IMAGE"] == "c:2"
    assert environment["MARSAD_POSTGRESQL_IMAGE"] == "p:15.3"
    assert environment["MARSAD_POSTGRESQL_UID"] == "999"
    assert environment["MARSAD_POD_RANGES"] == "10.244.0.0/16,fd00:10::/56"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("replicas=0", "/replicas"),
        ("replica=2", "replica"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("postgresql.image=postgres", "/postgresql/image"),
        ("logLevel=loud", "/logLevel"),
        ("podRanges={pods}", "/podRanges/0"),
    ],
)
def test_a_value_that_means_nothing_is_refused_by_name(value: str, complaint: str) -> None:
    done = helm("template", "marsad", str(CHART), "--kube-version", "1.36.3", "--set", value)
    assert done.returncode != 0
    assert complaint in done.stderr


def test_every_value_has_a_description() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())

    def missing(node: dict[str, Any], path: str) -> list[str]:
        found = [] if node.get("description") or not path or "$ref" in node else [path]
        for name, child in node.get("properties", {}).items():
            found += missing(child, f"{path}.{name}")
        return found

    assert missing(schema, "") == []
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values.keys() | {"global"} == schema["properties"].keys()
