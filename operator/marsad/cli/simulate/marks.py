"""What an emergency visit says beside its movements: triage, ambulance, first physician, decision, ventilation.

The codes are those of the gateway's default feed profile: center/marsad_center/gateway/PROFILE.md.
"""

from dataclasses import dataclass
from datetime import datetime

from marsad.cli.simulate.message import fields, stamp

_TRIAGE = "11283-9^Acuity assessment^LN"
_CONTACT = "PHYSICIAN-CONTACT^First physician contact^99MARSAD"
_OFFLOAD = "AMBULANCE-OFFLOAD^Taken over from the ambulance^99MARSAD"
_DECISION = "ADMIT-DECISION^Decision to admit^99MARSAD"
_VENTILATED = "VENTILATED^On a ventilator^99MARSAD"


@dataclass
class Marks:
    """What is known so far. `came_by` is PV2-38 (table 0430: A ambulance); `triaged` the level and its time; `seen` the
    first contact with a physician."""

    came_by: str = ""
    triaged: tuple[int, datetime] | None = None
    offloaded: datetime | None = None
    seen: datetime | None = None
    decided: datetime | None = None
    ventilated: bool = False

    def segments(self) -> list[str]:
        """PV2 and OBX, as each ADT message of the visit repeats them."""
        lines = [fields("PV2", {38: self.came_by})] if self.came_by else []
        observed: list[dict[int, str]] = []
        if self.triaged:
            level, at = self.triaged
            observed.append({2: "NM", 3: _TRIAGE, 5: str(level), 14: stamp(at)})
        for code, moment in ((_OFFLOAD, self.offloaded), (_CONTACT, self.seen), (_DECISION, self.decided)):
            if moment:
                observed.append({2: "TS", 3: code, 5: stamp(moment)})
        if self.ventilated:
            observed.append({2: "ST", 3: _VENTILATED, 5: "Y"})
        return lines + [fields("OBX", {1: str(n), **each, 11: "F"}) for n, each in enumerate(observed, start=1)]
