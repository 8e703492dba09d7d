"""The models read what the API server returns, and nothing about them can change afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from marsad.api.conditions import STAGES, ConditionStatus, ConditionType, Reason
from marsad.api.database import Engine
from marsad.api.facility import Facility, Kind
from marsad.api.feeds import Transport
from marsad.api.healthcluster import DeletionPolicy, HealthCluster, HealthClusterStatus, Size
from marsad.api.locales import Locale
from marsad.api.model import Condition, InvalidObject
from marsad.tests.api.objects import changed, facility, full_healthcluster, healthcluster


class TestReading:
    def test_metadata_is_read_with_its_times_and_counters(self) -> None:
        obj = healthcluster()
        obj["metadata"] |= {
            "namespace": "makkah", "uid": "u-1", "generation": 7, "resourceVersion": "42",
            "creationTimestamp": "2026-01-02T03:04:05Z", "deletionTimestamp": "2026-02-02T03:04:05Z",
            "finalizers": ["marsad.dev/finalizer"], "managedFields": [{"manager": "kubectl"}],
        }  # fmt: skip
        read = HealthCluster.parse(obj)
        assert read.key == ("makkah", "makkah")
        assert (read.metadata.uid, read.generation, read.metadata.resource_version) == ("u-1", 7, "42")
        assert read.metadata.creation_timestamp == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert read.deleting
        assert read.metadata.finalizers == ("marsad.dev/finalizer",)

    def test_an_object_without_deletion_timestamp_is_not_deleting(self) -> None:
        assert not HealthCluster.parse(healthcluster()).deleting

    @pytest.mark.parametrize("path", ["spec.futureField", "spec.database.futureField", "status.future", "future"])
    def test_fields_of_a_newer_api_are_ignored(self, path: str) -> None:
        obj = healthcluster()
        assert HealthCluster.parse(changed(obj, path, {"any": ["thing"]})) == HealthCluster.parse(obj)

    def test_a_reason_of_a_newer_operator_is_read_as_text(self) -> None:
        condition = {"type": "New", "status": "True", "reason": "Future", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        read = HealthCluster.parse(changed(healthcluster(), "status.conditions", [condition]))
        assert read.status.conditions[0].reason == "Future"

    def test_the_least_declaration_is_safe_by_default(self) -> None:
        spec = HealthCluster.parse(healthcluster()).spec
        assert spec.size is Size.MEDIUM
        assert spec.deletion_policy is DeletionPolicy.RETAIN
        assert spec.database.engine is Engine.CLOUDNATIVE_PG
        assert spec.freshness.objective_seconds == 120
        assert (spec.pipelines.hl7.enabled, spec.pipelines.fhir.enabled) == (True, False)
        assert spec.security.allowed_egress == ()
        assert "0.0.0.0/0" not in spec.security.allowed_ingress.gateway
        assert spec.security.identity_header is None
        assert not spec.national.reporting
        assert not spec.paused

    def test_everything_that_can_be_said_is_read(self) -> None:
        spec = HealthCluster.parse(full_healthcluster()).spec
        assert spec.overrides.gateway.replicas == 3
        assert spec.overrides.gateway.limits.cpu == "2", "a bare integer is read as a quantity's text"
        assert spec.database.storage.storage_class_name == "fast"
        assert spec.dashboards.default_locale is Locale.FR
        assert spec.security.allowed_egress[1].jurisdiction == "AE"
        assert spec.security.allowed_ingress.dashboard == ("10.20.0.7/32",)
        assert spec.security.identity_header == "X-Forwarded-User"
        assert [one.enabled for one in spec.recommendations] == [False, True, True]

    def test_a_facility_is_read_with_its_feeds(self) -> None:
        spec = Facility.parse(facility()).spec
        assert spec.kind is Kind.HOSPITAL
        assert spec.capacity.beds == {"general": 120, "icu": 20}
        assert [feed.transport for feed in spec.feeds] == [Transport.MLLP, Transport.MLLPS, Transport.FHIRS]

    def test_what_cannot_be_read_is_named_field_by_field(self) -> None:
        obj = changed(changed(healthcluster(), "spec.size", "huge"), "spec.region", None)
        with pytest.raises(InvalidObject) as caught:
            HealthCluster.parse(obj)
        region, size = str(caught.value).split("; ")
        assert region == "spec.region: Field required"
        assert size == "spec.size: Input should be 'small', 'medium' or 'large'"

    def test_models_are_frozen(self) -> None:
        read = HealthCluster.parse(healthcluster())
        with pytest.raises(ValidationError, match="frozen"):
            read.spec.paused = True  # type: ignore[misc]

    def test_the_default_map_of_one_object_is_not_that_of_another(self) -> None:
        one, other = HealthCluster.parse(healthcluster()), HealthCluster.parse(healthcluster())
        assert one.spec.database.parameters is not other.spec.database.parameters


class TestWriting:
    def test_what_is_read_and_written_again_is_the_same(self) -> None:
        read = HealthCluster.parse(full_healthcluster())
        assert HealthCluster.parse(read.dump()) == read

    def test_a_status_is_written_in_camel_case_without_what_is_unknown(self) -> None:
        moment = datetime(2026, 1, 1, 3, 0, 0, 999999, tzinfo=timezone(timedelta(hours=3)))
        ready = Condition(
            type=ConditionType.READY, status=ConditionStatus.UNKNOWN, reason=Reason.UNOBSERVABLE,
            last_transition_time=moment, observed_generation=2,
        )  # fmt: skip
        assert HealthClusterStatus(observed_generation=2, conditions=(ready,)).dump() == {
            "observedGeneration": 2,
            "conditions": [
                {
                    "type": "Ready", "status": "Unknown", "reason": "Unobservable", "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 2,
                }
            ],
        }  # fmt: skip


class TestWords:
    @pytest.mark.parametrize("reason", Reason)
    def test_every_reason_says_what_it_means(self, reason: Reason) -> None:
        assert reason.isalpha()
        assert reason[0].isupper()
        assert reason.doc.endswith(".")
        assert len(reason.doc.split()) >= 5

    def test_a_reason_is_its_text(self) -> None:
        assert Reason("EngineMissing") is Reason.ENGINE_MISSING
        assert f"{Reason.ENGINE_MISSING}" == "EngineMissing"

    def test_ready_is_made_of_the_stages_and_not_of_freshness(self) -> None:
        names = ["Accepted", "SecurityReady", "DatabaseReady", "PipelinesReady", "DashboardsReady"]
        assert [str(stage) for stage in STAGES] == names
