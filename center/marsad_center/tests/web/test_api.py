"""The JSON of the dashboard: what design.md promises."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from marsad_center.indicators.catalogue import catalogue
from marsad_center.tests.web.conftest import Center, get, get_json
from marsad_center.web import api
from marsad_center.web.service import SECURITY_HEADERS

FIGURE_FIELDS = {
    "id", "facility", "value", "unit", "numerator", "denominator", "window", "target", "status", "sourceAt",
    "computedAt",
}  # fmt: skip
FEED_FIELDS = {
    "facility", "feed", "received", "accepted", "rejected", "duplicate", "quarantined", "lastEventAt",
    "freshnessSeconds", "state",
}  # fmt: skip


async def test_indicators_are_a_bare_array_with_every_figure_of_every_facility(center: Center, eventually) -> None:
    wanted = {(facility, id_) for facility in (None, "KAMC", "ALNOOR", "SFAC") for id_ in catalogue()}

    async def complete():  # what is expected is written after the first pass
        found = await get_json(center.port, "/api/v1/indicators")
        return found if {(each["facility"], each["id"]) for each in found} == wanted else None

    found = await eventually(complete)
    assert all(each.keys() >= FIGURE_FIELDS for each in found)


async def test_before_the_first_message_every_count_is_no_data_and_none_is_zero(center: Center) -> None:
    found = await get_json(center.port, "/api/v1/indicators")
    for each in found:
        if each["id"] != "coverage.facilities":
            assert (each["value"], each["status"]) == (None, "no-data"), each["id"]


async def test_indicators_are_filtered_by_facility_and_by_id(center: Center) -> None:
    found = await get_json(center.port, "/api/v1/indicators?facility=KAMC&id=ed.census&id=ed.waiting")
    assert [(each["facility"], each["id"]) for each in found] == [("KAMC", "ed.census"), ("KAMC", "ed.waiting")]
    (whole,) = await get_json(center.port, "/api/v1/indicators?facility=&id=ed.census")
    assert whole["facility"] is None


async def test_feeds_tell_counters_freshness_and_state(center: Center, eventually) -> None:
    now = datetime.now(UTC)
    await center.rows.event("KAMC", now, count=2)
    await center.rows.hint("KAMC")

    async def measured():
        feeds = {each["facility"]: each for each in await get_json(center.port, "/api/v1/feeds")}
        return feeds if feeds["KAMC"]["freshnessSeconds"]["p95"] is not None else None

    feeds = await eventually(measured)
    assert feeds["KAMC"].keys() >= FEED_FIELDS
    assert (feeds["KAMC"]["samples"], feeds["KAMC"]["backfilled"], feeds["KAMC"]["skewed"]) == (2, 0, 0)
    assert (feeds["KAMC"]["received"], feeds["KAMC"]["accepted"], feeds["KAMC"]["state"]) == (2, 2, "live")
    assert 0 <= feeds["KAMC"]["freshnessSeconds"]["p50"] <= feeds["KAMC"]["freshnessSeconds"]["max"]
    assert feeds["ALNOOR"]["state"] == "never"
    assert feeds["ALNOOR"]["freshnessSeconds"] == {"p50": None, "p95": None, "max": None}
    assert datetime.fromisoformat(feeds["KAMC"]["lastEventAt"]).replace(microsecond=0) == now.replace(microsecond=0)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/indicators?facility=NOWHERE", "/problems/unknown-facility"),
        ("/api/v1/indicators?id=ed.nothing", "/problems/unknown-id"),
        ("/api/v1/feeds?facility=NOWHERE", "/problems/unknown-facility"),
        ("/api/v1/nothing", "about:blank"),
        ("/static/nothing/app.js", "about:blank"),
    ],
)
async def test_what_is_not_there_is_told_as_a_problem_document(center: Center, path: str, kind: str) -> None:
    status, headers, body = await get(center.port, path)
    document = json.loads(body)
    assert (status, headers["content-type"], document["type"]) == (404, "application/problem+json", kind)
    assert document["status"] == 404
    assert document["instance"] == path.partition("?")[0]
    assert document["title"]
    assert document["detail"]


async def test_the_center_and_the_catalogue_are_described(center: Center) -> None:
    described = await get_json(center.port, "/api/v1/center")
    assert (described["name"], described["freshnessObjectiveSeconds"]) == ("makkah", 120)
    assert [facility["code"] for facility in described["facilities"]] == ["KAMC", "ALNOOR", "SFAC"]
    entries = await get_json(center.port, "/api/v1/catalogue")
    assert [entry["id"] for entry in entries] == list(catalogue())
    assert all(entry["formula"]["en"] and entry["source"] for entry in entries)


async def test_probes_answer_and_every_response_is_guarded(center: Center) -> None:
    for path in ("/healthz", "/readyz", "/", "/api/v1/feeds", "/nothing"):
        status, headers, _ = await get(center.port, path)
        assert status == (404 if path == "/nothing" else 200), path
        for name, value in SECURITY_HEADERS.items():
            assert headers[name.lower()] == value


async def test_a_fault_of_our_own_is_told_with_the_safety_headers_and_nothing_of_it(
    center: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(api, "catalogue", fault)
    status, headers, body = await get(center.port, "/api/v1/catalogue")
    assert status == json.loads(body)["status"] == 500
    assert "secret" not in body
    for name, value in SECURITY_HEADERS.items():
        assert headers[name.lower()] == value
