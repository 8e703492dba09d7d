"""How the commands of upkeep say what they found: lines for people, or JSON."""

from __future__ import annotations

import base64
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from marsad_center.gateway.reprocess import Progress
from marsad_center.gateway.upkeep.replay import TAKEN, Outcome
from marsad_center.gateway.upkeep.reseal import Resealed

WARNING = "What follows was received as it is and identifies patients. That it was shown is on record."


def listed(rows: Sequence[Mapping[str, Any]], totals: Mapping[str, int], *, as_json: bool) -> None:
    """A line a row, and how many there are."""
    if as_json:
        _json({"rows": rows, "totals": totals})
        return
    _table(
        ("ID", "LAST RECEIVED", "TIMES", "SENDER", "MSH-10 OR METHOD", "REASON", "DETAIL"),
        [
            (row["id"], _short(row["lastReceivedAt"]), row["times"], _sender(row), row["controlId"] or "-",
             row["reason"] + (" (replayed)" if row["replayedAt"] else ""), row["detail"])
            for row in rows
        ],
    )  # fmt: skip
    count = sum(totals.values())
    words = ", ".join(f"{number} {reason}" for reason, number in totals.items())
    _say(f"{count} in quarantine: {words}" if count else "Nothing is in quarantine.")


def shown(rows: Sequence[Mapping[str, Any]], content: Mapping[int, bytes], *, as_json: bool) -> None:
    """Everything that is known of each row; what was received only where it is in `content`."""
    if as_json:
        encoded = {id_: base64.b64encode(raw).decode() for id_, raw in content.items()}
        _json({"rows": [dict(row) | ({"content": encoded[row["id"]]} if row["id"] in encoded else {}) for row in rows]})
        return
    for row in rows:
        for name, value in row.items():
            _say(f"{name + ':':<20} {_words(value)}")
        if (raw := content.get(row["id"])) is not None:
            _say(f"\n{WARNING}\n\n{_readable(raw)}")
        _say("")


def senders(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """A line a sender."""
    if as_json:
        _json({"senders": found})
        return
    rows = [
        (each["sendingApplication"] or "-", each["sendingFacility"] or "-", each["messages"], _short(each["firstAt"]),
         _short(each["lastAt"]), _standing(each))
        for each in found
    ]  # fmt: skip
    if rows:
        _table(("MSH-3", "MSH-4", "MESSAGES", "FIRST", "LAST", ""), rows)
    else:
        _say("Every sender is declared.")


def codes(rows: Sequence[Mapping[str, Any]], totals: Mapping[str, int], *, as_json: bool) -> None:
    """A line a code that nobody has mapped, and how many each facility has."""
    if as_json:
        told = [{name: value for name, value in row.items() if name != "ofFacility"} for row in rows]
        _json({"codes": told, "totals": totals})
        return
    _table(
        ("FACILITY", "KIND", "SYSTEM", "CODE", "DISPLAY", "TIMES", "LAST"),
        [
            (row["facility"], row["kind"], row["system"] or "-", row["code"], row["display"] or "-", row["times"],
             _short(str(row["lastAt"])))
            for row in rows
        ],
    )  # fmt: skip
    words = ", ".join(f"{number} of {facility}" for facility, number in totals.items())
    _say(f"{sum(totals.values())} codes are not mapped: {words}" if totals else "Every code is mapped.")


def replayed(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    """What became of each row, and an account."""
    if as_json:
        _json({"outcomes": [asdict(each) for each in outcomes]})
        return
    for each in outcomes:
        said = f" ({each.reason}): {each.said}" if each.outcome not in TAKEN else ""
        _say(f"{each.id} {each.outcome}{said}")
    counts = Counter(each.outcome for each in outcomes)
    words = ", ".join(f"{counts[name]} {name}" for name in (*TAKEN, "refused") if counts[name])
    _say(words or "Nothing is there to replay.")


def progress(done: Progress, *, as_json: bool) -> None:
    """How far a run is."""
    if as_json:
        _json(asdict(done))
        return
    told = f"{done.messages} messages read again, {done.changed} say something else now"
    if done.unread:
        told += f", {done.unread} could not be read (the log names them) and keep their facts"
    if done.finished:
        _say(f"{told}. Done.")
    elif done.until is not None:
        _say(f"{told}; received until {done.until:%Y-%m-%d %H:%M:%S} UTC. To go on from here: --after {done.at}")


def resealed(done: Resealed, *, as_json: bool) -> None:
    """How far it is."""
    if as_json:
        _json(asdict(done))
    else:
        _say(f"{done.rows} rows sealed with the newest key")


def unread(done: Resealed) -> None:
    """The rows that do not open."""
    for each in done.unread:
        sys.stderr.write(f"{each}\n")


def _standing(sender: Mapping[str, Any]) -> str:
    """How a sender that was not heard stands to the registry."""
    if sender["reason"] != "unknown-sender":
        return f"{sender['reason']}: {sender['detail']}"
    return "declared since: replay" if sender["declared"] else "not declared"


def _sender(row: Mapping[str, Any]) -> str:
    feed = f"{row['facility']}/{row['feed']} " if row["feed"] else ""
    return f"{feed}{row['sendingApplication'] or '-'}|{row['sendingFacility'] or '-'}"


def _short(moment: str) -> str:
    return f"{moment[:10]} {moment[11:19]}"


def _words(value: Any) -> str:
    if value is None:
        return "-"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _readable(raw: bytes) -> str:
    """For a terminal: segments as lines; bytes that are no UTF-8, and what would steer the terminal, as escapes."""
    text = raw.decode("utf-8", "backslashreplace").replace("\r", "\n")
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if not rows:
        return
    texts = [[str(cell) if str(cell).isprintable() else ascii(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(headings))]
    for row in texts:
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _json(document: Mapping[str, Any]) -> None:
    _say(json.dumps(document, ensure_ascii=False, default=str))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
