"""Codes of a hospital's own, from its message to what people see: listed until they are mapped, then called what they
mean, without anything being sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.gateway.playing import gateway, message, sending
from marsad_center.tests.web.conftest import analytics, get_json, loaded, serving

CARDIOLOGY = {"system": "SCT", "code": "394579002", "display": "Cardiology"}


def arrival(sender: str, specialty: str, *, charset: str = "UNICODE UTF-8", control: str = "1") -> str:
    """Somebody comes to the ED now, to the hospital service `specialty` (PV1-10)."""
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    pv1 = f"PV1|1|E|ED^R1^B1|||||||{specialty}|||||||||V{control}"
    said = (f"EVN|A04|{now}", f"PID|1||P-{control}^^^MRN", pv1)
    return message("ADT^A04", control, *said, sender=sender, at=now, charset=charset)


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await is_so():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)


async def specialties(port: int) -> dict[str, Any]:
    """The census of the cluster by specialty."""
    (figure,) = await get_json(port, "/api/v1/indicators?facility=&id=ed.census")
    parts = ((figure["dimensions"] or {}).get("specialty") or {}).items()
    return {name: part["value"] for name, part in parts}


async def test_two_hospitals_words_become_one_specialty_when_they_are_mapped(database: Database) -> None:
    words = {"KAMC": "CAR", "ALNOOR": "CARD"}
    async with gateway(database) as ports, analytics(database), serving(database) as port:
        for facility, word in words.items():
            async with sending(ports) as sender:
                assert await sender.code(arrival(f"HIS|{facility}", word)) == "AA"
        await loaded(port)

        async def apart() -> bool:
            return await specialties(port) == {"CAR": 1, "CARD": 1}

        await until(apart)
        mapped = {facility: [{"localSystem": "", "localCode": word, **CARDIOLOGY}] for facility, word in words.items()}
        facilities = [each | {"codes": mapped.get(each["code"], [])} for each in CENTER["facilities"]]
        (database.folder / "center.json").write_text(json.dumps(CENTER | {"facilities": facilities}))

        async def one() -> bool:
            return await specialties(port) == {"Cardiology": 2}

        await until(one)
