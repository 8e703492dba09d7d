"""The table of kinds is consistent with itself, with the templates, and with what the operator must be allowed."""

from __future__ import annotations

import pytest

from marsad.core.kinds import MANAGED, NAMESPACE, SECRET, VOLUME_CLAIM, WATCHED, Kind, kind_of


def test_each_kind_is_there_once() -> None:
    ids = [(kind.group, kind.kind) for kind in WATCHED]
    assert len(ids) == len(set(ids))
    assert all(kind_of(kind.group, kind.kind) is kind for kind in WATCHED)


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        kind_of("", "Node")


@pytest.mark.parametrize("kind", WATCHED, ids=lambda kind: kind.kind)
def test_every_kind_can_be_watched(kind: Kind) -> None:
    assert {"list", "watch"} <= set(kind.verbs)


def test_secrets_are_seen_without_content_and_never_replaced() -> None:
    assert SECRET.metadata_only
    assert "update" not in SECRET.verbs  # which Secrets may be patched, the chart says by name: test_chart.py


def test_namespaces_and_volumes_are_never_made() -> None:
    assert "create" not in NAMESPACE.verbs + VOLUME_CLAIM.verbs
    assert "delete" not in NAMESPACE.verbs


def test_only_kinds_of_others_are_optional() -> None:
    assert {kind.group for kind in MANAGED if kind.optional} == {"postgresql.cnpg.io", "monitoring.coreos.com"}
