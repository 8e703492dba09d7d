"""Documents that are answered: OperationOutcome, and the response to a transaction or a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marsad_center.gateway.fhir.faults import Issue

MEDIA_TYPE = "application/fhir+json"

_STORED = Issue("informational", "Stored.", severity="information")
_PHRASES = {
    200: "OK",
    201: "Created",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Payload Too Large",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What is said of one entry. `location`: '' where it cannot be said."""

    status: int
    location: str = ""
    etag: str = ""
    outcome: bytes = b""


def outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    """An OperationOutcome."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues]}


def stored() -> bytes:
    """The OperationOutcome of what went well."""
    return written(outcome([_STORED]))


def response(kind: str, entries: Sequence[Answered]) -> bytes:
    """A Bundle of `kind` transaction-response or batch-response."""
    said = [{"response": _response(each)} for each in entries]
    # FHIR has no empty arrays: what has no entries has no element for them.
    return written({"resourceType": "Bundle", "type": kind, **({"entry": said} if said else {})})


def written(document: dict[str, Any]) -> bytes:
    """`document` as it goes out: the same always gives the same bytes."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()


def _issue(issue: Issue) -> dict[str, Any]:
    said: dict[str, Any] = {"severity": issue.severity, "code": issue.code, "diagnostics": issue.diagnostics}
    if issue.expression:
        said["expression"] = [issue.expression]
    return said


def _response(entry: Answered) -> dict[str, Any]:
    said: dict[str, Any] = {"status": f"{entry.status} {_PHRASES.get(entry.status, '')}".rstrip()}
    if entry.location:
        said["location"] = entry.location
    if entry.etag:
        said["etag"] = entry.etag
    if entry.outcome:
        said["outcome"] = json.loads(entry.outcome)
    return said
