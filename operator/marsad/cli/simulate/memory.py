"""Remembers in a file which visits are open, so that the next play sends home whom a killed one left behind.

A log: before a visit's first message goes out, a line says how it is discharged; when its last one was accepted, a line
strikes it out. Whenever the process dies the file holds a visit too many at most, never one too few, and a second
discharge does no harm. It is not synced: it outlives the process, not the machine.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from marsad.cli.simulate.envelope import Outgoing
from marsad.cli.simulate.facilities import Unusable
from marsad.cli.simulate.hospital import Facility
from marsad.cli.simulate.message import Draft

_OPEN = frozenset({"A01", "A04", "A13"})
_CLOSE = frozenset({"A03", "A11"})
_SLACK = 1000  # lines beyond four a visit after which the log is written anew

Visit = tuple[str, str]
"""Facility code and visit number: numbers are unique within a facility only."""


class Memory:
    """One file, for one play at a time and one gateway. Raises Unusable when it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[Visit, str] = {}  # the newest opening or closing that was written of a visit
        self._log: IO[str] | None = None
        try:
            with path.open("a+", encoding="utf-8") as found:
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.seek(0)
                self._segments = dict(_read(found))
                self._rewrite()
        except BlockingIOError as error:
            raise Unusable(f"--remember {path}: another play uses it") from error
        except OSError as error:
            raise Unusable(f"--remember {path}: {error.strerror}") from error

    def left(self, facilities: Iterable[Facility], moment: datetime) -> list[tuple[Facility, Draft]]:
        """Discharges at `moment` of the visits that an earlier play left open; of other facilities none is told."""
        known = {facility.code: facility for facility in facilities}
        return [
            (known[code], Draft("A03", number, moment, segments))
            for (code, number), segments in self._segments.items()
            if code in known
        ]

    def written(self, facility: Facility, draft: Draft) -> None:
        """A message is about to go out."""
        if draft.trigger not in _OPEN | _CLOSE:
            return
        visit = (facility.code, draft.key)
        self._last[visit] = draft.trigger
        if draft.trigger in _OPEN and visit not in self._segments:
            self._segments[visit] = draft.segments[:2]  # PID and PV1: all that a discharge says
            self._note(visit, self._segments[visit])

    def accepted(self, message: Outgoing) -> None:
        """A message was accepted. A discharge that was cancelled meanwhile (A13 is on its way) closes nothing."""
        if message.trigger in _CLOSE and self._last.get(message.visit) in _CLOSE:
            del self._last[message.visit]
            if self._segments.pop(message.visit, None) is not None:
                self._note(message.visit, None)

    def close(self) -> None:
        """Let another play have it."""
        if self._log is not None:
            self._log.close()

    def _note(self, visit: Visit, segments: tuple[str, ...] | None) -> None:
        assert self._log is not None
        self._log.write(_line(visit, segments))
        self._log.flush()
        self._lines += 1
        if self._lines > _SLACK + 4 * len(self._segments):
            self._rewrite()

    def _rewrite(self) -> None:
        """Only what is open, in a new file that takes the place of the old one in one step; the lock goes along."""
        new = self._path.with_name(f"{self._path.name}.new")
        log = new.open("w", encoding="utf-8")
        fcntl.flock(log, fcntl.LOCK_EX)
        log.writelines(_line(visit, segments) for visit, segments in self._segments.items())
        log.flush()
        new.replace(self._path)
        if self._log is not None:
            self._log.close()
        self._log, self._lines = log, len(self._segments)


def _line(visit: Visit, segments: tuple[str, ...] | None) -> str:
    return json.dumps([*visit, segments], ensure_ascii=False) + "\n"


def _read(lines: Iterable[str]) -> Iterator[tuple[Visit, tuple[str, ...]]]:
    """The visits that are open at the end of the log. A last line that was cut short was never acted on."""
    found: dict[Visit, tuple[str, ...]] = {}
    for line in lines:
        try:
            code, number, segments = json.loads(line)
        except ValueError:
            continue
        if segments is None:
            found.pop((code, number), None)
        else:
            found[code, number] = tuple(segments)
    return iter(found.items())
