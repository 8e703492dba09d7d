"""The history of a figure over HTTP: trends and comparisons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from marsad_center.indicators import history
from marsad_center.indicators.catalogue import catalogue
from marsad_center.indicators.figures import CLUSTER, instant
from marsad_center.web.database import Database
from marsad_center.web.problems import Problem
from marsad_center.web.query import answer, known, moment
from marsad_center.web.snapshot import Snapshot

MOST_POINTS = 2000
DEFAULT_SPAN = timedelta(hours=24)
DEFAULT_STEP = timedelta(minutes=15)
_LONGEST = 60  # characters of a member
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def routes(snapshot: Snapshot, database: Database) -> list[Route]:
    """GET /api/v1/indicators/{id}/history?facility=&part=&from=&to=&step=: points from `from` up to `to` (RFC 3339; by
    default the last 24 hours), one a `step` of seconds (by default 900); steps without a value are left out.

    `part`: of one member of a dimension of the figure, such as triage:2; a value an hour (step 3600, or more)."""

    async def series(request: Request) -> Response:
        id_ = known("id", request.path_params["id"], catalogue().keys())
        facility = known("facility", request.query_params.get("facility", CLUSTER), {CLUSTER, *snapshot.codes()})
        end = moment(request, "to", datetime.now(UTC))
        start = moment(request, "from", end - DEFAULT_SPAN if end > _EARLIEST else end)
        part = request.query_params.get("part")
        step = _step(request.query_params.get("step"), DEFAULT_STEP if part is None else history.HOUR)
        _bounded(start, end, step)
        if part is not None:
            id_ = _part(id_, part, step)
        async with database.connection() as connection:
            points = await history.series(connection, id_, facility, _aligned(start, step), end, step)
        return answer(
            [
                {"at": instant(each.at), "value": each.value, "low": each.low, "high": each.high, "mean": each.mean}
                for each in points
            ]
        )

    return [Route("/api/v1/indicators/{id}/history", series)]


def _part(id_: str, text: str, step: timedelta) -> str:
    """The id of the series of a part."""
    dimension, _, member = text.partition(":")
    dimensions = catalogue()[id_].dimensions
    if dimension not in dimensions or not 0 < len(member) <= _LONGEST or not member.isprintable():
        which = " or ".join(f"{each}:..." for each in dimensions) or "none"
        raise Problem(404, "unknown-part", "Unknown part", f"Parts of {id_} that have a history: {which}.")
    if step < history.HOUR:
        raise Problem(422, "invalid-step", "Invalid step", "A part has a value an hour: take a step of 3600 or more.")
    return history.part_id(id_, dimension, member)


def _step(text: str | None, default: timedelta) -> timedelta:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 60 <= int(text[:10]) <= 366 * 86400):
        raise Problem(422, "invalid-step", "Invalid step", "step is a number of seconds, 60 (a minute) or more.")
    return timedelta(seconds=int(text[:10]))


def _bounded(start: datetime, end: datetime, step: timedelta) -> None:
    if not _EARLIEST <= start < end <= _LATEST:
        raise Problem(422, "invalid-from", "Invalid range", "from must lie before to, and both between 2000 and 2200.")
    if (end - start) / step > MOST_POINTS:
        shortest = int((end - start).total_seconds() // MOST_POINTS) + 1
        detail = f"That are more than {MOST_POINTS} points: take a step of {shortest} seconds or more."
        raise Problem(422, "too-many-points", "Too many points", detail)


def _aligned(start: datetime, step: timedelta) -> datetime:
    """Steps begin where they begin for everybody: a page that asks again gets the same ones."""
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp(int(start.timestamp()) // seconds * seconds, UTC)
