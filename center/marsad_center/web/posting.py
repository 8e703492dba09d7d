"""Bodies that are sent to the dashboard: from its own page only, JSON only, small, and read into a frozen model.

A browser may be made to send a form or plain text to us from a foreign page, with whatever it knows of the reader; not
JSON, and never without saying where it comes from. So both are asked for, and no token is needed.
"""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from marsad_center.web.problems import Problem

MOST_BYTES = 8192

Model = TypeVar("Model", bound=BaseModel)


async def posted(request: Request, model: type[Model]) -> Model:
    """The body as `model`. Raises Problem: 403 from elsewhere, 415 no JSON, 413 too long, 400 not readable, 422 with
    one entry of `errors` (pointer, detail) a field that is not as it must be."""
    _from_here(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "json-only", "Unsupported Media Type", "Send JSON with Content-Type: application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Problem(413, "too-long", "Content Too Large", f"The body may have {MOST_BYTES} bytes.")
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise Problem(400, "not-json", "Bad Request", "The body is not JSON.") from None
        errors = [
            {"pointer": "".join(f"/{part}" for part in fault["loc"])[:200], "detail": fault["msg"]} for fault in faults
        ]
        detail = "; ".join(f"{each['pointer'][1:] or 'body'}: {each['detail']}" for each in errors[:5])
        raise Problem(422, "invalid-body", "Unprocessable Content", detail, errors=errors[:20]) from None


def _from_here(request: Request) -> None:
    """Browsers say by Sec-Fetch-Site (over TLS) or Origin which page sent a request; other programs say neither."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is not None:
        site = "same-origin" if urlsplit(origin).netloc == request.headers.get("host") else "cross-site"
    if site not in (None, "same-origin"):
        raise Problem(403, "cross-origin", "Forbidden", "Only the dashboard's own page may send this.")
