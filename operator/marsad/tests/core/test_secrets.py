"""Passwords: missing ones are asked for, existing ones are never touched, and values are no business of the core."""

from __future__ import annotations

from marsad.core.secrets import wanted_secrets
from marsad.tests.core.worlds import EXTERNAL, cluster, secret, with_objects, world


def test_each_role_gets_a_secret_that_is_missing() -> None:
    made = {one["metadata"]["name"]: one for one in wanted_secrets(world())}
    assert made.keys() == {"database-owner", "database-gateway", "database-analytics", "database-reader"}
    assert made["database-reader"]["stringData"] == {"username": "reader"}
    assert made["database-reader"]["metadata"]["labels"]["cnpg.io/reload"] == "true"


def test_an_existing_secret_is_kept_whoever_made_it() -> None:
    theirs = secret("database-owner")
    theirs["metadata"]["labels"] = {}
    assert "database-owner" not in {one["metadata"]["name"] for one in wanted_secrets(with_objects(world(), theirs))}


def test_an_external_database_brings_its_owners_password() -> None:
    made = {one["metadata"]["name"] for one in wanted_secrets(world(cluster(database=EXTERNAL)))}
    assert made == {"database-gateway", "database-analytics", "database-reader"}
