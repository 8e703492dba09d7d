"""What was sent and how it was answered."""

import json
import math
from collections import Counter
from dataclasses import dataclass, field

from marsad.cli.simulate.envelope import Outgoing
from marsad.cli.simulate.mllp import Answer

_STEP = math.log(1.05)  # latencies are counted in classes 5 % apart: a play without end must not grow


def accepted(code: str) -> bool:
    """Whether an answer means that the message was taken: CA, AA or both, or none where none was asked for."""
    return all(part in ("AA", "CA", "not asked for") for part in code.split("+"))


@dataclass
class Account:
    """Counts of one play. `taken` were handed over for sending; each is answered, given up or still waiting.

    `fault`: why a try failed since the last message was settled; `last_fault`: why the last one did that failed.
    """

    taken: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    by_sender: dict[str, Counter[str]] = field(default_factory=dict)
    given_up: int = 0
    faults: int = 0
    resent: int = 0
    repeated: int = 0
    fault: str = ""
    last_fault: str = ""
    _latencies: Counter[int] = field(default_factory=Counter)

    def take(self, message: Outgoing) -> None:
        self.taken += 1
        self.repeated += message.again

    def note(self, message: Outgoing, answer: Answer | None) -> None:
        """The outcome of one message; None: given up."""
        self.fault = ""
        if answer is None:
            self.given_up += 1
            return
        self.answers[answer.text] += 1
        self.by_sender.setdefault(message.sender, Counter())[answer.text] += 1
        self.resent += answer.attempts > 1
        self._latencies[math.ceil(math.log(max(answer.seconds, 1e-6)) / _STEP)] += 1

    def note_fault(self, reason: str) -> None:
        """A try that ended without an answer."""
        self.faults += 1
        self.fault = self.last_fault = reason

    @property
    def answered(self) -> int:
        return self.answers.total()

    @property
    def unanswered(self) -> int:
        """Taken, and without an answer: on the way, or given up."""
        return self.taken - self.answered

    @property
    def refused(self) -> int:
        return sum(count for code, count in self.answers.items() if not accepted(code))

    def latency(self, share: float) -> float | None:
        """Seconds within which `share` of the answers came (at most 5 % too high); None without answers."""
        rank = math.ceil(share * self._latencies.total())
        for step in sorted(self._latencies):
            rank -= self._latencies[step]
            if rank <= 0:
                return math.exp(step * _STEP)
        return None

    def as_json(self, elapsed: float) -> str:
        """The account for programs; times in seconds."""
        return json.dumps({
            "sent": self.taken, "answers": dict(sorted(self.answers.items())), "unanswered": self.unanswered,
            "refused": self.refused, "resent": self.resent, "faults": self.faults, "repeated": self.repeated,
            "seconds": round(elapsed, 3),
            "acknowledgementSeconds": {"p50": self.latency(0.5), "p95": self.latency(0.95), "max": self.latency(1.0)},
            "senders": {sender: dict(sorted(codes.items())) for sender, codes in sorted(self.by_sender.items())},
        })  # fmt: skip
