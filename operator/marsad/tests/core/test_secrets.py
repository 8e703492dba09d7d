"""Passwords and keys: missing ones are asked for, existing ones never touched; values are no business of the core."""

from __future__ import annotations

from marsad.core.secrets import wanted_secrets
from marsad.tests.core.worlds import EXTERNAL, cluster, secret, with_objects, world


def test_each_role_gets_a_secret_that_is_missing() -> None:
    made = {one["metadata"]["name"]: one for one in wanted_secrets(world())}
    assert made.keys() == {"database-owner", "database-gateway", "database-analytics", "database-reader", "center-key"}
    assert made["database-reader"]["stringData"] == {"username": "reader", "password": ""}
    assert made["database-reader"]["metadata"]["labels"]["cnpg.io/reload"] == "true"


def test_the_keys_of_a_center_are_one_that_seals_and_one_of_tokens() -> None:
    (keys,) = (one for one in wanted_secrets(world()) if one["metadata"]["name"] == "center-key")
    assert keys["stringData"] == {"1": "", "tokens": ""}
    assert keys["metadata"]["labels"]["marsad.dev/healthcluster"] == "makkah"


def test_an_existing_secret_is_kept_whoever_made_it() -> None:
    theirs = secret("database-owner")
    theirs["metadata"]["labels"] = {}
    left = wanted_secrets(with_objects(world(), theirs, secret("center-key")))
    assert {one["metadata"]["name"] for one in left}.isdisjoint({"database-owner", "center-key"})


def test_an_external_database_brings_its_owners_password() -> None:
    made = {one["metadata"]["name"] for one in wanted_secrets(world(cluster(database=EXTERNAL)))}
    assert made == {"database-gateway", "database-analytics", "database-reader", "center-key"}
