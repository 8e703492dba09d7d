"""Parts for the stories of faults: a server whose disk is a real one, and settings of every component."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from marsad_center.settings import Component, Settings
from marsad_center.tests.conftest import Database, database, durable_database, postgres_server

__all__ = ["database", "durable_database", "postgres_server", "settings_of"]
pytestmark = pytest.mark.postgres

NAMES: tuple[Component, ...] = ("gateway", "analytics", "dashboard")


def settings_of(database: Database) -> Mapping[Component, Settings]:
    """Settings of the components of a center on this database."""
    return {name: database.settings(name) for name in NAMES}
