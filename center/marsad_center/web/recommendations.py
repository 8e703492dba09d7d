"""Recommendations over HTTP: what is open (from the snapshot), what was closed, and a person's answer."""

from __future__ import annotations

import logging
from typing import Annotated, Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from marsad_center.recommendations import audit
from marsad_center.recommendations.audit import Decision
from marsad_center.web.database import Database
from marsad_center.web.posting import posted
from marsad_center.web.problems import Problem
from marsad_center.web.query import answer, asked, known
from marsad_center.web.snapshot import Document, Snapshot, recommendation_fields

log = logging.getLogger(__name__)

_LAST = 2**63 - 1
_REFUSED = {
    "unknown": (404, "unknown-recommendation", "Unknown recommendation", "There is no such recommendation."),
    "closed": (409, "closed", "Closed already", "The figures came back and closed it; nothing is left to decide."),
    "full": (409, "too-many-answers", "Too many answers", "This recommendation takes no more answers."),
}


def _readable(text: str) -> str:
    """Names and notes are one line of text that people read: no control characters, nothing that turns the line."""
    if not all(character.isprintable() for character in text.replace("\n", " ")):
        raise ValueError("control characters are not allowed")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_readable)]


class Acknowledgement(BaseModel):
    """The body of an answer. Lengths as in the table's checks."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    by: Annotated[Line, StringConstraints(min_length=1, max_length=audit.MOST_NAME)]
    decision: Decision
    note: Annotated[Line, StringConstraints(max_length=audit.MOST_NOTE)] = ""


def routes(
    snapshot: Snapshot, database: Database, identity_header: str, metrics: CollectorRegistry = REGISTRY
) -> list[Route]:
    """The routes under /api/v1/recommendations. `identity_header`: see Settings."""
    answers = Counter("marsad_recommendation_answers", "Answers of people", ["decision"], registry=metrics)

    async def listed(request: Request) -> Response:
        facilities = asked(request, "facility", snapshot.codes())
        codes = snapshot.codes() if facilities is None else [code for code in snapshot.codes() if code in facilities]
        if known("state", request.query_params.get("state", "open"), ("open", "closed")) == "closed":
            async with database.connection() as connection:
                return answer([recommendation_fields(each) for each in await audit.closed(connection, codes)])
        return answer([each for each in snapshot.recommendation_documents() if _open_of(each, codes)])

    async def acknowledge(request: Request) -> Response:
        number = request.path_params["number"]
        said = await posted(request, Acknowledgement)
        async with database.connection() as connection:
            given = audit.Answer(said.decision, said.by, _identity(request, identity_header), said.note)
            outcome = await audit.answer(connection, number, given) if number <= _LAST else "unknown"
            if outcome != "ok":
                raise Problem(*_REFUSED[outcome])
            current = await audit.one(connection, number)
        answers.labels(said.decision).inc()
        log.info("a recommendation was answered", extra={"recommendation": number, "decision": said.decision})
        return answer(recommendation_fields(current))

    return [
        Route("/api/v1/recommendations", listed),
        Route("/api/v1/recommendations/{number:int}/acknowledge", acknowledge, methods=["POST"]),
    ]


def _open_of(document: Document, codes: list[str]) -> bool:
    return document["state"] == "open" and document["facility"] in codes


def _identity(request: Request, header: str) -> str | None:
    """What a trusted proxy says of the reader: the header's only value. A second one may be the reader's own: none."""
    values: list[Any] = request.headers.getlist(header) if header else []
    if len(values) != 1:
        return None
    text = "".join(character for character in str(values[0]) if character.isprintable()).strip()
    return text[: audit.MOST_IDENTITY] or None
