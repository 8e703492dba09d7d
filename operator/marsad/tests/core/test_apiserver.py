"""The rendered stacks as a real API server takes them: every object valid, and nothing rewritten that would loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from e2e.apiserver import ApiServer
from marsad.api.names import FIELD_MANAGER
from marsad.core.compare import as_desired
from marsad.core.diff import learn, overwrite, plan
from marsad.core.kinds import MONITORING, kind_of
from marsad.core.stamp import digest
from marsad.core.world import Key, Manifest, Observed
from marsad.tests.core.golden import STACKS
from marsad.tests.core.worlds import changed, wanted

APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"


def url(manifest: Mapping[str, Any]) -> str:
    """Where an object lives."""
    at = Key.of(manifest)
    kind = kind_of(at.group, at.kind)
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    within = f"/namespaces/{at.namespace}" if kind.namespaced else ""
    return f"{root}{within}/{kind.plural}/{at.name}"


def apply(server: ApiServer, manifest: Manifest, *, dry: bool = False) -> tuple[int, Manifest]:
    """Server-side apply as the operator does it, with unknown fields refused."""
    query = f"?fieldManager={FIELD_MANAGER}&force=true&fieldValidation=Strict{'&dryRun=All' if dry else ''}"
    return server.request("PATCH", url(manifest) + query, manifest, content=APPLY)


def stack_in(namespace: str, stack: str) -> Observed:
    """A stack's world, moved to a namespace of its own, without the kinds whose CRDs cannot be had here."""
    observed = STACKS[stack]
    metadata = observed.cluster.metadata.model_copy(update={"namespace": namespace})
    served = frozenset(item for item in observed.served if item[0] != MONITORING)
    return replace(observed, cluster=observed.cluster.model_copy(update={"metadata": metadata}), served=served)


@pytest.mark.parametrize("stack", STACKS)
def test_every_object_is_valid_and_has_no_unknown_field(cnpg_crds: ApiServer, namespace: str, stack: str) -> None:
    for manifest in wanted(stack_in(namespace, stack)):
        code, answer = apply(cnpg_crds, manifest, dry=True)
        assert code in (200, 201), answer.get("message")


@pytest.mark.parametrize("stack", STACKS)
def test_a_restarted_operator_finds_everything_as_declared(cnpg_crds: ApiServer, namespace: str, stack: str) -> None:
    observed = stack_in(namespace, stack)
    live = {}
    for manifest in wanted(observed):
        code, answer = apply(cnpg_crds, manifest)
        assert code in (200, 201), answer.get("message")
        live[Key.of(manifest)] = answer
        assert as_desired(manifest, answer), f"the server rewrites {Key.of(manifest)}"
    assert not plan(wanted(observed), replace(observed, objects=live), {}).apply


def test_what_the_server_rewrites_is_learned(cnpg_crds: ApiServer, namespace: str) -> None:
    observed = stack_in(namespace, "small")
    quota = next(one for one in wanted(observed) if one["kind"] == "ResourceQuota")
    quota = changed(quota, "spec.hard.limits~cpu", "7000m")
    _, answer = apply(cnpg_crds, quota)
    assert answer["spec"]["hard"]["limits.cpu"] == "7"
    assert not as_desired(quota, answer)
    at = Key.of(quota)
    world = replace(observed, objects={at: answer})
    assert at in plan([quota], world, {}).differs
    assert at not in plan([quota], world, {at: learn(quota, answer)}).differs


def test_a_port_renumbered_by_hand_needs_an_overwrite_and_is_then_ours_again(
    cnpg_crds: ApiServer, namespace: str
) -> None:
    service = next(one for one in wanted(stack_in(namespace, "small")) if one["metadata"]["name"] == "gateway"
                   and one["kind"] == "Service")  # fmt: skip
    apply(cnpg_crds, service)
    edit = [{"op": "replace", "path": "/spec/ports/0/port", "value": 2599}]
    code, edited = cnpg_crds.request("PATCH", url(service), edit, content="application/json-patch+json")
    assert code == 200, edited
    assert apply(cnpg_crds, service)[0] == 422
    code, answer = cnpg_crds.request("PATCH", url(service), overwrite(service, edited), content=MERGE)
    assert code == 200, answer.get("message")
    code, answer = apply(cnpg_crds, service)
    assert code == 200, answer.get("message")
    assert as_desired(service, answer)
    assert digest(answer) == digest(service)
