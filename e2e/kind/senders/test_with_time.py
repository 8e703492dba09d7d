"""What comes of messages with time: histories, forecasts, and recommendations whose answers outlive every restart."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from e2e.kind.center import Center, Measured
from e2e.kind.senders.conftest import HADA, Senders
from e2e.kubectl import eventually
from e2e.mllp import arrival
from marsad_center.tests.gateway.playing import adt

pytestmark = pytest.mark.kind
DAYS, A_DAY = 36, 4  # a forecast takes 28 days
SAID = {"by": "Dr. Huda", "decision": "acknowledged", "note": "their interface team is called"}


def past() -> str:
    """Visits of the last weeks: each an arrival, and two hours later a discharge."""
    today = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    told = []
    for number in range(DAYS * A_DAY):
        arrived = today - timedelta(days=1, hours=number * 24 / A_DAY)
        for event, at in (("A04", arrived), ("A03", arrived + timedelta(hours=2))):
            stamp = f"{at:%Y%m%d%H%M%S}+0000"
            control_id = f"past-{event}-{arrived:%Y%m%d%H}"
            told.append(adt(event, control_id, f"past-{arrived:%Y%m%d%H}", at=stamp, sender="HADAHIS|HADA"))
    return "\n\n".join(told)


def advice(center: Center) -> dict[str, Any]:
    """What is recommended of Al-Jumum, all of whose messages are refused."""
    rows: list[dict[str, Any]] = center.json("/api/v1/recommendations?facility=JUMUM")
    return {row["rule"]: row for row in rows}["feed.silent"]


def answer(center: Center, number: int) -> dict[str, Any]:
    """A person answers, as docs/how-to/recommendations.md shows it."""
    url = f"{center.dashboard}/api/v1/recommendations/{number}/acknowledge"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(SAID).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as found:
        told: dict[str, Any] = json.load(found)
        return told


def test_a_figure_has_a_history_of_what_was_shown(senders: Senders) -> None:
    center = senders.center
    visit = f"shown-{time.time_ns()}"
    assert senders.simulate("--file", "/dev/stdin", stdin=arrival(HADA, visit, visit).decode())["answers"] == {"AA": 1}

    def history() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = center.json("/api/v1/indicators/ed.census/history?facility=HADA&step=60")
        assert max(point["value"] for point in found) > 0
        return found

    points = eventually("minutes in which somebody was there", history, 150, pause=1)
    assert all(point["low"] <= point["mean"] <= point["high"] for point in points)
    assert datetime.fromisoformat(points[-1]["at"]) > datetime.now(UTC) - timedelta(minutes=5)


def test_an_answer_to_a_recommendation_outlives_a_restart_after_which_forecasts_are_made_of_the_past(
    senders: Senders, measured: Measured
) -> None:
    center, kube = senders.center, senders.center.kube
    account = senders.simulate("--file", "/dev/stdin", stdin=past())
    assert account["answers"] == {"AA": 2 * DAYS * A_DAY}
    opened = eventually("a recommendation to look after the feed", lambda: advice(center), 150, pause=1)
    assert [cause["part"] for cause in opened["causes"] if cause["holds"]] == ["refused"]
    assert opened["decision"] is None
    answered = answer(center, opened["id"])
    assert answered["decision"] == "acknowledged"

    names = ("deployment/dashboard", "deployment/analytics")
    kube.run("rollout", "restart", *names, "-n", center.name)
    for name in names:
        kube.run("rollout", "status", name, "-n", center.name, "--timeout=120s", deadline=130)
    center.settles()
    assert eventually("it is told as it was", lambda: advice(center), 120) == answered
    assert [event["kind"] for event in answered["events"]] == ["opened", "acknowledged"]

    def forecast() -> dict[str, Any]:
        (found,) = center.json("/api/v1/forecasts?facility=HADA&id=forecast.ed.arrivals")
        assert found["state"] == "ok", (found["state"], found["reason"])
        return dict(found)

    began = time.monotonic()
    made = eventually("a forecast of arrivals", forecast, 120, pause=1)
    measured(f"the forecasts were made {time.monotonic() - began:.0f} s after analytics was there again")
    assert len(made["hours"]) == 48
    assert all(point["low"] <= point["value"] <= point["high"] for point in made["hours"])
    assert made["total"]["value"] > 0
    assert made["historyDays"] >= 28
    assert made["quality"], "how far it was off on the past stands beside it"
    others = center.json("/api/v1/forecasts?facility=TAIF")
    assert {(row["state"], row["reason"]) for row in others} == {("no-data", "history")}, (
        "of a new sender it says why not"
    )
