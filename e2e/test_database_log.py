"""The log of a center's database holds nothing of patients, with the settings the operator gives it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from marsad.api.healthcluster import Size
from marsad.core.quantity import amount
from marsad.core.sizes import SIZES, parameters
from marsad_center.tests.server import PostgresServer

pytestmark = pytest.mark.postgres
AS_CLOUDNATIVE_PG = {"logging_collector": "on", "log_destination": "csvlog", "log_filename": "postgres"}
PATIENT = "1098765432"


@pytest.fixture
async def server() -> AsyncIterator[PostgresServer]:
    """A server with a small center's settings, to which every statement is a slow one."""
    made = PostgresServer()
    try:
        settings = parameters(SIZES[Size.SMALL], 3, amount("1Gi"))
        made.start({**settings, **AS_CLOUDNATIVE_PG, "log_min_duration_statement": "0"})
        await made.wait()
        yield made
    finally:
        made.close()


def logged(path: Path, last: str) -> str:
    """The whole log, once `last` is in it: another process writes it."""
    deadline = time.monotonic() + 30
    while last not in (text := path.read_text()):
        assert time.monotonic() < deadline, text
        time.sleep(0.05)
    return text


async def test_slow_and_failed_statements_leave_no_value_in_the_log(server: PostgresServer) -> None:
    connection = await server.superuser("postgres")
    await connection.execute("CREATE TABLE patient (number text PRIMARY KEY)")
    insert = "INSERT INTO patient VALUES ($1)"
    await connection.execute(insert, PATIENT)
    with pytest.raises(asyncpg.UniqueViolationError, match="patient_pkey") as told:
        await connection.execute(insert, PATIENT)
    assert PATIENT in told.value.detail, "whoever sent it is told"
    with pytest.raises(asyncpg.DataError):
        await connection.execute("SELECT (number || 'x')::int FROM patient WHERE number = $1", PATIENT)
    await connection.execute("DROP TABLE patient")
    await connection.close()
    log = logged(server.folder / "data" / "log" / "postgres.csv", "DROP TABLE")
    assert insert in log, "slow statements are there"
    assert PATIENT not in log
