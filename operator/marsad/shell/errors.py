"""What can go wrong between the operator and the API server, as types. Messages are the server's own sentences."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """The API server refused, or could not be asked. `status` is 0 when no answer came."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class Unreachable(ApiError):
    """No answer: connection refused or cut, or the request timed out. It may have been carried out."""


class NotFound(ApiError):
    """404: no such object, or no such kind."""


class Conflict(ApiError):
    """409: it exists already, or it is not what the precondition says."""

    @property
    def exists(self) -> bool:
        return self.reason == "AlreadyExists"


class Gone(ApiError):
    """410: the resource version is too old; list again."""


class Forbidden(ApiError):
    """401 or 403: the operator's identity may not do this."""


class Invalid(ApiError):
    """400 or 422: the object breaks a rule of its kind, and will until it is changed."""


class Overloaded(ApiError):
    """429 or 503, still after the pauses that the server asked for."""


def without_words(error: ApiError, what: str) -> ApiError:
    """The same error without the server's sentence, which may quote a secret value."""
    return type(error)(f"{what}: {error.reason or error.status}", status=error.status, reason=error.reason)


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: Overloaded,
    503: Overloaded,
}


def from_status(status: dict[str, Any], code: int = 0, retry_after: float | None = None) -> ApiError:
    """The error that a `Status` object of the API server (or just an HTTP code) stands for."""
    code = int(status.get("code") or code)
    kind = _BY_STATUS.get(code, ApiError)
    message = str(status.get("message") or f"the API server answered {code}")
    return kind(message, status=code, reason=str(status.get("reason") or ""), retry_after=retry_after)
