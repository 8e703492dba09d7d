"""What can be wrong with what came in: a word for the quarantine, and what is answered for it.

Texts are ASCII, say what to do, and never hold anything of the content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MOST_ISSUES = 20  # told of one request: whoever has more begins with these


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome. `code`: of the value set issue-type; `expression`: FHIRPath, '' for none."""

    code: str
    diagnostics: str
    expression: str = ""
    severity: str = "error"


class _Answer(NamedTuple):
    status: int
    code: str


# By the word of the quarantine: HTTP status (FHIR R4, 3.1.0.1.5) and issue.code (value set issue-type).
ANSWERS: Mapping[str, _Answer] = {
    "not-json": _Answer(400, "structure"),
    "no-resource": _Answer(400, "structure"),
    "bad-element": _Answer(400, "structure"),
    "missing-element": _Answer(400, "required"),
    "bad-value": _Answer(400, "value"),
    "bad-bundle": _Answer(400, "invalid"),
    "wrong-id": _Answer(400, "value"),
    "unknown-sender": _Answer(403, "forbidden"),
    "wrong-transport": _Answer(403, "forbidden"),
    "not-over-tls": _Answer(403, "forbidden"),
    "wrong-certificate": _Answer(403, "forbidden"),
    "unknown-type": _Answer(404, "not-supported"),
    "conflict": _Answer(409, "conflict"),
    "too-long": _Answer(413, "too-long"),
    "bad-code": _Answer(422, "code-invalid"),
    "missing-key": _Answer(422, "required"),
    "missing-visit": _Answer(422, "required"),
    "unresolved": _Answer(422, "not-found"),
    "bad-reference": _Answer(422, "value"),
    "not-processed": _Answer(500, "exception"),
}


class Fault(Exception):
    """What came in cannot be used. `reason`: a key of ANSWERS; `issues`: at least one, the first is the worst."""

    def __init__(self, reason: str, issues: Sequence[Issue]) -> None:
        super().__init__(issues[0].diagnostics)
        self.reason, self.issues = reason, tuple(issues[:MOST_ISSUES])


def fault(reason: str, diagnostics: str, expression: str = "") -> Fault:
    """A Fault of one issue."""
    return Fault(reason, [Issue(ANSWERS[reason].code, diagnostics, expression)])


def within(error: Fault, place: str) -> Fault:
    """The same, said of an element of a Bundle: "Encounter.status" becomes "Bundle.entry[3].resource.status"."""
    issues = [
        Issue(issue.code, issue.diagnostics, ".".join([place, *issue.expression.split(".")[1:]]), issue.severity)
        for issue in error.issues
    ]
    return Fault(error.reason, issues)
