"""What is wrong is refused when it is declared, with a sentence that says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from marsad.tests.api.conftest import Objects
from marsad.tests.api.objects import JSON, changed, facility, full_healthcluster, healthcluster
from marsad.tests.api.refused import BAD_FACILITIES, BAD_HEALTHCLUSTERS, BAD_UPDATES, Case

_UNCHECKED = "some validation rules were not checked because the object was invalid"  # the API server's own postscript


def causes(answer: JSON) -> dict[str, str]:
    """Field to sentence, for every cause of a refusal."""
    found = {}
    for cause in answer.get("details", {}).get("causes", ()):
        if _UNCHECKED not in cause["message"]:
            found[cause["field"]] = cause["message"]
    return found


def refusals(base: JSON, cases: dict[str, Case]) -> list[Any]:
    return [pytest.param(changed(base, *change), *expected, id=story) for story, (change, expected) in cases.items()]


class TestCreation:
    @pytest.mark.parametrize(("obj", "field", "sentence"), refusals(healthcluster(), BAD_HEALTHCLUSTERS))
    def test_a_bad_healthcluster_is_refused_with_its_sentence(
        self, shared_objects: Objects, obj: JSON, field: str, sentence: str
    ) -> None:
        code, answer = shared_objects.create(obj, dry=True)
        assert (code, causes(answer)) == (422, {field: sentence})

    @pytest.mark.parametrize(("obj", "field", "sentence"), refusals(facility(), BAD_FACILITIES))
    def test_a_bad_facility_is_refused_with_its_sentence(
        self, shared_objects: Objects, obj: JSON, field: str, sentence: str
    ) -> None:
        code, answer = shared_objects.create(obj, dry=True)
        assert (code, causes(answer)) == (422, {field: sentence})

    @pytest.mark.parametrize(
        "obj",
        [
            pytest.param(healthcluster(), id="least"),
            pytest.param(full_healthcluster(), id="full"),
            pytest.param(facility(), id="facility"),
            pytest.param(
                changed(facility(), "spec.capacity", {"edSpaces": 100_000, "beds": {"icu": 100_000}}), id="the largest"
            ),
            pytest.param(
                changed(facility(), "spec.displayNames", {"ar": "مستشفى\u200f النور"}), id="a mark of direction"
            ),
        ],
    )
    def test_what_the_bad_ones_were_made_from_is_accepted(self, shared_objects: Objects, obj: JSON) -> None:
        code, answer = shared_objects.create(obj, dry=True)
        assert code == 201, answer

    def test_kubectl_shows_the_sentence_and_where_it_belongs(self, shared_objects: Objects) -> None:
        bad = changed(healthcluster(), "spec.freshness.objectiveSeconds", 5)
        shown = shared_objects.server.kubectl(
            "create", "-n", shared_objects.namespace, "-f", "-", stdin=json.dumps(bad), check=False
        )
        assert shown.returncode == 1
        assert shown.stderr.strip() == (
            'The HealthCluster "makkah" is invalid: spec.freshness.objectiveSeconds: Invalid value: 5: '
            "freshness.objectiveSeconds must be at least 10: a shorter promise cannot be kept"
        )


@pytest.fixture(scope="module")
def existing(shared_objects: Objects) -> Objects:
    """The shared namespace with a HealthCluster in it that says everything."""
    code, answer = shared_objects.create(full_healthcluster())
    assert code == 201, answer
    return shared_objects


class TestUpdate:
    @pytest.mark.parametrize(("obj", "field", "sentence"), refusals(full_healthcluster(), BAD_UPDATES))
    def test_what_cannot_be_changed_is_refused_with_its_sentence(
        self, existing: Objects, obj: JSON, field: str, sentence: str
    ) -> None:
        code, answer = existing.replace(obj)
        assert (code, causes(answer)) == (422, {field: sentence})

    def test_a_volume_may_grow_and_then_not_shrink_to_what_it_was(self, existing: Objects) -> None:
        grown = changed(full_healthcluster("grown"), "spec.database.storage.size", "21Gi")
        assert existing.create(full_healthcluster("grown"))[0] == 201
        assert existing.replace(grown)[0] == 200
        assert existing.replace(full_healthcluster("grown"))[0] == 422

    def test_dropping_the_size_of_a_larger_volume_is_shrinking_it(self, existing: Objects) -> None:
        code, answer = existing.replace(changed(full_healthcluster(), "spec.database.storage.size", None))
        sentence = 'Invalid value: "10Gi": database.storage.size may not shrink: a volume can only grow'
        assert (code, causes(answer)) == (422, {"spec.database.storage.size": sentence})

    def test_a_facility_keeps_its_code(self, shared_objects: Objects) -> None:
        assert shared_objects.create(facility())[0] == 201
        code, answer = shared_objects.replace(changed(facility(), "spec.code", "OTHER"))
        sentence = 'Invalid value: "OTHER": code cannot be changed: facts and reports are filed under it'
        assert (code, causes(answer)) == (422, {"spec.code": sentence})
