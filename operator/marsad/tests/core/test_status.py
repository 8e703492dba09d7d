"""The status is whole, is written only when it changed, and Events tell of transitions only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad.api.healthcluster import HealthClusterStatus
from marsad.core.diff import plan
from marsad.core.outcome import Refused
from marsad.core.stages import judge
from marsad.core.status import Event, correction, status, transitions
from marsad.core.world import Observed
from marsad.tests.core.worlds import (
    EXTERNAL,
    NOW,
    TLS,
    cluster,
    cluster_status,
    deployment_status,
    facility,
    key,
    provided,
    report,
    wanted,
    with_objects,
    without,
    world,
)

CLUSTER = key("Cluster", "database", "postgresql.cnpg.io")


def told(observed: Observed, refused: dict[Any, Refused] | None = None) -> dict[str, Any]:
    """The status that would be written."""
    return status(observed, judge(observed, plan(wanted(observed), observed, {}), refused))


def written(observed: Observed) -> Observed:
    """The world after the status was written."""
    read = observed.cluster.model_validate(observed.cluster.dump() | {"status": told(observed)})
    return replace(observed, cluster=read)


def events(before: Observed | None, after: Observed) -> list[Event]:
    """Events of the step from one world to the other."""
    was = HealthClusterStatus() if before is None else HealthClusterStatus.model_validate(told(before))
    return list(transitions(was, HealthClusterStatus.model_validate(told(after))))


def test_the_status_says_where_what_and_how() -> None:
    found = told(provided())
    assert found["endpoints"] == {"hl7": "gateway.makkah.svc:2575", "dashboard": "http://dashboard.makkah.svc:8000"}
    both = provided(world(cluster(pipelines={"hl7": {"enabled": False}, "fhir": {"enabled": True}})))
    assert told(both)["endpoints"] == {
        "fhir": "http://gateway.makkah.svc:8080/fhir",
        "dashboard": "http://dashboard.makkah.svc:8000",
    }
    tls = TLS["hl7"]["tls"]
    over_tls = provided(world(cluster(pipelines={"hl7": {"tls": tls}, "fhir": {"enabled": True}})))
    assert told(over_tls)["endpoints"] == {
        "hl7": "gateway.makkah.svc:2575",
        "hl7Tls": "gateway.makkah.svc:2576",
        "fhir": "http://gateway.makkah.svc:8080/fhir",
        "fhirTls": "https://gateway.makkah.svc:8443/fhir",
        "dashboard": "http://dashboard.makkah.svc:8000",
    }
    assert found["release"] == "0.1.0"
    assert found["facilities"] == {"declared": 1, "reporting": 1, "coverage": "1/1"}
    assert found["freshness"] == {
        "p95Seconds": 3.0, "objectiveSeconds": 120, "silentFeeds": 0, "display": "3s/120s",
    }  # fmt: skip
    assert found["database"] == {
        "engine": "cloudnative-pg", "primary": "database-1", "instances": 2, "readyInstances": 2,
    }  # fmt: skip
    assert found["observedGeneration"] == 1


def test_what_was_written_is_not_written_again() -> None:
    after = replace(written(provided()), now=NOW.replace(hour=23))
    assert told(after) == after.cluster.status.dump()


def test_a_feed_that_moves_within_a_step_writes_nothing() -> None:
    after = replace(written(provided()), report=report(("KFH", "live", 2.9)))
    assert told(after) == after.cluster.status.dump()


def test_without_a_primary_none_is_named() -> None:
    observed = provided()
    down = cluster_status(observed.objects[CLUSTER], readyInstances=1, instancesStatus={"healthy": ["database-2"]})
    found = told(with_objects(observed, down))["database"]
    assert found == {"engine": "cloudnative-pg", "instances": 2, "readyInstances": 1}


def test_an_external_database_is_named_and_not_counted() -> None:
    found = told(provided(world(cluster(database=EXTERNAL))))["database"]
    assert found == {"engine": "external", "instances": 0, "readyInstances": 0}


def test_during_a_rollout_the_release_that_served_before_is_told() -> None:
    observed = written(provided())
    newer = replace(observed, platform=replace(observed.platform, release="0.2.0"))
    assert told(newer)["release"] == "0.1.0"
    live = observed.objects[key("Deployment", "dashboard", "apps")]
    half = replace(with_objects(observed, deployment_status(live, updatedReplicas=1)))
    assert told(half)["release"] == "0.1.0"


def test_a_refused_health_cluster_tells_nothing_of_anothers_center() -> None:
    found = told(replace(provided(), cluster=cluster("younger", born="2026-03-01T09:00:00Z"), rivals=(cluster(),)))
    assert found.keys() == {"observedGeneration", "conditions"}


def merged(stands: Any, patch: Any) -> Any:
    """RFC 7386, section 2, as the API server applies it."""
    if not isinstance(patch, dict):
        return patch
    found = dict(stands) if isinstance(stands, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


STATUS = st.recursive(
    st.integers() | st.lists(st.integers()) | st.text(),
    lambda values: st.dictionaries(st.sampled_from("abcd"), values),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abcd"), STATUS), st.dictionaries(st.sampled_from("abcd"), STATUS))
def test_a_correction_leaves_exactly_what_is_wanted(stands: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert merged(stands, correction(stands, wanted)) == wanted


def test_endpoints_are_told_of_services_that_exist() -> None:
    assert told(without(provided(), key("Service", "gateway")))["endpoints"].keys() == {"dashboard"}


def test_without_any_service_there_are_no_endpoints_at_all() -> None:
    gone = without(provided(), key("Service", "gateway"), key("Service", "dashboard"))
    assert "endpoints" not in told(gone)


def test_a_center_that_becomes_ready_is_one_story() -> None:
    found = events(world(facilities=(facility(),)), provided())
    assert Event("Normal", "AllStagesReady", "Ready is True: The center is as declared, and serves.") in found
    assert all(event.type == "Normal" for event in found)
    assert len(found) == len({event.message for event in found}) == 6


def test_the_first_look_is_no_news_except_where_a_person_is_needed() -> None:
    assert events(None, world()) == []
    missing = events(None, world(served=frozenset()))
    assert [(event.type, event.reason) for event in missing] == [("Warning", "EngineMissing")]


def test_nothing_that_changed_is_nothing_to_tell() -> None:
    assert events(provided(), provided()) == []


@pytest.mark.parametrize("state", ["silent", "stale"])
def test_a_feed_that_fails_is_a_warning_and_its_return_is_not(state: str) -> None:
    failed = replace(provided(), report=report(("KFH", state, None)))
    assert [event.type for event in events(provided(), failed)] == ["Warning"]
    assert [event.type for event in events(failed, provided())] == ["Normal"]


def test_a_rollout_is_told_without_alarm() -> None:
    observed = provided()
    live = observed.objects[key("Deployment", "gateway", "apps")]
    found = events(observed, with_objects(observed, deployment_status(live, availableReplicas=1)))
    assert ("Normal", "RolloutInProgress") in [(event.type, event.reason) for event in found]
