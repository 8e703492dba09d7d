"""Forecasts over HTTP: each with its interval, its back-tested error, and the seasonal-naive forecast beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from marsad_center.forecast import store
from marsad_center.forecast.outlook import IDS, Forecast, Point, Quality
from marsad_center.indicators.figures import CLUSTER, instant
from marsad_center.web.database import Database
from marsad_center.web.query import answer, asked, known
from marsad_center.web.snapshot import Document, Snapshot


def routes(snapshot: Snapshot, database: Database) -> list[Route]:
    """GET /api/v1/forecasts?facility=&id=: the newest of each id; without a facility, of the whole cluster. What was
    never tried is there, too, as no-data."""

    async def forecasts(request: Request) -> Response:
        facility = known("facility", request.query_params.get("facility", CLUSTER), {CLUSTER, *snapshot.codes()})
        ids = asked(request, "id", IDS)
        wanted, now = [each for each in IDS if ids is None or each in ids], datetime.now(UTC)
        async with database.connection() as connection:
            found = {each: await store.latest(connection, facility, each, now) for each in wanted}
        return answer([forecast_fields(id_, facility, forecast) for id_, forecast in found.items()])

    return [Route("/api/v1/forecasts", forecasts)]


def forecast_fields(id_: str, facility: str, forecast: Forecast | None) -> Document:
    """A forecast as JSON. `reason` when it has no data: history (too short), stale (too old), overdue (not
    renewed for three hours) or untried."""
    document: dict[str, Any] = {"id": id_, "facility": facility or None}
    if forecast is None:
        return {
            **document,
            "state": "no-data",
            "reason": "untried",
            "hours": [],
            "days": [],
            "total": None,
            "quality": {},
        }
    return {
        **document,
        "state": forecast.state,
        "reason": forecast.reason,
        "historyDays": forecast.history_days,
        "requiredDays": forecast.required_days,
        "knownUntil": instant(forecast.known_until),
        "madeAt": instant(forecast.made_at),
        "hours": [_point(each) for each in forecast.hours],
        "days": [_point(each) for each in forecast.days],
        "total": _point(forecast.total) if forecast.total else None,
        "quality": {grain: _quality(each) for grain, each in forecast.quality.items()},
    }


def _point(point: Point) -> Document:
    return {
        "at": instant(point.at),
        "value": point.value,
        "low": point.low,
        "high": point.high,
        "naive": point.naive,
    }


def _quality(quality: Quality) -> Document:
    return {
        "model": quality.model,
        "origins": quality.origins,
        "wape": quality.wape,
        "naiveWape": quality.naive_wape,
        "mase": quality.mase,
        "naiveMase": quality.naive_mase,
        "coverage": quality.coverage,
        "trainedAt": instant(quality.trained_at),
    }
