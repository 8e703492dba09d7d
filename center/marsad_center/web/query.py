"""Query parameters read at the door, and JSON out of it. What cannot be used is a problem that says what can."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from marsad_center.web.problems import Problem


def asked(request: Request, name: str, allowed: Collection[str]) -> set[str] | None:
    """Values of the query parameter (it may be given several times); None when it is absent.

    For `facility`, the empty value asks for the whole cluster. An unknown value is a problem, not an empty answer.
    """
    values = request.query_params.getlist(name)
    for value in values:
        known(name, value, allowed)
    return set(values) if values else None


def known(name: str, value: str, allowed: Collection[str]) -> str:
    """`value` itself. Raises Problem 404 when it is none of `allowed`."""
    if value not in allowed:
        raise Problem(404, f"unknown-{name}", f"Unknown {name}", f"There is no {name} {value[:100]!r} in this center.")
    return value


def moment(request: Request, name: str, default: datetime) -> datetime:
    """An RFC 3339 time of the query; `default` when it is absent. Raises Problem 422 when it is none."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        detail = f"{name} must be a time with its offset, such as 2026-03-01T08:00:00Z (write + as %2B)."
        raise Problem(422, f"invalid-{name}", f"Invalid {name}", detail)
    return found


def answer(content: object) -> Response:
    """JSON that no cache keeps."""
    return JSONResponse(content, headers={"Cache-Control": "no-store"})
