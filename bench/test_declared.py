"""Both sides of the converge benchmark are given the same: many centers, each in a namespace of its own."""

from __future__ import annotations

from bench.api import path
from bench.declared import CLUSTERS, declare
from marsad.core.templates import load
from marsad.shell.settings import SOURCE_TREE

TEMPLATES = load(SOURCE_TREE / "charts" / "center")


def test_every_center_has_a_namespace_and_a_name_of_its_own() -> None:
    declared = declare("round")
    assert len({one.namespace for one in declared}) == len({one.cluster["metadata"]["name"] for one in declared})
    assert len({one.namespace for one in declared}) == CLUSTERS
    assert all(facility["metadata"]["namespace"] == one.namespace for one in declared for facility in one.facilities)


def test_centers_differ_in_nothing_but_their_names() -> None:
    kinds = [sorted((key.group, key.kind) for key in one.keys(TEMPLATES)) for one in declare("round")]
    assert kinds == [kinds[0]] * CLUSTERS


def test_the_script_sends_every_object_to_a_path_of_its_own() -> None:
    wanted = [manifest for one in declare("round")[:2] for manifest in one.wanted(TEMPLATES)]
    assert len({path(manifest) for manifest in wanted}) == len(wanted)
    assert "/apis/apps/v1/namespaces/round-1/deployments/gateway" in {path(manifest) for manifest in wanted}
    assert "/api/v1/namespaces/round-2" in {path(manifest) for manifest in wanted}
