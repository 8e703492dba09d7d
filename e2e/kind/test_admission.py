"""Bad declarations are refused by the cluster a person uses, with the exact sentence, through kubectl."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.kubectl import Kubectl, Refused
from marsad.tests.api.objects import changed, facility, healthcluster
from marsad.tests.api.refused import BAD_FACILITIES, BAD_HEALTHCLUSTERS

pytestmark = pytest.mark.kind
CASES = [
    pytest.param(changed(base, *change), *expected, id=story)
    for base, cases in ((healthcluster(), BAD_HEALTHCLUSTERS), (facility(), BAD_FACILITIES))
    for story, (change, expected) in cases.items()
]


@pytest.mark.parametrize(("manifest", "field", "sentence"), CASES)
def test_a_bad_declaration_is_refused_with_its_sentence(
    kube: Kubectl, manifest: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(Refused) as refused:
        kube.run("create", "-n", "default", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest))
    assert f"{field}: {sentence}" in str(refused.value)
