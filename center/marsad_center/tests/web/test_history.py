"""History and forecasts over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from marsad_center.tests.web import past
from marsad_center.tests.web.conftest import Center, get, get_json

UNANSWERABLE = [
    ("ed.nothing", "", 404, "unknown-id"),
    ("ed.census", "facility=NOWHERE", 404, "unknown-facility"),
    ("ed.census", "step=59", 422, "invalid-step"),
    ("ed.census", "step=-900", 422, "invalid-step"),
    ("ed.census", "step=1e9", 422, "invalid-step"),
    ("ed.census", "step=99999999999999999999", 422, "invalid-step"),
    ("ed.census", "part=triage", 404, "unknown-part"),
    ("ed.census", "part=platform:x", 404, "unknown-part"),
    ("ed.census", "part=specialty:%00", 404, "unknown-part"),
    ("ed.nedocs", "part=triage:2", 404, "unknown-part"),
    ("ed.census", "part=triage:2&step=900", 422, "invalid-step"),
    ("ed.census", "from=yesterday", 422, "invalid-from"),
    ("ed.census", "to=2026-03-01T08:00:00", 422, "invalid-to"),
    ("ed.census", "from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", 422, "invalid-from"),
    ("ed.census", "from=0001-01-01T00:00:00Z&step=86400", 422, "invalid-from"),
    ("ed.census", "to=9999-12-31T23:59:59Z", 422, "invalid-from"),
    ("ed.census", "from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&step=60", 422, "too-many-points"),
]


async def test_the_last_day_of_a_figure_is_a_series_in_steps(center: Center) -> None:
    now = datetime.now(UTC)
    async with center.database.connect("owner") as owner:
        await past.remembered(owner, "KAMC", "ed.census", now, 40)
    found = await get_json(center.port, "/api/v1/indicators/ed.census/history?facility=KAMC")
    times = [datetime.fromisoformat(each["at"]) for each in found]
    assert times == sorted(times)
    assert all(time.minute % 15 == 0 for time in times)
    assert 85 <= len(found) <= 97  # two hours are missing
    assert all(each["low"] <= each["mean"] <= each["high"] for each in found)
    assert await get_json(center.port, "/api/v1/indicators/ed.census/history?facility=ALNOOR") == []


async def test_any_range_and_step_can_be_asked_for(center: Center) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    async with center.database.connect("owner") as owner:
        await past.remembered(owner, "", "ed.census", now, 40)
    asked = f"from={quote((now - timedelta(hours=2)).isoformat())}&to={quote(now.isoformat())}&step=60"
    found = await get_json(center.port, f"/api/v1/indicators/ed.census/history?{asked}")
    assert len(found) in (23, 24)
    assert all(each["low"] == each["value"] == each["high"] for each in found)


async def test_what_cannot_be_answered_says_what_can(center: Center) -> None:
    for id_, query, status, kind in UNANSWERABLE:
        found, _, body = await get(center.port, f"/api/v1/indicators/{id_}/history?{query}")
        problem = json.loads(body)
        assert (found, problem["type"]) == (status, f"/problems/{kind}"), query
    assert "a step of 15769 seconds or more" in problem["detail"]


async def test_a_part_has_a_history_by_the_hour(center: Center) -> None:
    now = datetime.now(UTC)
    async with center.database.connect("owner") as owner:
        await past.of_parts(owner, "KAMC", "lab.turnaround.p90", now, {("specialty", "طب القلب"): 2400.0})
    query = f"facility=KAMC&part={quote('specialty:طب القلب')}"
    found = await get_json(center.port, f"/api/v1/indicators/lab.turnaround.p90/history?{query}")
    assert len(found) in (22, 23, 24)
    assert {each["value"] for each in found} == {2400}
    assert all(datetime.fromisoformat(each["at"]).minute == 0 for each in found)
    other = await get_json(
        center.port, "/api/v1/indicators/lab.turnaround.p90/history?facility=KAMC&part=specialty:ENT"
    )
    assert other == []


async def test_a_forecast_comes_with_interval_error_and_floor(center: Center) -> None:
    now = datetime.now(UTC)
    async with center.database.connect("owner") as owner:
        await past.expected(owner, "KAMC", now, 9, 120)
        await past.unforeseen(owner, "SFAC", now)
    (arrivals,) = await get_json(center.port, "/api/v1/forecasts?facility=KAMC&id=forecast.ed.arrivals")
    assert (arrivals["facility"], arrivals["state"], len(arrivals["hours"])) == ("KAMC", "ok", 48)
    assert all(each["low"] <= each["value"] <= each["high"] for each in arrivals["hours"])
    assert arrivals["total"]["naive"] > 0
    assert (arrivals["quality"]["hour"]["mase"], arrivals["quality"]["hour"]["naiveMase"]) == (0.74, 1.0)
    both = await get_json(center.port, "/api/v1/forecasts?facility=SFAC")
    assert [(each["state"], each["reason"], each["requiredDays"]) for each in both] == [("no-data", "history", 28)] * 2
    untried = await get_json(center.port, "/api/v1/forecasts?facility=ALNOOR")
    assert {(each["state"], each["reason"]) for each in untried} == {("no-data", "untried")}
    whole = await get_json(center.port, "/api/v1/forecasts")
    assert {(each["facility"], each["state"]) for each in whole} == {(None, "ok")}


async def test_a_forecast_that_was_not_renewed_is_not_shown_as_if_it_were_new(center: Center) -> None:
    made = datetime.now(UTC) - timedelta(hours=3)
    async with center.database.connect("owner") as owner:
        await past.expected(owner, "KAMC", made, 9, 120)
    for scope in ("?facility=KAMC", ""):
        found = await get_json(center.port, f"/api/v1/forecasts{scope}")
        assert {(each["state"], each["reason"]) for each in found} == {("no-data", "overdue")}
        assert not [each for each in found if each["hours"] or each["total"] or each["quality"]]
        assert {each["madeAt"] for each in found} == {made.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


async def test_an_unknown_forecast_is_a_problem(center: Center) -> None:
    for query in ("facility=NOWHERE", "id=forecast.nothing"):
        status, _, _ = await get(center.port, f"/api/v1/forecasts?{query}")
        assert status == 404
