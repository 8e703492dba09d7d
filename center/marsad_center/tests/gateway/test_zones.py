"""In which time zone a time without an offset is read, from the declaration to the fact."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.gateway.playing import Sender, adt, gateway, sending


def declare(database: Database, center_zone: str | None, feed_zone: str | None = None) -> None:
    """The operator writes center.json anew; zones that are not declared are left out."""
    told: dict[str, Any] = json.loads(json.dumps(CENTER))
    if center_zone is not None:
        told["timeZone"] = center_zone
    if feed_zone is not None:
        told["facilities"][0]["feeds"][0]["timeZone"] = feed_zone
    (database.folder / "center.json").write_text(json.dumps(told))


async def arrival(database: Database, sender: Sender, number: int, at: str) -> datetime:
    """When somebody arrived in UTC, as stored, whose message says `at`."""
    assert await sender.code(adt("A04", f"c{number}", f"V{number}", at=at)) == "AA"
    async with database.connect("postgres") as connection:
        found = await connection.fetchval("SELECT arrived_at FROM encounter WHERE visit_key = $1", f"V{number}")
    assert isinstance(found, datetime)
    return found


async def test_a_feeds_own_zone_goes_before_the_centers_and_an_offset_before_both(database: Database) -> None:
    declare(database, "Asia/Riyadh", "Africa/Algiers")
    async with gateway(database) as ports, sending(ports) as sender:
        assert await arrival(database, sender, 1, "20261123100000") == datetime(2026, 11, 23, 9, tzinfo=UTC)
        assert await arrival(database, sender, 2, "20261123100000-0500") == datetime(2026, 11, 23, 15, tzinfo=UTC)


async def test_a_zone_with_summer_time_is_read_by_the_date(database: Database) -> None:
    declare(database, "Europe/Paris")
    async with gateway(database) as ports, sending(ports) as sender:
        assert await arrival(database, sender, 1, "20260701100000") == datetime(2026, 7, 1, 8, tzinfo=UTC)
        assert await arrival(database, sender, 2, "20261101100000") == datetime(2026, 11, 1, 9, tzinfo=UTC)


async def test_a_zone_that_is_declared_later_is_used_without_a_restart(database: Database) -> None:
    declare(database, None)
    async with gateway(database) as ports, sending(ports) as sender:
        assert await arrival(database, sender, 0, "20261123100000") == datetime(2026, 11, 23, 10, tzinfo=UTC)
        declare(database, "Asia/Riyadh")
        async with asyncio.timeout(120):
            for number in count(1):
                if await arrival(database, sender, number, "20261123100000") == datetime(2026, 11, 23, 7, tzinfo=UTC):
                    break
                await asyncio.sleep(0.2)
