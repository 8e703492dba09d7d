"""Recommendations over HTTP: listed, pushed, answered by people, and nothing but that."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from marsad_center.tests.conftest import Database
from marsad_center.tests.web import past
from marsad_center.tests.web.asking import post
from marsad_center.tests.web.conftest import Center, get, get_json, loaded, running
from marsad_center.tests.web.test_stream import listening, until
from marsad_center.web.posting import MOST_BYTES
from marsad_center.web.service import dashboard

SURGE = [("bed.occupancy", None, "above", 0.92, 0.88, 0.97, True)]
SAID = {"by": "Dr. Huda", "decision": "acknowledged", "note": "calling the bed manager"}

UNUSABLE: list[tuple[Any, int, str, str | None]] = [
    (b"by=Huda", 400, "not-json", None),
    (b"", 400, "not-json", None),
    ([], 422, "invalid-body", ""),
    ({**SAID, "by": "  "}, 422, "invalid-body", "/by"),
    ({**SAID, "by": "x" * 101}, 422, "invalid-body", "/by"),
    ({**SAID, "by": "Huda\u202ereversed"}, 422, "invalid-body", "/by"),
    ({**SAID, "by": 7}, 422, "invalid-body", "/by"),
    ({**SAID, "note": "x" * 501}, 422, "invalid-body", "/note"),
    ({**SAID, "note": "a\u0000b"}, 422, "invalid-body", "/note"),
    ({**SAID, "decision": "divert"}, 422, "invalid-body", "/decision"),
    ({**SAID, "identity": "minister"}, 422, "invalid-body", "/identity"),
    ({"decision": "acted"}, 422, "invalid-body", "/by"),
    (b" " * (MOST_BYTES + 1), 413, "too-long", None),
]
FOREIGN = [
    ({"Origin": "https://evil.example"}, 403, "cross-origin"),
    ({"Origin": "null"}, 403, "cross-origin"),
    ({"Sec_Fetch_Site": "cross-site"}, 403, "cross-origin"),
    ({"Sec_Fetch_Site": "same-site"}, 403, "cross-origin"),
    ({"Content_Type": "text/plain"}, 415, "json-only"),
    ({"Content_Type": "application/x-www-form-urlencoded"}, 415, "json-only"),
    ({"Content_Type": ""}, 415, "json-only"),
]


async def advise(database: Database, facility: str = "KAMC", rule: str = "bed.surge") -> int:
    async with database.connect("owner") as owner:
        return await past.advised(owner, facility, rule, datetime.now(UTC) - timedelta(minutes=5), SURGE)


@pytest.fixture
async def number(center: Center, eventually: Any) -> int:
    """An open recommendation that the dashboard knows of."""
    number = await advise(center.database)

    async def listed() -> Any:
        return await get_json(center.port, "/api/v1/recommendations")

    await eventually(listed)
    return number


async def test_what_is_open_is_listed_with_its_causes_and_its_names(center: Center, number: int) -> None:
    (found,) = await get_json(center.port, "/api/v1/recommendations?facility=KAMC&state=open")
    assert (found["id"], found["facility"], found["rule"], found["state"], found["decision"]) == (
        number, "KAMC", "bed.surge", "open", None,
    )  # fmt: skip
    assert (found["causes"][0]["figure"], found["causes"][0]["value"]) == ("bed.occupancy", 0.97)
    assert set(found["displayNames"]) == {"ar", "en", "fr", "zh"}
    assert await get_json(center.port, "/api/v1/recommendations?facility=SFAC") == []


async def test_an_answer_is_kept_told_to_its_sender_and_pushed_to_everybody(center: Center, number: int) -> None:
    async with listening(center.port) as events:
        await until(events, lambda name, data: name == "recommendation" and data["decision"] is None)
        status, answered = await post(center.port, f"/api/v1/recommendations/{number}/acknowledge", SAID)
        assert (status, answered["decision"]) == (200, "acknowledged")
        pushed = await until(events, lambda name, data: name == "recommendation")
    assert pushed == answered
    assert [(each["kind"], each["by"], each["note"]) for each in pushed["events"]] == [
        ("opened", None, ""),
        ("acknowledged", "Dr. Huda", "calling the bed manager"),
    ]


async def test_what_is_closed_is_pushed_once_and_listed_as_closed(center: Center, number: int) -> None:
    async with listening(center.port) as events:
        await until(events, lambda name, _: name == "recommendation")
        async with center.database.connect("owner") as owner:
            await past.close(owner, number, datetime.now(UTC))
        pushed = await until(events, lambda name, data: name == "recommendation" and data["state"] == "closed")
    assert pushed["outcome"] == "released"
    assert await get_json(center.port, "/api/v1/recommendations") == []
    assert await get_json(center.port, "/api/v1/recommendations?state=closed&facility=KAMC") == [pushed]
    status, problem = await post(center.port, f"/api/v1/recommendations/{number}/acknowledge", SAID)
    assert (status, problem["type"]) == (409, "/problems/closed")


async def test_a_body_that_cannot_be_used_is_refused_with_what_to_change(center: Center, number: int) -> None:
    for body, status, kind, pointer in UNUSABLE:
        found, problem = await post(center.port, f"/api/v1/recommendations/{number}/acknowledge", body)
        assert (found, problem["type"]) == (status, f"/problems/{kind}"), body
        pointers = [each["pointer"] for each in problem.get("errors", [])]
        assert pointers == ([] if pointer is None else [pointer]), body
        assert problem["detail"]
        assert "minister" not in json.dumps(problem)


async def test_a_foreign_page_cannot_answer_for_its_reader(center: Center, number: int) -> None:
    for headers, status, kind in FOREIGN:
        found, problem = await post(center.port, f"/api/v1/recommendations/{number}/acknowledge", SAID, **headers)
        assert (found, problem["type"]) == (status, f"/problems/{kind}"), headers
    (same,) = await get_json(center.port, "/api/v1/recommendations")
    assert same["decision"] is None


async def test_the_own_page_can_answer_whatever_its_browser_says_of_it(center: Center, number: int) -> None:
    for headers in ({"Origin": center.url}, {"Sec_Fetch_Site": "same-origin", "Origin": "https://public.name"}):
        status, _ = await post(center.port, f"/api/v1/recommendations/{number}/acknowledge", SAID, **headers)
        assert status == 200


async def test_what_is_not_there_is_a_problem(center: Center) -> None:
    for path, status, kind in (
        ("/api/v1/recommendations?facility=NOWHERE", 404, "/problems/unknown-facility"),
        ("/api/v1/recommendations?state=maybe", 404, "/problems/unknown-state"),
        ("/api/v1/recommendations/1/acknowledge", 405, "about:blank"),
    ):
        found, _, body = await get(center.port, path)
        assert (found, json.loads(body)["type"]) == (status, kind)
    for unknown in ("4711", str(2**63 - 1), str(2**63), "9" * 40):
        status, problem = await post(center.port, f"/api/v1/recommendations/{unknown}/acknowledge", SAID)
        assert (status, problem["type"]) == (404, "/problems/unknown-recommendation")


async def test_an_identity_is_taken_from_the_header_of_the_trusted_proxy_and_from_nowhere_else(
    center: Center, number: int
) -> None:
    path = f"/api/v1/recommendations/{number}/acknowledge"
    settings = replace(center.database.settings("dashboard"), identity_header="X-Forwarded-User")
    async with dashboard(settings, CollectorRegistry()) as (trusting, refresher), running(refresher.run()):
        await loaded(trusting)
        for port, sent, kept in (
            (center.port, {"X_Forwarded_User": "huda"}, None),  # no header is trusted there
            (trusting, {"X_Forwarded_User": "huda@makkah.example"}, "huda@makkah.example"),
            (trusting, {"X_Forwarded_User": "huda", "x_forwarded_user": "minister"}, None),
            (trusting, {"X_Forwarded_User": "h" * 300}, "h" * 200),
            (trusting, {}, None),
        ):
            _, answered = await post(port, path, SAID, **sent)
            assert answered["events"][-1]["identity"] == kept
