"""A FHIR message on the durable road of all messages: what inbound.py is for HL7 v2."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from marsad_center.gateway.acknowledge import Verdict
from marsad_center.gateway.fhir import answers
from marsad_center.gateway.fhir.answers import Answered
from marsad_center.gateway.fhir.faults import ANSWERS, Issue
from marsad_center.gateway.fhir.senders import Sender
from marsad_center.gateway.inbound import UNKNOWN_BYTES, Inbound
from marsad_center.gateway.route import Routes

_SENTENCES = {
    "conflict": "this version was sent before with other content: give a changed resource another meta.versionId or "
    "meta.lastUpdated",
    "not-processed": "it could not be stored, and is kept aside for the people of the center: do not send it again "
    "unchanged",
}


NOT_JUDGED = Answered(500)


@dataclass(slots=True, eq=False)
class FhirInbound(Inbound):
    """One resource, or one transaction. `said`: what is answered, once it is committed. `code`: the HTTP status.

    `number`: what it is known by, type first. `things`: Type/key of all that it says something of; `unversioned`: those
    of them of which it says no version. The last part of its key, in place of MSH-10, is made of these when it is
    stored (versions.py): identifiers of patients and visits stand nowhere in clear. Its answer follows from its bytes,
    and is made again from them.
    """

    ACK_KEPT: ClassVar[bool] = False

    number: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    unversioned: tuple[str, ...] = ()
    refusal: tuple[str, str] = ("", "")  # why there is no route: a reason and a sentence
    said: Answered = NOT_JUDGED
    entries: tuple[Answered, ...] | None = None  # of a transaction

    @property
    def counted(self) -> bool:
        """Always: it has a sender."""
        return True

    def answered(self) -> FhirInbound:
        """This, with the status and the document that are answered."""
        self.code = str(self.said.status)
        if self.entries is not None and self.verdict == "accept":
            self.ack = answers.response("transaction-response", self.entries)
        else:
            self.ack = self.said.outcome or answers.stored()
        return self

    def refused(self, verdict: Verdict, reason: str, detail: str, *, stored: bool = False) -> FhirInbound:
        """A copy, refused: to quarantine with a word and a sentence, no facts."""
        answer = ANSWERS[reason]
        return self.faulty(verdict, reason, [Issue(answer.code, _SENTENCES.get(reason, detail))], detail, stored=stored)

    def faulty(
        self, verdict: Verdict, reason: str, issues: Sequence[Issue], detail: str = "", *, stored: bool = False
    ) -> FhirInbound:
        """The same with all that is wrong."""
        first = issues[0]
        if reason == "conflict":
            detail = "this version was sent before with other content"
        changed = replace(
            self,
            verdict=verdict,
            reason=reason,
            key=(*self.key[:2], self.trigger),  # how it came, without which it could not be judged again
            detail=detail or _at(first),
            stored=stored,
            facts=(),
            said=Answered(ANSWERS[reason].status, outcome=answers.written(answers.outcome(issues))),
            entries=None,
            raw=self.raw[:UNKNOWN_BYTES] if self.route is None else self.raw,
        )
        return changed.answered()


def take(
    raw: bytes, sender: Sender, routes: Routes, peer: str, at: datetime, *, kind: str, size: int | None = None
) -> FhirInbound:
    """Not judged yet. `kind`: POST, PUT, transaction or batch; `size`: of the whole, where `raw` is cut."""
    route = routes.find(*sender, "^")
    return FhirInbound(
        raw,
        hashlib.sha256(raw).digest(),
        len(raw) if size is None else size,
        at,
        peer,
        route=route,
        refusal=("", "") if route is not None else routes.refusal(*sender, "^"),
        key=(*sender, ""),
        trigger=kind,
        codec="utf-8",
    )


def _at(issue: Issue) -> str:
    """What is wrong, after the place where it does not begin with that itself."""
    told = not issue.expression or issue.diagnostics.startswith(issue.expression)
    return issue.diagnostics if told else f"{issue.expression}: {issue.diagnostics}"
