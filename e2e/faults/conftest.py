"""Parts for the stories of faults: a server whose disk is a real one, and settings of every component."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from marsad_center.settings import Component, Settings
from marsad_center.tests.conftest import CENTER, Database, database, durable_database, postgres_server

__all__ = ["database", "durable_database", "postgres_server", "promising", "settings_of"]
pytestmark = pytest.mark.postgres

SILENT_AFTER = 15  # seconds, of a center with an objective of one second

NAMES: tuple[Component, ...] = ("gateway", "analytics", "dashboard")


def promising(database: Database, seconds: int) -> None:
    """Declare this freshness objective: a feed is stale after five and silent after fifteen of them."""
    (database.folder / "center.json").write_text(json.dumps(CENTER | {"freshnessObjectiveSeconds": seconds}))


def settings_of(database: Database) -> Mapping[Component, Settings]:
    """Settings of the components of a center on this database."""
    return {name: database.settings(name) for name in NAMES}
