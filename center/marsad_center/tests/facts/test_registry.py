"""The registry: read from center.json, followed while it changes, written to tables without deleting anything."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from marsad_center import registry
from marsad_center.facts.registry_sync import sync
from marsad_center.registry import Center, RegistryError
from marsad_center.tests.conftest import CENTER, Database


def center(**changes: Any) -> Center:
    return Center.model_validate(CENTER | changes)


def facilities(*codes: str) -> list[Any]:
    return [facility for facility in CENTER["facilities"] if facility["code"] in codes]


async def active(database: Database) -> list[tuple[Any, ...]]:
    sql = "SELECT facility, name, sending_application, sending_facility FROM feed WHERE active ORDER BY 1, 2"
    async with database.connect("postgres") as connection:
        return [tuple(row) for row in await connection.fetch(sql)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [("{", "Invalid JSON"), ("[]", "document"), ('{"name": "x"}', "namespace"), ('{"facilities": 3}', "name")],
)
def test_a_registry_that_cannot_be_used_says_where_and_why(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "center.json").write_text(text)
    with pytest.raises(RegistryError, match=fault):
        registry.load(tmp_path / "center.json")


def test_a_newer_operators_unknown_fields_are_let_through(tmp_path: Path) -> None:
    (tmp_path / "center.json").write_text(json.dumps(CENTER | {"later": {"x": 1}}))
    found = registry.load(tmp_path / "center.json")
    assert found.facilities[0].capacity.beds == {"general": 120, "icu": 20}
    assert found.facilities[2].feeds[0].sending_application == "SIMHOSP"


def test_what_an_operator_says_of_certificates_profiles_codes_and_thresholds_is_read(tmp_path: Path) -> None:
    feed = CENTER["facilities"][0]["feeds"][0] | {
        "transport": "MLLPS",
        "certificate": {"fingerprints": ["AB:CD"]},
        "profile": {"triageCodes": ["TRIAGE"], "newer": ["X"]},
    }
    code = {"localSystem": "L", "localCode": "HB", "system": "LN", "code": "718-7"}
    facility = CENTER["facilities"][0] | {"feeds": [feed], "codes": [code]}
    told = CENTER | {"facilities": [facility], "indicators": [{"id": "ed.lwbs", "target": 0.03}]}
    (tmp_path / "center.json").write_text(json.dumps(told))
    center = registry.load(tmp_path / "center.json")
    (read,), (known,) = center.facilities, center.facilities[0].codes
    certificate, profile = read.feeds[0].certificate, read.feeds[0].profile
    assert certificate is not None
    assert (certificate.name, certificate.fingerprints) == (None, ("AB:CD",))
    assert profile is not None
    assert (profile.triage_codes, profile.lwbs_dispositions) == (("TRIAGE",), None)
    assert (known.local_code, known.code, known.display) == ("HB", "718-7", "")
    assert (center.indicators[0].target, center.indicators[0].ok) == (0.03, None)


async def test_the_watch_follows_a_swapped_link_and_keeps_the_last_good_registry(
    tmp_path: Path, eventually: Any
) -> None:
    seen: list[str] = []

    async def on_change(found: Center) -> None:
        seen.append(found.release)

    def mount(number: int, text: str) -> None:  # as kubelet does it
        folder = tmp_path / f"..v{number}"
        folder.mkdir()
        (folder / "center.json").write_text(text)
        (tmp_path / "..data_tmp").symlink_to(folder.name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    path = tmp_path / "center.json"
    path.symlink_to("..data/center.json")
    task = asyncio.create_task(registry.watch(path, on_change, every=0.01))
    for number, (text, expected) in enumerate(
        [
            (json.dumps(CENTER | {"release": "1"}), ["1"]),
            ("not JSON", ["1"]),
            (json.dumps(CENTER | {"release": "2"}), ["1", "2"]),
        ]
    ):
        mount(number, text)

        async def as_expected(expected: list[str] = expected) -> bool:
            return seen == expected

        await eventually(as_expected)
    task.cancel()
    await asyncio.wait({task})
    assert seen == ["1", "2"]


async def test_a_second_sync_writes_nothing(database: Database) -> None:
    async with database.connect("gateway") as connection:
        first = await sync(connection, center())
        before = await connection.fetch("SELECT xmin::text, * FROM facility ORDER BY code")
        feeds = await connection.fetch("SELECT xmin::text, * FROM feed ORDER BY id")
        assert await sync(connection, center()) == first
        assert await connection.fetch("SELECT xmin::text, * FROM facility ORDER BY code") == before
        assert await connection.fetch("SELECT xmin::text, * FROM feed ORDER BY id") == feeds
    assert [feed.facility for feed in first] == ["KAMC", "ALNOOR", "SFAC"]


async def test_what_leaves_the_registry_becomes_inactive_and_comes_back_as_it_was(database: Database) -> None:
    async with database.connect("gateway") as connection:
        before = await sync(connection, center())
        await sync(connection, center(facilities=facilities("KAMC")))
        assert [row[0] for row in await active(database)] == ["KAMC"]
        assert await connection.fetchval("SELECT count(*) FROM facility WHERE NOT active") == 2
        assert await sync(connection, center()) == before


async def test_a_registry_of_more_facilities_than_a_notification_bears_is_said_as_anything(database: Database) -> None:
    heard: list[str] = []
    many = [{"code": f"FACILITY-{number:07}", "kind": "Hospital"} for number in range(450)]
    async with database.connect("gateway") as connection, database.connect("analytics") as listener:
        await listener.add_listener("facts", lambda *arguments: heard.append(arguments[-1]))
        await sync(connection, center(facilities=many))
        await listener.execute("SELECT 1")
    assert heard == ["{}"]


async def test_a_refused_registry_is_tried_again_without_a_change_of_the_file(tmp_path: Path, eventually: Any) -> None:
    calls: list[str] = []

    async def on_change(found: Center) -> None:
        calls.append(found.name)
        if len(calls) == 1:
            raise RegistryError("not yet")

    (tmp_path / "center.json").write_text(json.dumps(CENTER))
    task = asyncio.create_task(registry.watch(tmp_path / "center.json", on_change, every=0.01, again=0.02))

    async def called_twice() -> bool:
        return len(calls) >= 2

    await eventually(called_twice)
    await asyncio.sleep(0.1)  # what was taken is not given again
    task.cancel()
    await asyncio.wait({task})
    assert calls == ["makkah", "makkah"]


async def test_a_sender_moves_from_one_feed_to_another_in_one_step(database: Database) -> None:
    kamc, alnoor = facilities("KAMC", "ALNOOR")
    swapped = [kamc | {"feeds": alnoor["feeds"]}, alnoor | {"feeds": kamc["feeds"]}]
    async with database.connect("gateway") as connection:
        await sync(connection, center())
        await sync(connection, center(facilities=swapped))
    assert await active(database) == [("ALNOOR", "his", "HIS", "KAMC"), ("KAMC", "his", "HIS", "ALNOOR")]


async def test_a_sender_that_two_feeds_claim_goes_to_the_first(database: Database) -> None:
    kamc, alnoor = facilities("KAMC", "ALNOOR")
    async with database.connect("gateway") as connection:
        feeds = await sync(connection, center(facilities=[kamc, alnoor | {"feeds": kamc["feeds"]}]))
    assert [feed.facility for feed in feeds] == ["KAMC"]
    assert await active(database) == [("KAMC", "his", "HIS", "KAMC")]
