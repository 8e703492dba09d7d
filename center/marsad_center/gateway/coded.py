"""Codes and words of fields: CE and CWE (identifier^text^system, and the same once more in another system)."""

from __future__ import annotations

from marsad_center.facts.code_systems import is_standard
from marsad_center.facts.events import Code
from marsad_center.gateway.hl7 import DELETE, Segment

TAKEN_BACK = frozenset({"D", "W", "X"})
"""OBX-11, HL7 table 0085: the value is deleted, was posted as wrong, cannot be obtained."""


def given(text: str) -> str | None:
    """None for nothing said, '' for delete."""
    if not text:
        return None
    return "" if text == DELETE else text


def coded(segment: Segment | None, field: int) -> Code | None:
    """The code of a field; None when it says nothing, an empty one for delete.

    A field may say the same twice (components 1 to 3, and 4 to 6): of a local code and one of everybody's, the latter.
    """
    if segment is None or not segment.field(field):
        return None
    parts = [part.strip() for part in segment.components(field)[:6]] + [""] * 6
    first, second = Code(parts[2], parts[0], parts[1]), Code(parts[5], parts[3], parts[4])
    if first.code == DELETE:
        return Code("", "")
    if second.code and not is_standard(first.system) and (not first.code or is_standard(second.system)):
        return second
    return first if first.code or first.display else None
