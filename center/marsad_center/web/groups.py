"""The groups of the page, as a clinician looks for figures. A figure says its group in the catalogue, or its id does;
one that fits none has a place of its own, so that a new file of the catalogue always appears."""

from __future__ import annotations

from marsad_center.indicators.catalogue import Indicator

GROUPS = ("emergency", "beds", "referrals", "appointments", "diagnostics", "pharmacy", "feeds", "other")

_BY_PREFIX = {
    "ed": "emergency",
    "bed": "beds",
    "referral": "referrals",
    "appointment": "appointments",
    "virtual": "appointments",
    "lab": "diagnostics",
    "radiology": "diagnostics",
    "prescription": "pharmacy",
    "vaccination": "pharmacy",
    "coverage": "feeds",
    "feed": "feeds",
}


def group(indicator: Indicator) -> str:
    """One of GROUPS."""
    if indicator.group in GROUPS:
        return indicator.group
    return _BY_PREFIX.get(indicator.id.removeprefix("forecast.").partition(".")[0], "other")
