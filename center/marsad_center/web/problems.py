"""Errors as RFC 9457 problem documents, for every path of the dashboard."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An error to be told: `kind` is a stable word (the last part of the type), `detail` a sentence for people."""

    def __init__(self, status: int, kind: str, title: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status, self.kind, self.title, self.detail, self.members = status, kind, title, detail, members


def response(problem: Problem, path: str, headers: dict[str, str] | None = None) -> Response:
    """The problem document of `problem` for the request of `path`."""
    document = {
        "type": f"/problems/{problem.kind}" if problem.kind else "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
        **problem.members,
    }
    return JSONResponse(document, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


async def on_problem(request: Request, error: Exception) -> Response:
    """Handler of Problem."""
    assert isinstance(error, Problem)
    headers = {"Retry-After": "2"} if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return response(error, request.url.path, headers)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Handler of what routing raises: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    problem = Problem(error.status_code, "", title, f"{request.method} {request.url.path}: {error.detail}")
    return response(problem, request.url.path, dict(error.headers or {}))


async def on_fault(request: Request, _error: Exception) -> Response:
    """Handler of a fault of our own: nothing of it is told."""
    problem = Problem(500, "", "Internal Server Error", "The dashboard failed; its log says why.")
    return response(problem, request.url.path)
