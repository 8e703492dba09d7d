"""Codes of a hospital's own, from its message to what people see: listed until they are mapped, then called what they
mean, without anything being sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from marsad_center.indicators.metrics import Metrics
from marsad_center.indicators.service import Analytics
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.gateway.playing import gateway, message, sending
from marsad_center.tests.web.conftest import analytics, get, get_json, loaded, running, serving
from marsad_center.web.codes import SHOWN

CARDIOLOGY = {"system": "SCT", "code": "394579002", "display": "Cardiology"}


def arrival(sender: str, specialty: str, *, charset: str = "UNICODE UTF-8", control: str = "1") -> str:
    """Somebody comes to the ED now, to the hospital service `specialty` (PV1-10)."""
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    pv1 = f"PV1|1|E|ED^R1^B1|||||||{specialty}|||||||||V{control}"
    said = (f"EVN|A04|{now}", f"PID|1||P-{control}^^^MRN", pv1)
    return message("ADT^A04", control, *said, sender=sender, at=now, charset=charset)


def declare(database: Database, **said: Any) -> None:
    """Write another center.json."""
    (database.folder / "center.json").write_text(json.dumps(CENTER | said))


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
        declare(database, facilities=facilities)

        async def one() -> bool:
            return await specialties(port) == {"Cardiology": 2}

        await until(one)


async def test_a_code_that_nobody_has_mapped_is_listed_counted_and_gone_once_it_is_mapped(database: Database) -> None:
    registry = CollectorRegistry()
    service = Analytics(database.settings("analytics"), Metrics(registry), tick_seconds=0.2)

    def counted() -> dict[str, float | None]:
        name = "marsad_codes_unmapped"
        return {code: registry.get_sample_value(name, {"facility": code}) for code in ("KAMC", "ALNOOR")}

    async with gateway(database) as ports, serving(database) as port, sending(ports) as sender:
        for number, word in enumerate(["CAR", "CAR", "EYE"]):
            assert await sender.code(arrival("HIS|KAMC", word, control=str(number))) == "AA"
        async with running(service.run()):
            await loaded(port)

            async def two() -> bool:
                return counted() == {"KAMC": 2, "ALNOOR": 0}

            await until(two)
            kamc, alnoor = await get_json(port, "/api/v1/codes?facility=KAMC&facility=ALNOOR")
            assert (kamc["facility"], kamc["unmapped"], alnoor) == (
                "KAMC", 2, {"facility": "ALNOOR", "unmapped": 0, "codes": []},
            )  # fmt: skip
            first, second = kamc["codes"]
            assert first["firstAt"] <= first["lastAt"]
            told = {"kind": "encounter", "system": "", "code": "CAR", "display": "", "times": 2}
            assert {name: first[name] for name in told} == told
            assert (second["code"], second["times"]) == ("EYE", 1)
            status, _, body = await get(port, "/api/v1/codes?facility=NOWHERE")
            assert (status, json.loads(body)["type"]) == (404, "/problems/unknown-facility")
            declare(database, codes=[{"localSystem": "", "localCode": "CAR", **CARDIOLOGY}])

            async def fewer() -> bool:
                return counted() == {"KAMC": 1, "ALNOOR": 0}

            await until(fewer)
            assert [each["code"] for each in (await get_json(port, "/api/v1/codes"))[0]["codes"]] == ["EYE"]


async def test_of_many_codes_the_most_used_are_shown_and_all_are_counted(database: Database) -> None:
    async with database.connect("gateway") as connection:
        await connection.execute(
            "INSERT INTO unmapped_code SELECT 'KAMC', 'order', 'L', 'C' || n, '', n, now(), now()"
            f" FROM generate_series(1, {SHOWN + 20}) AS n"
        )
    async with gateway(database), analytics(database), serving(database) as port:
        await loaded(port)
        (kamc,) = await get_json(port, "/api/v1/codes?facility=KAMC")
    assert (kamc["unmapped"], len(kamc["codes"]), kamc["codes"][0]["code"]) == (SHOWN + 20, SHOWN, f"C{SHOWN + 20}")


@pytest.mark.parametrize(
    ("charset", "codec", "words"),
    [("8859/6", "iso8859_6", "قلب"), ("UNICODE UTF-8", "utf-8", "قلب"), ("UNICODE UTF-8", "utf-8", "心内科"),
     ("8859/1", "iso8859_1", "Pédiatrie"), ("UNICODE UTF-8", "utf-8", "Pédiatrie")],
)  # fmt: skip
async def test_a_senders_words_keep_their_script_from_the_wire_to_the_json(
    sealed_database: Database, charset: str, codec: str, words: str
) -> None:
    raw = arrival("HIS|KAMC", words, charset=charset).encode(codec)
    async with gateway(sealed_database) as ports, analytics(sealed_database), serving(sealed_database) as port:
        async with sending(ports) as sender:
            assert await sender.code(raw) == "AA"
        await loaded(port)

        async def told() -> bool:
            return await specialties(port) == {words: 1}

        await until(told)
        (kamc,) = await get_json(port, "/api/v1/codes?facility=KAMC")
        assert [each["code"] for each in kamc["codes"]] == [words]
