"""The JSON of the dashboard, as design.md promises it: bare arrays, problem documents, one stream."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from marsad_center import registry
from marsad_center.indicators.catalogue import catalogue
from marsad_center.web.groups import group
from marsad_center.web.problems import Problem
from marsad_center.web.query import answer, asked
from marsad_center.web.snapshot import Document, Snapshot
from marsad_center.web.stream import Hub, TooManyClients


def center_document(center: registry.Center) -> Document:
    """GET /api/v1/center: what is declared of the center, its facilities and their feeds."""
    return {
        "name": center.name,
        "namespace": center.namespace,
        "code": center.code,
        "displayNames": dict(center.display_names),
        "region": center.region,
        "release": center.release,
        "locales": list(center.locales),
        "defaultLocale": center.default_locale,
        "timeZone": center.time_zone,
        "freshnessObjectiveSeconds": center.freshness_objective_seconds,
        "facilities": [
            facility.model_dump(mode="json", by_alias=True, exclude={"location"}) for facility in center.facilities
        ],
    }


def routes(snapshot: Snapshot, hub: Hub) -> list[Route]:
    """The routes under /api/v1."""

    def known() -> registry.Center:
        if snapshot.center is None or not snapshot.loaded:
            raise Problem(503, "not-loaded", "Not loaded yet", "The dashboard has not read the database yet.")
        return snapshot.center

    async def center(_request: Request) -> Response:
        return answer({**center_document(known()), **snapshot.status_document(datetime.now(UTC))})

    async def indicators(request: Request) -> Response:
        known()
        facilities = asked(request, "facility", {"", *snapshot.codes()})
        ids = asked(request, "id", catalogue().keys())
        return answer(
            [
                document
                for document in snapshot.indicator_documents()
                if (facilities is None or (document["facility"] or "") in facilities)
                and (ids is None or document["id"] in ids)
            ]
        )

    async def feeds(request: Request) -> Response:
        known()
        facilities = asked(request, "facility", snapshot.codes())
        return answer(
            [
                each
                for each in snapshot.feed_documents(datetime.now(UTC))
                if facilities is None or each["facility"] in facilities
            ]
        )

    async def entries(_request: Request) -> Response:
        return answer(
            [{**indicator.model_dump(mode="json"), "group": group(indicator)} for indicator in catalogue().values()]
        )

    async def stream(_request: Request) -> Response:
        known()
        try:
            body = hub.open(_everything(snapshot))
        except TooManyClients:
            raise Problem(503, "too-many-streams", "Too many streams", "Try again, or another replica.") from None
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(body, media_type="text/event-stream", headers=headers)

    return [
        Route("/api/v1/center", center),
        Route("/api/v1/indicators", indicators),
        Route("/api/v1/feeds", feeds),
        Route("/api/v1/catalogue", entries),
        Route("/api/v1/stream", stream),
    ]


def _everything(snapshot: Snapshot) -> Iterator[tuple[str, Document]]:
    if snapshot.center is not None:  # first: a page made from another declaration begins anew
        yield "center", center_document(snapshot.center)
    yield from (("indicator", document) for document in snapshot.indicator_documents())
    yield from (("feed", document) for document in snapshot.feed_documents(datetime.now(UTC)))
    yield from (("recommendation", document) for document in snapshot.recommendation_documents())
    yield "status", snapshot.status_document(datetime.now(UTC))
