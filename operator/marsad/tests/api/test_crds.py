"""The CRDs in a real API server: accepted without reservation, complete, and readable by people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e2e import crds as definitions
from e2e.apiserver import ApiServer
from marsad.api.crds import FOLDER, KINDS, Kind
from marsad.api.facility import Facility
from marsad.api.healthcluster import HealthCluster
from marsad.tests.api.conftest import Objects
from marsad.tests.api.objects import JSON, changed, facility, full_healthcluster, healthcluster

EXAMPLES = sorted((FOLDER.parent / "examples").glob("*.yaml"))
MODELS: dict[str, type[HealthCluster] | type[Facility]] = {"HealthCluster": HealthCluster, "Facility": Facility}
by_name = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


class TestDefinition:
    @by_name
    def test_it_is_established_and_structural(self, crds: ApiServer, kind: Kind) -> None:
        code, crd = crds.request("GET", f"{definitions.CRDS}/{kind.plural}.marsad.dev")
        assert code == 200
        conditions = {one["type"]: one["status"] for one in crd["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}, "no NonStructuralSchema among them"

    @by_name
    def test_a_plain_kubectl_apply_installs_it_without_a_warning(self, crds: ApiServer, kind: Kind) -> None:
        done = crds.kubectl("apply", "-f", str(kind.file), "--dry-run=server", "--warnings-as-errors", check=False)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("words", ["healthclusters", "hc", "facilities", "fac", "marsad"])
    def test_short_names_and_the_category_work(self, crds: ApiServer, words: str) -> None:
        assert crds.kubectl("get", words, "-A", "-o", "name", check=False).returncode == 0

    @by_name
    def test_every_field_that_is_published_has_a_description(self, crds: ApiServer, kind: Kind) -> None:
        path = "/openapi/v3/apis/marsad.dev/v1alpha1"
        end = time.monotonic() + 60
        while not (found := crds.request("GET", path)[1].get("components", {}).get("schemas", {})):
            assert time.monotonic() < end, "the API server publishes new schemas a moment after it serves them"
            time.sleep(0.1)
        schema = found[f"dev.marsad.v1alpha1.{kind.name}"]
        fields = [field for name in ("spec", "status") for field in _published(schema["properties"][name], name)]
        assert len(fields) > 12
        assert [path for path, node in fields if not node.get("description")] == []

    def test_kubectl_explain_teaches_a_field_with_its_default(self, crds: ApiServer) -> None:
        words, deadline = ("explain", "hc.spec.freshness.objectiveSeconds"), time.monotonic() + 60
        while (done := crds.kubectl(*words, check=False)).returncode:  # schemas are published after the kind is served
            assert time.monotonic() < deadline, done.stderr
            time.sleep(0.2)
        said = " ".join(done.stdout.split())
        assert "Seconds within which 95 % of a facility's events must be shown" in said
        assert "Default: 120." in said


def _published(schema: JSON, at: str) -> Iterator[tuple[str, JSON]]:
    for name, child in schema.get("properties", {}).items():
        yield f"{at}.{name}", child
        yield from _published(child, f"{at}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _published(schema[key], f"{at}[]")


_REQUIRED = {"clientAuthority"}  # where its parent is, and whole


def _subsets(value: Any) -> st.SearchStrategy[Any]:
    """Any part of a value: mappings lose keys at every depth, but not what they must have; lists and scalars stay as
    they are."""
    if not isinstance(value, dict):
        return st.just(value)
    parts = {key: st.just(child) if key in _REQUIRED else _subsets(child) for key, child in value.items()}
    return st.fixed_dictionaries(
        {key: parts[key] for key in parts.keys() & _REQUIRED},
        optional={key: parts[key] for key in parts.keys() - _REQUIRED},
    )


def _spec_of(full: JSON, least: JSON) -> st.SearchStrategy[JSON]:
    return _subsets({key: full[key] for key in full.keys() - least.keys()}).map(lambda part: least | part)


# Amounts as text, so that what the server stores can be compared literally.
_FULL = changed(full_healthcluster(), "spec.overrides.gateway.limits.cpu", "2")["spec"]
_FACILITY = facility()["spec"]
_LEAST_FACILITY = {key: _FACILITY[key] for key in ("code", "kind", "displayNames", "level")}
_MORE_FACILITY = {key: _FACILITY[key] for key in ("capacity", "feeds", "platforms", "codes", "vaccination")}


class TestDefaults:
    def stored(self, objects: Objects, obj: JSON) -> JSON:
        code, answer = objects.create(obj, dry=True)
        assert code == 201, answer
        spec: JSON = answer["spec"]
        return spec

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(spec=_spec_of(_FULL, healthcluster()["spec"]))
    def test_the_server_fills_in_what_the_model_does(self, shared_objects: Objects, spec: JSON) -> None:
        obj = healthcluster() | {"spec": spec}
        assert self.stored(shared_objects, obj) == HealthCluster.parse(obj).spec.dump()

    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(spec=_spec_of(_MORE_FACILITY, _LEAST_FACILITY))
    def test_the_server_fills_in_what_the_model_does_for_a_facility(self, shared_objects: Objects, spec: JSON) -> None:
        obj = facility() | {"spec": spec}
        assert self.stored(shared_objects, obj) == Facility.parse(obj).spec.dump()

    def test_an_empty_block_takes_the_same_defaults_as_an_absent_one(self, shared_objects: Objects) -> None:
        blocks = ("overrides", "database", "pipelines", "dashboards", "freshness", "national")
        empty = changed(healthcluster(), "spec", healthcluster()["spec"] | {block: {} for block in blocks})
        assert self.stored(shared_objects, empty) == self.stored(shared_objects, healthcluster())

    @pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
    def test_the_examples_survive_the_road_to_the_server_and_back(self, shared_objects: Objects, file: Path) -> None:
        ours = [obj for obj in yaml.safe_load_all(file.read_text()) if obj["kind"] in MODELS]
        assert len(ours) >= 3
        for obj in ours:
            obj["metadata"].pop("namespace")
            assert self.stored(shared_objects, obj) == MODELS[obj["kind"]].parse(obj).spec.dump()


def _condition(kind: str, status: str, reason: str = "Available") -> JSON:
    since = "2026-01-01T00:00:00Z"
    return {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": since}


def _table(objects: Objects, kind: str) -> dict[str, Any]:
    """Column to cell of the only row that the server prints, wide columns included."""
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    code, table = objects.server.request("GET", objects.path(kind), accept=accept)
    assert code == 200
    (row,) = table["rows"]
    return dict(zip((column["name"] for column in table["columnDefinitions"]), row["cells"], strict=True))


class TestStatus:
    def test_the_columns_of_a_healthcluster(self, objects: Objects) -> None:
        objects.create(healthcluster())
        status = {
            "conditions": [_condition("Accepted", "True"), _condition("Ready", "False", "StageNotReady")],
            "release": "0.1.0",
            "facilities": {"declared": 3, "reporting": 2, "coverage": "2/3"},
            "freshness": {"p95Seconds": 2.5, "objectiveSeconds": 120, "silentFeeds": 0, "display": "3s/120s"},
        }
        code, answer = objects.patch_status(healthcluster(), status)
        assert code == 200, answer
        cells = _table(objects, "HealthCluster")
        assert list(cells) == ["Name", "Ready", "Release", "Facilities", "Freshness", "Reason", "Age"]
        assert list(cells.values())[:-1] == ["makkah", "False", "0.1.0", "2/3", "3s/120s", "StageNotReady"]

    def test_the_columns_of_a_facility(self, objects: Objects) -> None:
        objects.create(facility())
        objects.patch_status(facility(), {"conditions": [_condition("Connected", "True", "Live")]})
        cells = _table(objects, "Facility")
        assert list(cells) == ["Name", "Kind", "Level", "Connected", "Age"]
        assert list(cells.values())[:-1] == ["general-hospital", "Hospital", "City", "True"]

    def test_status_is_not_written_with_the_spec_nor_the_spec_with_status(self, objects: Objects) -> None:
        objects.create(healthcluster() | {"status": {"release": "9.9.9"}})
        assert "status" not in objects.get(healthcluster())
        objects.patch_status(healthcluster(), {"release": "0.1.0", "observedGeneration": 1})
        there = objects.get(healthcluster())
        assert (there["status"], there["metadata"]["generation"]) == ({"release": "0.1.0", "observedGeneration": 1}, 1)

    def test_what_the_model_writes_is_what_the_server_keeps(self, objects: Objects) -> None:
        objects.create(healthcluster())
        said = {
            "observedGeneration": 1,
            "conditions": [_condition("Ready", "True", "AllStagesReady") | {"observedGeneration": 1}],
            "release": "0.1.0",
            "endpoints": {"hl7": "gateway.makkah.svc:2575", "dashboard": "http://dashboard.makkah.svc:8000"},
            "facilities": {"declared": 1, "coverage": "?/1"},
            "freshness": {"objectiveSeconds": 120, "silentFeeds": 0, "display": ""},
            "database": {"engine": "cloudnative-pg", "primary": "database-1", "instances": 1, "readyInstances": 1},
        }
        written = HealthCluster.parse(healthcluster() | {"status": said}).status.dump()
        assert objects.patch_status(healthcluster(), written)[0] == 200
        assert objects.get(healthcluster())["status"] == written == said

    def test_a_condition_type_stands_once(self, objects: Objects) -> None:
        objects.create(healthcluster())
        twice = {"conditions": [_condition("Ready", "True"), _condition("Ready", "False")]}
        code, answer = objects.patch_status(healthcluster(), twice)
        assert code == 422
        assert 'Duplicate value: {"type":"Ready"}' in answer["message"]
