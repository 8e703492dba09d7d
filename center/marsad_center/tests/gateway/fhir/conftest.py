"""Here every facility has a feed over FHIR, beside the one over MLLP."""

from __future__ import annotations

import pytest

from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.fhir.resources import with_fhir


@pytest.fixture
def database(database: Database) -> Database:
    """A database whose center.json declares the feeds EMR|KAMC, EMR|ALNOOR and EMR|SFAC, too."""
    return with_fhir(database)
